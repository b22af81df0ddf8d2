import type { Delivery } from './provider.js';
import { identity } from './stale-results.js';

interface Seen {
  /** The broker's count at its last delivery here. */
  count: number;
  /** How many connections this process had lost then. */
  lost: number;
  /** Losses of deliveries that went with connections of this process, which is still alive. */
  outlived: number;
}

const most = 10_000;

/**
 * How often a delivery of a message may have ended with a process. The broker counts every delivery that went with its connection, also
 * one that never got through; those that went with connections which this process has outlived say nothing against the message. When in
 * doubt they are taken for its own: a poisonous event ends one more process then, but no innocent one is held for poisonous. The last
 * 10 000 redelivered messages are known.
 */
export class Losses {
  readonly #lost: () => number;
  readonly #seen = new Map<string, Seen>();

  /** `lost`: how many connections this process has lost and outlived so far. */
  constructor(lost: () => number) {
    this.#lost = lost;
  }

  /** To be asked once for each delivery, as it comes. */
  suspicionOf({ message, brokerCount: count = 0 }: Delivery): number {
    // A first delivery is not noted: nearly all of them are the only one.
    const key = count === 0 ? undefined : identity(message);
    if (key === undefined) return count;
    const seen = this.#seen.get(key) ?? this.#note(key);
    const lost = this.#lost();
    seen.outlived += Math.min(Math.max(count - seen.count, 0), lost - seen.lost);
    // Written anew, it is counted anew.
    if (count < seen.count) seen.outlived = Math.min(count, lost - seen.lost);
    seen.count = count;
    seen.lost = lost;
    return count - seen.outlived;
  }

  #note(key: string): Seen {
    const seen = { count: 0, lost: 0, outlived: 0 };
    this.#seen.set(key, seen);
    if (this.#seen.size > most) this.#seen.delete(this.#seen.keys().next().value as string);
    return seen;
  }
}
