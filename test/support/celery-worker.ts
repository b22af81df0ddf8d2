import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '../../src/testing/wait-until.js';
import { runCommand } from '../../src/testing/run-command.js';
import { celeryVariables } from '../setup/celery-toolchain.js';
import { repoRoot } from '../setup/repo.js';
import { fromSetup, ServerProcess } from './server-process.js';

/** What a worker was asked to run. */
export interface Ran {
  readonly id: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Python's, of the args and then of the kwargs. */
  readonly types: readonly string[];
  readonly eta: string | null;
  readonly expires: string | null;
  readonly root: string;
  readonly parent: string | null;
  readonly correlation: string;
  readonly retries: number;
  readonly timelimit: readonly unknown[];
  readonly lang: string;
  readonly priority: number | null;
  readonly queue: string;
  /** Seconds since the epoch. */
  readonly at: number;
}

const startMs = 30_000;
const sendMs = 30_000;
const peers = join(repoRoot, 'test', 'targets', 'celery', 'peers');
// One task at a time, in a thread: the pool `solo` stops between the tasks of a backlog on RabbitMQ.
const pool = ['-c', '1', '--pool', 'threads'];
const quiet = ['--without-gossip', '--without-mingle', '--without-heartbeat', '-l', 'INFO'];

/** A worker of Celery, with the tasks of test/targets/celery/peers/tasks.py. */
export class CeleryWorker implements AsyncDisposable {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #process: ServerProcess;

  private constructor(folder: string, broker: string, queues: readonly string[]) {
    this.#folder = folder;
    this.#env = {
      ...process.env,
      PEER_BROKER: broker,
      PEER_OUT: this.#out,
      // Nothing compiled is left among the sources, and texts are UTF-8 whatever the locale.
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUTF8: '1',
    };
    this.#process = new ServerProcess({
      name: 'the Celery worker',
      program: fromSetup(celeryVariables.python),
      args: ['-m', 'celery', '-A', 'tasks', 'worker', ...pool, '-Q', queues.join(','), ...quiet],
      env: this.#env,
      cwd: peers,
      folder,
      log: this.#log,
    });
  }

  /** `broker`: its URL as Celery says it. */
  static async start(broker: string, queues: readonly string[] = ['celery']): Promise<CeleryWorker> {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-celery-'));
    const worker = new CeleryWorker(folder, broker, queues);
    await writeFile(worker.#out, '');
    await worker.start();
    return worker;
  }

  async start(): Promise<void> {
    const before = await this.log().catch(() => '');
    this.#process.start();
    await this.#process.says(async () => (await this.log()).slice(before.length).includes(' ready.'), 'ready', startMs);
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }

  /** All that it ran so far. */
  async ran(): Promise<readonly Ran[]> {
    const lines = (await readFile(this.#out, 'utf8')).split('\n');
    // The last one is not complete, or empty.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Ran);
  }

  /** The one that it ran for this id. */
  async runOf(id: string): Promise<Ran> {
    const found = await waitUntil(async () => (await this.ran()).find((each) => each.id === id), { what: `the task ${id}` });
    return found as Ran;
  }

  log(): Promise<string> {
    return readFile(this.#log, 'utf8');
  }

  /** Asks for the task as a Python program does: with the arguments of `apply_async`. */
  async applyAsync(options: Readonly<Record<string, unknown>>): Promise<void> {
    const { ok, output } = await runCommand(
      fromSetup(celeryVariables.python),
      [join(peers, 'tasks.py'), JSON.stringify(options)],
      sendMs,
      this.#env,
    );
    if (!ok) throw new Error(`Python did not send the task: ${output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #out(): string {
    return join(this.#folder, 'ran.jsonl');
  }

  get #log(): string {
    return join(this.#folder, 'worker.log');
  }
}
