import type { Clock, Timer } from '../core/clock.js';
import { TimeHeap } from '../providers/memory/time-heap.js';
import type { Timed } from '../providers/memory/time-heap.js';

// Kept from the time of loading: a test framework may put its own in their place.
const nextTurn = setImmediate;

// So many turns of the event loop in a row without a look at the clock, and the work is taken for done. One is too few: a promise
// job may have asked for another turn.
const quietTurns = 3;

export interface VirtualClockOptions {
  /**
   * Where time begins.
   * @default 2020-01-01T00:00:00Z
   */
  readonly startAt?: Date | number;
}

interface Alarm extends Timed {
  readonly callback: () => void;
}

/**
 * Time that moves only when told to. Given to a `MemoryBroker` or a `MemoryProvider`, delays, retries, backoff and deadlines
 * follow it: 30 days pass in milliseconds.
 */
export class VirtualClock implements Clock {
  readonly #alarms = new TimeHeap<Alarm>();
  #now: number;
  // Raised by each use, to tell whether anything is still going on.
  #uses = 0;
  #advancing: Promise<void> = Promise.resolve();

  constructor(options: VirtualClockOptions = {}) {
    this.#now = Number(options.startAt ?? Date.UTC(2020, 0, 1));
  }

  /** How many timers have neither fired nor been cancelled. */
  get pending(): number {
    return this.#alarms.size;
  }

  now(): number {
    this.#uses++;
    return this.#now;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    this.#uses++;
    const alarm: Alarm = { at: this.#now + Math.max(0, delayMs), callback };
    this.#alarms.add(alarm);
    return {
      cancel: () => {
        this.#uses++;
        this.#alarms.remove(alarm);
      },
      // No timer of this clock keeps a process alive.
      keepAlive: () => undefined,
    };
  }

  /**
   * Lets time pass. Timers fire at their time and in their order, those that are set on the way included; after each the
   * promise jobs and event loop turns that it caused come to rest before time goes on. Calls made at once follow each other.
   * What waits for real I/O is not waited for.
   */
  advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`advance() takes milliseconds from 0 on, not ${String(ms)}`);
    const advanced = this.#advancing.then(() => this.#advance(ms));
    // What a callback threw is told to this caller, not to the next.
    this.#advancing = advanced.catch(() => undefined);
    return advanced;
  }

  async #advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.#rest();
    for (let next = this.#alarms.first; next !== undefined && next.at <= until; next = this.#alarms.first) {
      this.#alarms.remove(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await this.#rest();
    }
    this.#now = until;
  }

  async #rest(): Promise<void> {
    for (let quiet = 0; quiet < quietTurns; quiet++) {
      const uses = this.#uses;
      await new Promise<void>((resolve) => {
        nextTurn(resolve);
      });
      if (this.#uses !== uses) quiet = -1;
    }
  }
}
