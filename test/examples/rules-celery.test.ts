import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { freePorts } from '../../src/testing/free-port.js';
import { celeryVariables } from '../setup/celery-toolchain.js';
import { repoRoot } from '../setup/repo.js';
import { RedisServer } from '../support/redis-server.js';
import { fromSetup, ServerProcess } from '../support/server-process.js';
import { expectedOf, linesOf, RunningExample } from './run-example.js';

test('rules reach the Celery worker of the example too', async () => {
  await using redis = await RedisServer.start();
  const [port = 0] = await freePorts(1);
  const folder = await mkdtemp(join(tmpdir(), 'tidings-example-'));
  const log = join(folder, 'worker.log');
  // For the example, which takes those of this process, and for the worker.
  Object.assign(process.env, { CELERY_BROKER: redis.url, SERVICES_PORT: String(port) });
  const worker = new ServerProcess({
    name: 'the worker of the example',
    program: fromSetup(celeryVariables.python),
    args: ['-m', 'celery', '-A', 'worker', 'worker', '-c', '1', '--pool', 'threads', '-l', 'INFO'],
    env: { ...process.env, THANKED_URL: `http://127.0.0.1:${String(port)}/thanked`, PYTHONDONTWRITEBYTECODE: '1' },
    cwd: join(repoRoot, 'examples', 'rules'),
    folder,
    log,
  });
  try {
    worker.start();
    await worker.says(async () => (await readFile(log, 'utf8')).includes(' ready.'), 'ready', 30_000);
    await using example = new RunningExample('rules/main.js', undefined);
    const { code, stdout, stderr } = await example.ended;
    expect(stderr).toBe('');
    expect(linesOf(stdout)).toEqual([...expectedOf('rules'), 'worker: thanks Ann for 99.50'].sort());
    expect(code).toBe(0);
  } finally {
    await worker.kill();
    await rm(folder, { recursive: true });
  }
}, 90_000);
