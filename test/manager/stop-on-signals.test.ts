import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { stopOnSignals } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { World } from '../support/world.js';
import type { StoppingNote, StoppingTask } from './processes/stopping.js';

const script = fileURLToPath(new URL('processes/stopping.js', import.meta.url));

/** The process of `stopping.ts`, killed with the test if it has not ended before. */
class Stopping implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = '';

  constructor(task: StoppingTask) {
    this.#child = spawn(process.execPath, [script, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
  }

  static async ready(task: StoppingTask): Promise<Stopping> {
    const child = new Stopping(task);
    await child.noted('ready');
    await child.noted('begun', (task.running ?? 0) * (task.managers ?? 1));
    return child;
  }

  count(note: StoppingNote): number {
    return this.#output.split('\n').filter((line) => line === note).length;
  }

  async noted(note: StoppingNote, times = 1): Promise<void> {
    await waitUntil(() => this.count(note) >= times, { what: () => `${String(times)} times '${note}' in: ${this.#output}` });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** How it has ended: its exit code, or the signal that it died of. */
  async ended(timeoutMs = 15_000): Promise<number | string | null> {
    const end = (): number | string | null => this.#child.signalCode ?? this.#child.exitCode;
    await waitUntil(() => end() !== null, { timeoutMs, what: 'the end of the process' });
    return end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended();
  }
}

describe('stopOnSignals', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops at %s: 50 running listeners end, and the process by itself', async (signal) => {
    await using child = await Stopping.ready({ running: 50, holdMs: 300 });
    child.kill(signal);
    expect(await child.ended()).toBe(0);
    expect([child.count('handled'), child.count('aborted')]).toEqual([50, 0]);
  });

  it('keeps its deadline: 50 listeners are aborted at it, and the process has ended within a second', async () => {
    const deadlineMs = 1_000;
    await using child = await Stopping.ready({ running: 50, holdMs: 60_000, options: { deadlineMs } });
    const before = Date.now();
    child.kill('SIGTERM');
    expect(await child.ended(deadlineMs + 1_000)).toBe(0);
    expect(Date.now() - before).toBeGreaterThanOrEqual(deadlineMs);
    expect([child.count('handled'), child.count('aborted')]).toEqual([0, 50]);
  });

  it.each([
    ['SIGTERM', 'SIGTERM', 143],
    ['SIGTERM', 'SIGINT', 130],
  ] as const)('exits at once when %s is followed by %s', async (first, second, code) => {
    await using child = await Stopping.ready({ running: 1, holdMs: 600_000, options: { deadlineMs: 600_000 } });
    child.kill(first);
    await child.noted('stopping');
    child.kill(second);
    expect(await child.ended()).toBe(code);
    expect(child.count('stopped')).toBe(0);
  });

  it('stops each of several managers, and leaves none in the middle', async () => {
    await using child = await Stopping.ready({ managers: 3, running: 2, holdMs: 200 });
    child.kill('SIGTERM');
    expect(await child.ended()).toBe(0);
    expect([child.count('handled'), child.count('stopped')]).toEqual([6, 3]);
  });

  it('takes its handlers back when the stop has ended: the next signal does what it always does', async () => {
    await using child = await Stopping.ready({ keepAlive: true });
    child.kill('SIGTERM');
    await child.noted('stopped');
    // One that comes while the handler is being taken away may get lost in between.
    const again = setInterval(() => {
      child.kill('SIGTERM');
    }, 50);
    expect(await child.ended().finally(() => clearInterval(again))).toBe('SIGTERM');
  });

  it('can be taken back', async () => {
    await using child = await Stopping.ready({ keepAlive: true, takenBack: true });
    child.kill('SIGTERM');
    expect(await child.ended()).toBe('SIGTERM');
    expect(child.count('stopping')).toBe(0);
  });

  it('handles the signals that it is told, and no others', async () => {
    const task: StoppingTask = { keepAlive: true, options: { signals: ['SIGUSR2'] } };
    await using told = await Stopping.ready(task);
    told.kill('SIGUSR2');
    await told.noted('stopped');
    await using other = await Stopping.ready(task);
    other.kill('SIGTERM');
    expect(await other.ended()).toBe('SIGTERM');
  });

  it('does not keep the process alive', async () => {
    await using child = await Stopping.ready({});
    expect(await child.ended()).toBe(0);
    expect(child.count('stopping')).toBe(0);
  });

  it('refuses options that it does not know, and signals that nobody can handle', async () => {
    await using world = new World();
    const manager = world.manager();
    expect(() => stopOnSignals(manager, { deadline: 5 } as object)).toThrow(/unknown option 'deadline': did you mean 'deadlineMs'\?/);
    expect(() => stopOnSignals(manager, { signals: ['SIGTERM', 'SIGKILL'] })).toThrow(/signals.1.*may handle/);
  });
});
