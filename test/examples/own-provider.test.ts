import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FolderProvider } from '../../examples/own-provider/folder-provider.js';
import { FolderQueue } from '../../examples/own-provider/folder-queue.js';
import { providerConformance } from '../../src/testing/index.js';
import { repoRoot } from '../setup/repo.js';
import { expectedOf, linesOf, RunningExample } from './run-example.js';

const suiteMs = 120_000;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'own-provider-test-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test(
  'a provider of one’s own works, and passes every case that it can be asked',
  async () => {
    const { capabilities } = new FolderProvider(folder);
    const cases = providerConformance({ capabilities, create: () => new FolderProvider(folder), processes: '-', promptReturns: true });
    expect(cases.length).toBeGreaterThan(50);
    await using example = new RunningExample('own-provider/main.js', undefined);
    const { code, stdout, stderr } = await example.ended;
    expect(stderr).toBe('');
    expect(linesOf(stdout)).toEqual([...expectedOf('own-provider'), `${String(cases.length)} cases passed`].sort());
    expect(code).toBe(0);
  },
  suiteMs,
);

test('what a process held that is gone waits in its queue again', () => {
  const queue = new FolderQueue(folder, 'address', 'queue');
  queue.make();
  queue.put({ body: 'kept', headers: new Map(), durable: true }, 0);
  const module = pathToFileURL(join(repoRoot, 'dist/examples/own-provider/folder-queue.js')).href;
  const script = `
    const { FolderQueue } = await import(${JSON.stringify(module)});
    const queue = new FolderQueue(${JSON.stringify(folder)}, 'address', 'queue');
    process.stdout.write(queue.take(queue.due(Date.now())[0]).body);
    process.kill(process.pid, 'SIGKILL');`;
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect([stdout, signal]).toEqual(['kept', 'SIGKILL']);
  expect(queue.due(Date.now())).toEqual([]);
  queue.rescue();
  const [name = ''] = queue.due(Date.now());
  expect(queue.take(name)?.body).toBe('kept');
});
