import { setTimeout as sleep } from 'node:timers/promises';
import { TidingsError } from '../../core/errors.js';

const pollMs = 20;
const readMs = 30_000;

export interface PatienceOptions {
  /** When something happened last, in milliseconds since the epoch. */
  readonly newsAt: () => number;
  /** Without anything happening for so long it is over. */
  readonly patienceMs: number;
  /** From now, whatever happens. */
  readonly mostMs: number;
  /** Why there is no use in waiting any longer. */
  readonly hopeless: () => string | undefined;
}

/** Waits, and knows when it has waited long enough. */
export class Patience {
  readonly #options: PatienceOptions;
  readonly #endsAt: number;

  constructor(options: PatienceOptions) {
    this.#options = options;
    this.#endsAt = Date.now() + options.mostMs;
  }

  /** Resolves when the condition holds; rejects when it is no use to wait on. */
  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await condition())) {
      const why = this.#over();
      if (why !== undefined) throw new Error(`${why} while the run waited for ${what}`);
      await sleep(pollMs);
    }
  }

  /** The same for a promise. */
  async ended(what: string, promise: Promise<unknown>): Promise<void> {
    const ended = promise.then(() => true);
    await this.until(what, () => Promise.race([ended, sleep(pollMs, false)]));
  }

  /** Whether nothing has happened for so long. */
  isQuiet(forMs: number): boolean {
    return Date.now() - this.#options.newsAt() > forMs;
  }

  #over(): string | undefined {
    const { patienceMs, hopeless } = this.#options;
    if (this.isQuiet(patienceMs)) return `nothing happened for ${String(patienceMs / 1000)} s`;
    if (Date.now() > this.#endsAt) return 'the time was over';
    return hopeless();
  }
}

/** A broker that is away now may be back soon. */
export async function patiently<T>(look: () => Promise<T>): Promise<T> {
  const endsAt = Date.now() + readMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (!isPassing(error) || Date.now() > endsAt) throw error;
      await sleep(5 * pollMs);
    }
  }
}

export function isPassing(error: unknown): boolean {
  return TidingsError.is(error) && error.retryable;
}
