import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../../../src/testing/wait-until.js';
import type { WorkerNote, WorkerTask } from './worker-task.js';

const script = fileURLToPath(new URL('worker.js', import.meta.url));

export interface Handled {
  readonly worker: number;
  readonly listener: string;
  readonly n: number;
  readonly attempt: number;
  readonly id: string;
}

/** Worker processes and what they noted; all end with the test. */
export class Workers implements AsyncDisposable {
  readonly begun: Handled[] = [];
  readonly handled: Handled[] = [];
  readonly #children: ChildProcess[] = [];
  readonly #ready = new Set<number>();
  readonly #stopping = new Set<number>();
  #ended = 0;

  get ended(): number {
    return this.#ended;
  }

  /** Starts a process; resolves with its number when it is ready. */
  async start(task: WorkerTask): Promise<number> {
    const worker = this.spawn(task);
    await waitUntil(() => this.#ready.has(worker) || this.#children[worker]?.exitCode !== null, {
      timeoutMs: 30_000,
      what: 'a worker to be ready',
    });
    if (!this.#ready.has(worker)) throw new Error(`worker ${String(worker)} ended before it was ready`);
    return worker;
  }

  spawn(task: WorkerTask): number {
    const worker = this.#children.length;
    const child = fork(script, [JSON.stringify(task)], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#children.push(child);
    child.on('message', (fact) => {
      this.#note(worker, fact as WorkerNote);
    });
    child.on('exit', () => this.#ended++);
    return worker;
  }

  /** Keeps `count` workers alive until the test ends it: each that dies is replaced. */
  keepAlive(count: number, task: WorkerTask): () => void {
    let on = true;
    const replace = (): void => {
      if (!on) return;
      const worker = this.spawn(task);
      this.#children[worker]?.once('exit', replace);
    };
    for (let index = 0; index < count; index++) replace();
    return () => (on = false);
  }

  kill(worker: number): void {
    this.#children[worker]?.kill('SIGKILL');
  }

  /** SIGTERM; resolves with the exit code when the process has ended by itself. */
  async terminate(worker: number, timeoutMs?: number): Promise<number | null> {
    this.#child(worker).kill('SIGTERM');
    return this.#exited(worker, timeoutMs);
  }

  /** SIGTERM, and another one when the worker has begun to stop; resolves with the exit code. */
  async terminateTwice(worker: number): Promise<number | null> {
    this.#child(worker).kill('SIGTERM');
    await waitUntil(() => this.#stopping.has(worker), { what: 'a worker to stop' });
    return this.terminate(worker);
  }

  by(listener: string): Handled[] {
    return this.handled.filter((fact) => fact.listener === listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await waitUntil(() => this.#children.every((child) => child.exitCode !== null || child.signalCode !== null));
  }

  #child(worker: number): ChildProcess {
    return this.#children[worker] as ChildProcess;
  }

  async #exited(worker: number, timeoutMs = 15_000): Promise<number | null> {
    const child = this.#child(worker);
    await waitUntil(() => child.exitCode !== null || child.signalCode !== null, { timeoutMs, what: 'a worker to end' });
    return child.exitCode;
  }

  #note(worker: number, fact: WorkerNote): void {
    if (fact.kind === 'ready') this.#ready.add(worker);
    else if (fact.kind === 'stopping') this.#stopping.add(worker);
    else if (fact.kind === 'handled') this.handled.push({ worker, ...fact });
    else this.begun.push({ worker, ...fact });
  }
}

/** 0, 1, ... below `count`. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}
