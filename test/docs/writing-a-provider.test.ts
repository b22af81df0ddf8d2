import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { capabilityMeanings } from '../../src/core/provider.js';
import { repoRoot } from '../setup/repo.js';
import { compile, compiled } from './compile.js';
import { membersOf } from './declared.js';
import { fencesOf, keysOf, linksOf, tableOf } from './markdown.js';

const page = readFileSync(join(repoRoot, 'docs/writing-a-provider.md'), 'utf8');
const readme = readFileSync(join(repoRoot, 'README.md'), 'utf8');
const hostedMs = 120_000;

/** What the reader has written by then. */
const myProvider = `
import { MemoryBroker, MemoryProvider } from 'tidings';
const broker = new MemoryBroker();
export class MyProvider extends MemoryProvider {
  constructor() {
    super({ broker });
  }
}
`;

describe('the page about writing a provider', () => {
  test('tells every capability with its meaning', () => {
    const rows = tableOf(page, 'capabilities').map((row) => [keysOf([row])[0], row['What it means']]);
    expect(rows).toEqual(Object.entries(capabilityMeanings));
  });

  test('tells every option of the suite and no other', () => {
    const members = new Set(membersOf('ConformanceOptions').map(({ name }) => name.split('.')[0]));
    expect(keysOf(tableOf(page, 'ConformanceOptions')).sort()).toEqual([...members].sort());
  });

  test('has links that lead somewhere, and is linked from the README', () => {
    const broken = linksOf(page).filter((link) => !existsSync(join(repoRoot, 'docs', link.split('#')[0] ?? link)));
    expect(broken).toEqual([]);
    expect(linksOf(readme)).toContain('docs/writing-a-provider.md');
  });

  test(
    'shows a test that compiles, hosts the suite, and fails for no case',
    () => {
      const [hosting] = fencesOf(page).filter(({ lang }) => lang === 'ts');
      const [tsconfig] = fencesOf(readme).filter(({ title }) => title === 'tsconfig.json');
      const file = hosting?.title ?? '';
      const files = new Map([
        [file, hosting?.code ?? ''],
        ['my-provider.ts', myProvider],
      ]);
      expect(compile('writing-a-provider', files, tsconfig?.code ?? '', () => hosting?.line ?? 0)).toEqual([]);
      const args = ['--test', '--test-reporter=tap', '--test-name-pattern=CF-[AN]|left out', compiled('writing-a-provider', file)];
      // One that is told of a parent speaks its protocol, not TAP.
      const { NODE_TEST_CONTEXT: _, ...env } = process.env;
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: hostedMs, env });
      expect({ status, stderr, stdout: status === 0 ? '' : stdout }).toEqual({ status: 0, stderr: '', stdout: '' });
      expect(stdout).toMatch(/^\s*ok \d+ - CF-A1 /m);
      expect(stdout).toContain('left out: CF-G5');
    },
    hostedMs,
  );
});
