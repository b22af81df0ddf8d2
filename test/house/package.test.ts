import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { repoRoot } from '../setup/repo.js';
import { subpaths } from './export-list.js';

const stepMs = 60_000;
const bin = (name: string): string => join(repoRoot, 'node_modules', '.bin', name);

/** Rejects with all that the program said. */
async function run(cwd: string, program: string, ...args: string[]): Promise<string> {
  try {
    return (await promisify(execFile)(program, args, { cwd, timeout: stepMs, env: { ...process.env, NODE_OPTIONS: '' } })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? String(error)}`, { cause: error });
  }
}

async function installedVersion(name: string): Promise<string> {
  const file = join(repoRoot, 'node_modules', name, 'package.json');
  return `${name}@${(JSON.parse(await readFile(file, 'utf8')) as { version: string }).version}`;
}

describe('the packed package', () => {
  let folder: string;
  let tarball: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidings-package-'));
    await run(repoRoot, 'npm', 'pack', '--ignore-scripts', '--pack-destination', folder);
    tarball = join(folder, (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? 'none');
  }, stepMs);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test(
    'passes publint',
    async () => {
      await run(folder, bin('publint'), 'run', tarball, '--strict');
    },
    stepMs,
  );

  test(
    'has types that resolve from ESM',
    async () => {
      await run(folder, bin('attw'), tarball, '--profile', 'esm-only');
    },
    stepMs,
  );

  test('holds sources and output, the licence and the changelog, and no tests', async () => {
    const files = (await run(folder, 'tar', '-tzf', tarball)).trim().split('\n');
    expect(files.map((file) => file.split('/').slice(0, 3).join('/'))).toEqual(
      expect.arrayContaining(['package/LICENSE', 'package/CHANGELOG.md', 'package/package.json', 'package/dist/src']),
    );
    expect(
      files.filter((file) => !/^package\/(?:dist\/src\/|src\/|LICENSE$|README\.md$|CHANGELOG\.md$|package\.json$)/.test(file)),
    ).toEqual([]);
  });

  test(
    'installs beside its peers, imports at every subpath, compiles under the strictest flags',
    async () => {
      const peers = await Promise.all(['inversify', 'reflect-metadata', 'cborg', '@types/node'].map(installedVersion));
      await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
      await run(folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', tarball, ...peers);
      const names = subpaths().map(({ subpath }) => `tidings${subpath.slice(1)}`);
      const lines = names.map((name, index) => `import * as m${index} from '${name}';\nconsole.log(Object.keys(m${index}).length > 0);\n`);
      const source = `import 'reflect-metadata';\n${lines.join('')}`;
      await writeFile(join(folder, 'main.ts'), source);
      const { compilerOptions } = JSON.parse(await readFile(join(repoRoot, 'tsconfig.json'), 'utf8')) as { compilerOptions: object };
      const options = { ...compilerOptions, rootDir: '.', outDir: 'out', incremental: false, tsBuildInfoFile: undefined };
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['main.ts'] }));
      await run(folder, bin('tsc'), '-p', folder);
      expect(await run(folder, process.execPath, 'out/main.js')).toBe('true\n'.repeat(names.length));
      expect(await run(folder, join(folder, 'node_modules', '.bin', 'tidings'), '--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
    },
    2 * stepMs,
  );
});
