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
    const limit = new Limit(giveUp, reject);
    limit.limit(deadlines, wait);
    promise.then(
      (value) => {
        limit.unlimit();
        resolve(value);
      },
      (error: unknown) => {
        limit.unlimit();
        reject(error);
      },
    );
  });
}

export type Reason = 'deadline' | 'aborted';
type GiveUp = (why: Reason) => Error | undefined;

/** Something that may not go on for ever. */
export abstract class Limited implements Expiring, Abortable {
  #deadlines: Deadlines | undefined;
  #signal: AbortSignal | undefined;
  #at = 0;

  /** From now on, until `unlimit()`. */
  limit(deadlines: Deadlines, { at, signal }: Wait): void {
    this.#deadlines = deadlines;
    this.#signal = signal;
    this.#at = at;
    deadlines.add(this, at);
    if (signal?.aborted === true) this.aborted();
    else if (signal !== undefined) deadlines.aborts.add(signal, this);
  }

  unlimit(): void {
    this.#deadlines?.remove(this, this.#at);
    if (this.#signal !== undefined) this.#deadlines?.aborts.remove(this.#signal, this);
  }

  expire(): void {
    const error = this.giveUp('deadline');
    if (error !== undefined) this.#end(error);
    else this.#deadlines?.add(this, (this.#at += graceMs));
  }

  aborted(): void {
    const error = this.giveUp('aborted');
    if (error !== undefined) this.#end(error);
  }

  /** What it comes to then; undefined: not yet. */
  protected abstract giveUp(why: Reason): Error | undefined;

  protected abstract fail(error: Error): void;

  // What is limited may go on for ever: nothing is kept for it.
  #end(error: Error): void {
    this.unlimit();
    this.fail(error);
  }
}

class Limit extends Limited {
  protected readonly giveUp: GiveUp;
  protected readonly fail: (error: Error) => void;

  constructor(giveUp: GiveUp, fail: (error: Error) => void) {
    super();
    this.giveUp = giveUp;
    this.fail = fail;
  }
}
