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
  async terminate(worker: number): Promise<number | null> {
    const child = this.#children[worker] as ChildProcess;
    child.kill('SIGTERM');
    await waitUntil(() => child.exitCode !== null || child.signalCode !== null, { what: 'a worker to end' });
    return child.exitCode;
  }

  by(listener: string): Handled[] {
    return this.handled.filter((fact) => fact.listener === listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await waitUntil(() => this.#children.every((child) => child.exitCode !== null || child.signalCode !== null));
  }

  #note(worker: number, fact: WorkerNote): void {
    if (fact.kind === 'ready') this.#ready.add(worker);
    else if (fact.kind === 'handled') this.handled.push({ worker, ...fact });
    else if (fact.kind === 'begun') this.begun.push({ worker, ...fact });
  }
}

/** 0, 1, ... below `count`. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}
