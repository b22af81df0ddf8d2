import { Aborts } from './aborts.js';
import type { Clock, Timer } from './clock.js';
import { Roll, type Listed } from './roll.js';

/** Something that waits and may not wait for ever. */
export interface Expiring {
  /** Where it waits. Only for the deadlines themselves. */
  place?: Place | undefined;
  /** Called once when the time has come. Must not throw. */
  expire(): void;
}

/** One deadline. */
class Place implements Listed<Place> {
  readonly entry: Expiring;
  roll: object | undefined;
  before: Place | undefined;
  after: Place | undefined;

  constructor(entry: Expiring) {
    this.entry = entry;
  }
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
  readonly #slots = new Map<number, Roll<Place>>();
  #timer: Timer | undefined;
  #armedFor = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The same entry may be added once at a time; `at` is in milliseconds since the epoch. */
  add(entry: Expiring, at: number): void {
    const slot = Math.ceil(at / slotMs);
    const place = (entry.place = new Place(entry));
    const places = this.#slots.get(slot);
    if (places !== undefined) {
      places.add(place);
      return;
    }
    const first = new Roll<Place>();
    first.add(place);
    this.#slots.set(slot, first);
    if (slot < this.#armedFor) this.#arm(slot);
    else if (this.#slots.size === 1) this.#timer?.keepAlive(true);
  }

  /** `at` must be the value given to `add`. Removing what is not there is no error. */
  remove(entry: Expiring, at: number): void {
    const slot = Math.ceil(at / slotMs);
    const places = this.#slots.get(slot);
    const { place } = entry;
    if (places === undefined || place === undefined || !places.remove(place)) return;
    entry.place = undefined;
    if (places.size > 0) return;
    this.#slots.delete(slot);
    // The timer stays, to serve the next entry, but nobody waits for it: making one for each send would be dear.
    if (this.#slots.size === 0) this.#timer?.keepAlive(false);
  }

  /** Calls every entry now, forgets those that would wait on, and ends the timer. */
  expireAll(): void {
    for (const places of [...this.#slots.values()]) for (const place of places.toArray()) if (places.remove(place)) place.entry.expire();
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
    for (const [slot, places] of this.#slots) {
      if (slot > due) {
        if (slot < next) next = slot;
        continue;
      }
      this.#slots.delete(slot);
      for (const place of places.toArray()) if (places.remove(place)) place.entry.expire();
    }
    // An entry that expired may have added others.
    for (const slot of this.#slots.keys()) if (slot < next) next = slot;
    if (next !== Infinity && next < this.#armedFor) this.#arm(next);
  };
}
