import { Aborts } from './aborts.js';
import type { Clock, Timer } from './clock.js';

/** Something that waits and may not wait for ever. */
export interface Expiring {
  /** Called once when the time has come. Must not throw. */
  expire(): void;
}

const slotMs = 20;

/**
 * Many deadlines over one timer. Entries are kept in slots of 20 ms, so that adding and removing one costs no timer,
 * and an entry is called at most one slot late and never early.
 */
export class Deadlines {
  /** For what waits on a signal besides. */
  readonly aborts = new Aborts();
  readonly #clock: Clock;
  readonly #slots = new Map<number, Set<Expiring>>();
  #timer: Timer | undefined;
  #armedFor = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The same entry may be added once at a time; `at` is in milliseconds since the epoch. */
  add(entry: Expiring, at: number): void {
    const slot = Math.ceil(at / slotMs);
    const entries = this.#slots.get(slot);
    if (entries !== undefined) {
      entries.add(entry);
      return;
    }
    this.#slots.set(slot, new Set([entry]));
    if (slot < this.#armedFor) this.#arm(slot);
    else if (this.#slots.size === 1) this.#timer?.keepAlive(true);
  }

  /** `at` must be the value given to `add`. Removing what is not there is no error. */
  remove(entry: Expiring, at: number): void {
    const slot = Math.ceil(at / slotMs);
    const entries = this.#slots.get(slot);
    if (entries === undefined || !entries.delete(entry) || entries.size > 0) return;
    this.#slots.delete(slot);
    // The timer stays, to serve the next entry, but nobody waits for it: making one for each send would be dear.
    if (this.#slots.size === 0) this.#timer?.keepAlive(false);
  }

  /** Calls every entry now, forgets those that would wait on, and ends the timer. */
  expireAll(): void {
    for (const entries of [...this.#slots.values()]) for (const entry of entries) entry.expire();
    this.#slots.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#armedFor = Infinity;
  }

  #arm(slot: number): void {
    this.#timer?.cancel();
    this.#armedFor = slot;
    this.#timer = this.#clock.schedule(slot * slotMs - this.#clock.now(), this.#fire);
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    this.#armedFor = Infinity;
    const due = Math.floor(this.#clock.now() / slotMs);
    let next = Infinity;
    for (const [slot, entries] of this.#slots) {
      if (slot > due) {
        if (slot < next) next = slot;
        continue;
      }
      this.#slots.delete(slot);
      for (const entry of entries) entry.expire();
    }
    // An entry that expired may have added others.
    for (const slot of this.#slots.keys()) if (slot < next) next = slot;
    if (next !== Infinity && next < this.#armedFor) this.#arm(next);
  };
}
