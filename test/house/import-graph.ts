import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import ts from 'typescript';

/** For each source file, as `src/...` with slashes, what it imports as written. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** What a folder of src may import beside itself; `*` stands for everything. The longest matching name counts. */
const allowedFolders: Readonly<Record<string, readonly string[]>> = {
  core: [],
  codecs: ['core'],
  'providers/memory': ['core'],
  'providers/network': ['core'],
  'providers/artemis': ['core', 'providers/network'],
  'providers/amqp': ['core', 'providers/network', 'providers/artemis'],
  'providers/stomp': ['core', 'providers/network', 'providers/artemis'],
  contracts: ['core', 'codecs'],
  reliability: ['core'],
  patterns: ['core'],
  targets: ['core'],
  manager: ['core', 'codecs', 'reliability', 'patterns', 'targets'],
  container: ['manager', 'core'],
  testing: ['core', 'manager', 'providers/memory'],
  cli: ['*'],
  'index.ts': ['*'],
};

/** Packages that only some places may import; the others are open to all but core. */
const packagePlaces: Readonly<Record<string, string>> = {
  rhea: 'src/providers/amqp/rhea-',
  '@stomp/stompjs': 'src/providers/stomp/stompjs-driver.ts',
  inversify: 'src/container/',
  ws: 'src/providers/stomp/web-socket.ts',
  cborg: 'src/codecs/cbor/',
  undici: 'src/targets/http/undici-driver.ts',
  amqplib: 'src/targets/amqp091/amqplib-driver.ts',
  redis: 'src/targets/redis/redis-driver.ts',
  'lru-cache': 'src/reliability/memory-dedupe-store.ts',
  yaml: 'src/targets/rules-file/yaml-reader.ts',
};

// The second holds types only.
const corePackages = ['reflect-metadata', '@standard-schema/spec'];

export function readImportGraph(root: string): ImportGraph {
  const graph = new Map<string, string[]>();
  for (const name of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const file = join(root, 'src', name);
    const imported = ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles.map(({ fileName }) => fileName);
    graph.set(relative(root, file).split(sep).join('/'), imported);
  }
  return graph;
}

/** One line for each import that goes where it must not. */
export function findBreaches(graph: ImportGraph): string[] {
  const breaches: string[] = [];
  for (const [file, specifiers] of graph) {
    for (const specifier of specifiers) {
      const fault = specifier.startsWith('.') ? relativeFault(graph, file, specifier) : packageFault(file, specifier);
      if (fault !== undefined) breaches.push(`${file} -> ${specifier}: ${fault}`);
    }
    if (folderOf(file) === undefined) breaches.push(`${file}: no folder of the architecture`);
  }
  return breaches;
}

/** The files of each cycle, from one file back to itself. */
export function findCycles(graph: ImportGraph): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    for (const specifier of graph.get(file) ?? []) {
      if (specifier.startsWith('.')) visit(resolve(file, specifier));
    }
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
}

function relativeFault(graph: ImportGraph, file: string, specifier: string): string | undefined {
  const target = resolve(file, specifier);
  if (!graph.has(target)) return 'there is no such source file';
  if (target.endsWith('/index.ts')) return 'source code imports no index.ts';
  const [from, to] = [folderOf(file), folderOf(target)];
  if (from === undefined || to === undefined || from === to) return undefined;
  const allowed = allowedFolders[from] ?? [];
  return allowed.includes('*') || allowed.includes(to) ? undefined : `${from} may import ${allowed.join(', ') || 'nothing'}, not ${to}`;
}

function packageFault(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) return undefined;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (folderOf(file) === 'core') return corePackages.includes(name) ? undefined : `core may import ${corePackages.join(', ')} alone`;
  const place = packagePlaces[name];
  return place === undefined || file.startsWith(place) ? undefined : `${name} is imported in ${place} alone`;
}

function folderOf(file: string): string | undefined {
  return Object.keys(allowedFolders).find((folder) => file === `src/${folder}` || file.startsWith(`src/${folder}/`));
}

function resolve(file: string, specifier: string): string {
  return posix.join(dirname(file), specifier).replace(/\.js$/, '.ts');
}
