import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { counterNames } from '../../src/core/counters.js';
import { errorCodes } from '../../src/core/errors.js';
import { wire } from '../../src/core/headers.js';
import { capabilityMeanings, type Capability, type Provider } from '../../src/core/provider.js';
import { defaultStream } from '../../src/manager/listening.js';
import {
  defaultArchive,
  defaultConcurrency,
  defaultMaxBodyBytes,
  defaultMaxPending,
  defaultMinPackedBytes,
  defaultRequestTimeoutMs,
  defaultResponderGraceMs,
  defaultSendTimeoutMs,
  defaultStartTimeoutMs,
  defaultStopDeadlineMs,
} from '../../src/manager/manager-options.js';
import { resolvedAmqpOptions } from '../../src/providers/amqp/amqp-options.js';
import { AmqpProvider } from '../../src/providers/amqp/amqp-provider.js';
import { MemoryProvider } from '../../src/providers/memory/memory-provider.js';
import { StompProvider } from '../../src/providers/stomp/stomp-provider.js';
import { resolvedStompOptions } from '../../src/providers/stomp/stomp-options.js';
import { defaultMaxCrashes } from '../../src/core/catalog.js';
import { defaultBreaker } from '../../src/reliability/breaker.js';
import { defaultDedupeTtlMs } from '../../src/reliability/dedupe.js';
import { defaultMaxEntries } from '../../src/reliability/memory-dedupe-store.js';
import { defaultRetry } from '../../src/reliability/retry-policy.js';
import { repoRoot } from '../setup/repo.js';
import { compile, compiled } from './compile.js';
import { membersOf, schemaKeys, unionOf } from './declared.js';
import { anchorsOf, fencesOf, keysOf, linksOf, tableNames, tableOf, type Fence } from './markdown.js';

