import type { Abortable } from './aborts.js';
import type { Deadlines, Expiring } from './deadlines.js';

/** How long something may take. */
export interface Wait {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly signal: AbortSignal | undefined;
}

/** How long to wait for one who knows better, when `giveUp` left the word to him. */
const graceMs = 250;

/**
 * The promise's own result, or what `giveUp` makes of a deadline or a signal that comes first; `undefined` from `giveUp` means: not
 * yet, ask again soon. The promise itself goes on, and its late failure is no unhandled rejection.
 */
export function within<T>(promise: Promise<T>, deadlines: Deadlines, wait: Wait, giveUp: GiveUp): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const limit = new Limit(deadlines, wait, giveUp, reject);
    promise.then(
      (value) => {
        limit.end();
        resolve(value);
      },
      (error: unknown) => {
        limit.end();
        reject(error);
      },
    );
  });
}

type GiveUp = (why: 'deadline' | 'aborted') => Error | undefined;

class Limit implements Expiring, Abortable {
  readonly #deadlines: Deadlines;
  readonly #signal: AbortSignal | undefined;
  readonly #giveUp: GiveUp;
  readonly #reject: (error: Error) => void;
  #at: number;

  constructor(deadlines: Deadlines, { at, signal }: Wait, giveUp: GiveUp, reject: (error: Error) => void) {
    this.#deadlines = deadlines;
    this.#signal = signal;
    this.#giveUp = giveUp;
    this.#reject = reject;
    this.#at = at;
    deadlines.add(this, at);
    if (signal?.aborted === true) this.aborted();
    else if (signal !== undefined) deadlines.aborts.add(signal, this);
  }

  expire(): void {
    const error = this.#giveUp('deadline');
    if (error !== undefined) this.#fail(error);
    else this.#deadlines.add(this, (this.#at += graceMs));
  }

  end(): void {
    this.#deadlines.remove(this, this.#at);
    if (this.#signal !== undefined) this.#deadlines.aborts.remove(this.#signal, this);
  }

  aborted(): void {
    const error = this.#giveUp('aborted');
    if (error !== undefined) this.#fail(error);
  }

  // The promise may go on for ever: nothing is kept for it.
  #fail(error: Error): void {
    this.end();
    this.#reject(error);
  }
}
