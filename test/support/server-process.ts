import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { BrokerGuard } from '../../src/testing/broker-guard.js';
import { waitUntil } from '../../src/testing/wait-until.js';

export interface Launch {
  /** For errors. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Removed when this process is killed before it could. */
  readonly folder: string;
  /** What it says is written there. */
  readonly log: string;
}

/** A program that tests start and end. It ends with this process too, however that ends. */
export class ServerProcess {
  readonly #launch: Launch;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(launch: Launch) {
    this.#launch = launch;
  }

  get runs(): boolean {
    return this.#child !== undefined;
  }

  start(): void {
    const { program, args, env, cwd, folder, log } = this.#launch;
    const file = openSync(log, 'a');
    try {
      const child = spawn(program, args, { env, cwd, stdio: ['ignore', file, file] });
      const guard = child.pid === undefined ? undefined : new BrokerGuard('kill -9 "$1"; rm -rf "$2"', [String(child.pid), folder]);
      this.#child = child;
      this.#ended = new Promise((resolve) => {
        const end = (): void => {
          this.#child = undefined;
          guard?.dismiss();
          resolve();
        };
        child.once('exit', end);
        child.once('error', end);
      });
    } finally {
      closeSync(file);
    }
  }

  /** Resolves when somebody listens there; rejects with the end of the log when the program ends first, or takes too long. */
  async listens(port: number, timeoutMs: number): Promise<void> {
    await this.says(() => canConnect(port), `port ${String(port)}`, timeoutMs);
  }

  /** Resolves when the condition has come true. */
  async says(condition: () => boolean | Promise<boolean>, what: string, timeoutMs: number): Promise<void> {
    const { name, log } = this.#launch;
    let over = false;
    const met = waitUntil(async () => (over = !this.runs) || condition(), { timeoutMs, what });
    const failed = await met.then(
      () => over,
      () => true,
    );
    if (failed) throw new Error(`${name} did not come up (${what}). The end of its log:\n${(await readFile(log, 'utf8')).slice(-3000)}`);
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

/** Set by the test setup. */
export function fromSetup(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set by the test setup`);
  return value;
}