const compileMs = 120_000;
const page = readFileSync(join(repoRoot, 'README.md'), 'utf8');
const fences = fencesOf(page);
const blocks = fences.filter(({ lang }) => lang === 'ts');
const programs = blocks.filter(({ title }) => title !== undefined);
const fragments = blocks.filter(({ title }) => title === undefined);
const packageJson = JSON.parse(readFileSync(join(repoRoot, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  exports: Record<string, unknown>;
  peerDependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

function only(title: string): Fence {
  const [one, ...more] = fences.filter((fence) => fence.title === title);
  if (one === undefined || more.length > 0) throw new Error(`the README must have one block titled ${title}`);
  return one;
}

/** Lines in any order: what one event's listeners print has none. */
function sorted(text: string): string[] {
  return text.trimEnd().split('\n').sort();
}

describe('the TypeScript of the README', () => {
  const programFile = ({ line, title = '' }: Fence): string => `${String(line)}/${title}`;
  const lines = new Map<string, number>();
  let mistakes: string[];

  beforeAll(() => {
    const tsconfig = only('tsconfig.json').code;
    const files = new Map(programs.map((block) => [programFile(block), block.code]));
    for (const block of programs) lines.set(programFile(block), block.line);
    mistakes = compile('programs', files, tsconfig, (file) => lines.get(file) ?? 0);
  }, compileMs);

  test('whole files compile as they stand, with the tsconfig.json of the README', () => {
    expect(programs.map(({ output }) => output !== undefined)).toContain(true);
    expect(mistakes).toEqual([]);
  });

  test(
    'the other blocks compile, given what they take for granted',
    () => {
      const prelude = readFileSync(join(repoRoot, 'test/docs/prelude.txt'), 'utf8');
      const files = new Map([['prelude.d.ts', prelude]]);
      for (const { line, code } of fragments) files.set(`line-${String(line)}.ts`, `${code}\nexport {};\n`);
      expect(compile('fragments', files, only('tsconfig.json').code, (file) => Number(/\d+/.exec(file)?.[0] ?? 0))).toEqual([]);
    },
    compileMs,
  );

  test.each(programs.map((block) => [block.title ?? '', block] as const))('%s runs and prints what the README says', (_title, block) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [compiled('programs', programFile(block))], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect({ status, stderr, stdout: status === 0 ? '' : stdout }).toEqual({ status: 0, stderr: '', stdout: '' });
    if (block.output !== undefined) expect(sorted(stdout)).toEqual(sorted(block.output));
  });
});

describe('the commands of the README', () => {
  const commands = fences.filter(({ lang }) => lang === 'sh').flatMap(({ code }) => code.split(/\n|&&/).map((line) => line.trim()));

  test('every npm script that it calls is there', () => {
    const called = commands.flatMap((command) => /\bnpm run ([\w:-]+)/.exec(command)?.[1] ?? (/\bnpm test\b/.test(command) ? 'test' : []));
    expect(called.length).toBeGreaterThan(0);
    expect(called.filter((name) => packageJson.scripts[name] === undefined)).toEqual([]);
  });

  test('every file that it names is there', () => {
    const named = commands.flatMap((command) => [...command.matchAll(/(?:-f|node) ([\w./-]+)/g)].map((match) => match[1] ?? ''));
    const missing = named.filter(
      (file) =>
        !existsSync(join(repoRoot, file)) && !programs.some(({ title }) => title?.replace('.ts', '.js') === file.replace('dist/', '')),
    );
    expect(missing).toEqual([]);
  });

  test('what it installs is what the package wants beside it', () => {
    const installed = commands.filter((command) => command.startsWith('npm install')).flatMap((command) => command.split(/\s+/).slice(2));
    const known = new Set(['tidings', ...Object.keys(packageJson.peerDependencies), ...Object.keys(packageJson.devDependencies)]);
    const names = installed.filter((word) => !word.startsWith('-') && !word.endsWith('.tgz'));
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(['tidings', ...Object.keys(packageJson.peerDependencies)]));
  });
});

describe('the links of the README', () => {
  const links = linksOf(page);

  test('lead to headings and files that are there', () => {
    const anchors = anchorsOf(page);
    const broken = links.filter((link) => {
      if (link.startsWith('#')) return !anchors.has(link.slice(1));
      return !/^https?:/.test(link) && !existsSync(join(repoRoot, link));
    });
    expect(broken).toEqual([]);
  });
});

const optionTables: { table: string; title: string; schema?: [file: string, variable: string, more?: string[]] }[] = [
  { table: 'EventingOptions', title: 'eventing()', schema: ['manager/manager-options.ts', 'managerSchema', ['resolve']] },
  { table: 'EventOptions', title: '@event', schema: ['manager/manager-options.ts', 'eventSchema'] },
  { table: 'EventListenerOptions', title: '@eventListener', schema: ['manager/manager-options.ts', 'listenerSchema'] },
  { table: 'PipelineOptions', title: '@envelopePipeline', schema: ['manager/manager-options.ts', 'pipelineOptionsSchema'] },
  { table: 'RetryOptions', title: 'retry', schema: ['manager/manager-options.ts', 'retrySchema'] },
  { table: 'BreakerOptions', title: 'breaker', schema: ['manager/manager-options.ts', 'breakerSchema'] },
  { table: 'ArchiveBounds', title: 'archive', schema: ['manager/manager-options.ts', 'archiveSchema'] },
  { table: 'StopOnSignalsOptions', title: 'stopOnSignals()', schema: ['manager/stop-on-signals.ts', 'shape'] },
  { table: 'DedupeOptions', title: 'dedupe()', schema: ['reliability/dedupe.ts', 'shape'] },
  { table: 'MemoryDedupeStoreOptions', title: 'MemoryDedupeStore', schema: ['reliability/memory-dedupe-store.ts', 'shape'] },
  { table: 'SendOptions', title: 'sendEvent()' },
  { table: 'RequestOptions', title: 'request()' },
  { table: 'RequestAllOptions', title: 'requestAll()' },
  { table: 'ListenOptions', title: 'listen()' },
  { table: 'StreamOptions', title: 'stream()' },
  { table: 'PullOptions', title: 'pull()' },
  { table: 'EventManager.start', title: 'start()' },
  { table: 'EventManager.stop', title: 'stop()' },
  { table: 'AmqpOptions', title: 'AmqpProvider', schema: ['providers/amqp/amqp-options.ts', 'schema'] },
  { table: 'StompOptions', title: 'StompProvider', schema: ['providers/stomp/stomp-options.ts', 'schema'] },
  { table: 'MemoryProviderOptions', title: 'MemoryProvider', schema: ['providers/memory/memory-options.ts', 'shape'] },
  { table: 'MemoryBrokerOptions', title: 'MemoryBroker' },
  { table: 'DescribeOptions', title: 'describeEvents()', schema: ['contracts/describe-options.ts', 'schema'] },
  { table: 'CompareOptions', title: 'compareContracts()' },
];

describe.each(optionTables)('the table of the options of $title', ({ table, schema }) => {
  const rows = (): Record<string, string>[] => tableOf(page, table);
  const members = membersOf(table);

  test('has every option of the interface and no other', () => {
    expect(keysOf(rows()).sort()).toEqual(members.map(({ name }) => name).sort());
  });

  test('says the defaults that the interface says', () => {
    const bare = (text: string): string => text.replace(/[`']/g, '').replace(/\s+/g, ' ').trim();
    const said = new Map(rows().map((row) => [keysOf([row])[0], bare(row['Default'] ?? '')]));
    const declared = members.flatMap(({ name, byDefault }) => (byDefault === undefined ? [] : [[name, bare(byDefault)]]));
    expect(declared.map(([name]) => [name, said.get(name)])).toEqual(declared);
  });

  test('fits what is checked at run time', () => {
    if (schema === undefined) return;
    const [file, variable, more = []] = schema;
    const checked = schemaKeys(file, variable).filter((key) => !more.includes(key));
    expect(checked.sort()).toEqual([...new Set(members.map(({ name }) => name.split('.')[0]))].sort());
  });
});

describe('numbers that the README says are those of the code', () => {
  const saidIn = (table: string, option: string): number | string => {
    const row = tableOf(page, table).find((one) => keysOf([one])[0] === option);
    const text = (row?.['Default'] ?? '').replace(/[`']/g, '');
    const number = /^[\d ]+$/.exec(text) === null ? undefined : Number(text.replaceAll(' ', ''));
    return number ?? (text === '1 MiB' ? 1024 * 1024 : text);
  };
  const amqp = resolvedAmqpOptions({});
  const stomp = resolvedStompOptions({});

  test.each([
    ['EventingOptions', 'concurrency', defaultConcurrency],
    ['EventingOptions', 'maxBodyBytes', defaultMaxBodyBytes],
    ['EventingOptions', 'maxPending', defaultMaxPending],
    ['EventingOptions', 'compression.minBytes', defaultMinPackedBytes],
    ['EventingOptions', 'startTimeoutMs', defaultStartTimeoutMs],
    ['EventingOptions', 'responderGraceMs', defaultResponderGraceMs],
    ['SendOptions', 'timeoutMs', defaultSendTimeoutMs],
    ['RequestOptions', 'timeoutMs', defaultRequestTimeoutMs],
    ['StreamOptions', 'concurrency', defaultStream.concurrency],
    ['StreamOptions', 'prefetch', defaultStream.prefetch],
    ['DedupeOptions', 'ttlMs', defaultDedupeTtlMs],
    ['MemoryDedupeStoreOptions', 'maxEntries', defaultMaxEntries],
    ['EventManager.stop', 'deadlineMs', defaultStopDeadlineMs],
    ...Object.entries(defaultRetry).map(([name, value]) => ['RetryOptions', name, value] as const),
    ...Object.entries(defaultBreaker).map(([name, value]) => ['BreakerOptions', name, value] as const),
    ['ArchiveBounds', 'maxCount', defaultArchive.maxCount],
    ['EventListenerOptions', 'maxCrashes', defaultMaxCrashes],
    ['AmqpOptions', 'idleTimeoutMs', amqp.idleTimeoutMs],
    ['AmqpOptions', 'reconnect.initialDelayMs', amqp.initialDelayMs],
    ['AmqpOptions', 'reconnect.maxDelayMs', amqp.maxDelayMs],
    ['AmqpOptions', 'body', amqp.body],
    ['AmqpOptions', 'queueNaming', amqp.queueNaming],
    ['AmqpOptions', 'host', amqp.endpoints[0]?.host],
    ['StompOptions', 'heartbeatMs', stomp.heartbeatMs],
    ['StompOptions', 'windowMessageBytes', stomp.windowMessageBytes],
    ['StompOptions', 'reconnect.initialDelayMs', stomp.initialDelayMs],
    ['StompOptions', 'reconnect.maxDelayMs', stomp.maxDelayMs],
    ['StompOptions', 'queueNaming', stomp.queueNaming],
    ['StompOptions', 'host', stomp.endpoints[0]?.host],
  ] as const)('%s.%s', (table, option, value) => {
    expect(saidIn(table, option)).toBe(value);
  });
});

describe('the lists of the README', () => {
  const lists: [table: string, names: readonly string[]][] = [
    ['error codes', errorCodes],
    ['counters', counterNames],
    ['archive reasons', unionOf('ArchiveReason')],
    ['onError', unionOf('OnError')],
    ['provisioning', unionOf('Provisioning')],
    ['send outcomes', unionOf('SendOutcome')],
    ['states', unionOf('ManagerState')],
    ['headers', Object.values(wire)],
    ['hooks', membersOf('EventingHooks').map(({ name }) => name)],
    [
      'health',
      membersOf('Health')
        .map(({ name }) => name.split('.')[0] ?? '')
        .filter((name, index, all) => all.indexOf(name) === index),
    ],
    ['observer', membersOf('Observer').map(({ name }) => name)],
    ['context', membersOf('EventContext').map(({ name }) => name)],
    [
      'folders',
      readdirSync(join(repoRoot, 'src'), { withFileTypes: true, recursive: false })
        .filter((one) => one.isDirectory())
        .flatMap(foldersIn),
    ],
  ];

  test.each(lists)('%s: all of them and nothing else', (table, names) => {
    expect(keysOf(tableOf(page, table)).sort()).toEqual([...names].sort());
  });

  test('capabilities: all of them, what each means, and who has which', () => {
    // A column for each provider.
    const providers: Readonly<Record<string, Provider>> = {
      memory: new MemoryProvider(),
      AMQP: new AmqpProvider(),
      STOMP: new StompProvider(),
    };
    const rows = Object.entries(capabilityMeanings).map(([name, meaning]) => ({
      Capability: `\`${name}\``,
      ...Object.fromEntries(
        Object.entries(providers).map(([column, provider]) => [column, provider.capabilities.has(name as Capability) ? 'yes' : 'no']),
      ),
      'What it means': meaning,
    }));
    expect(tableOf(page, 'capabilities')).toEqual(rows);
  });

  test('every table that is marked is checked', () => {
    const checked = new Set([...optionTables.map(({ table }) => table), ...lists.map(([table]) => table), 'capabilities']);
    expect(tableNames(page).filter((name) => !checked.has(name))).toEqual([]);
  });

  test('every module that it imports is one of the package', () => {
    const imported = [...page.matchAll(/from '(tidings[\w/]*)'/g)].map((match) => (match[1] ?? '').replace('tidings', '.'));
    expect(imported.filter((path) => packageJson.exports[path] === undefined)).toEqual([]);
  });
});

/** A folder of one provider each is a row of its own. */
function foldersIn({ name }: { name: string }): string[] {
  if (name !== 'providers') return [`${name}/`];
  return readdirSync(join(repoRoot, 'src', name)).map((provider) => `${name}/${provider}/`);
}
