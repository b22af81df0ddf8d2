import type { Clock } from './clock.js';
import type { Deadlines, Expiring } from './deadlines.js';
import type { Delivery } from './provider.js';

/** One that is tried again later takes no longer than this: it stays unsettled, and the later ones of its key wait. */
const longestWaitMs = 10_000;

export interface LanesParts {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** It may be begun. */
  readonly turn: (delivery: Delivery) => void;
  /** Its connection is gone. */
  readonly drop: (delivery: Delivery) => void;
}

/** The deliveries of one key that are held here. One has its turn; a lane lasts as long as there is one. */
interface Lane {
  /** Later ones, in the order in which they came. */
  readonly waiting: Delivery[];
  /** That of the one whose turn it is, between two attempts. */
  retry: Retry | undefined;
}

/** Lets the deliveries of a key go on one at a time, in the order in which they came; each until it is settled. */
export class Lanes {
  readonly #parts: LanesParts;
  readonly #lanes = new Map<string, Lane>();

  constructor(parts: LanesParts) {
    this.#parts = parts;
  }

  /** How many wait here: for an earlier one, or for their next attempt. */
  get waiting(): number {
    let count = 0;
    for (const { waiting, retry } of this.#lanes.values()) count += waiting.length + (retry === undefined ? 0 : 1);
    return count;
  }

  arrive(key: string, delivery: Delivery): void {
    this.#sweep(key);
    const lane = this.#lanes.get(key);
    if (lane !== undefined) lane.waiting.push(delivery);
    else {
      this.#lanes.set(key, { waiting: [], retry: undefined });
      this.#parts.turn(delivery);
    }
  }

  /** Its turn is over. */
  passed({ message: { group } }: Delivery): void {
    if (group === undefined) return;
    const lane = this.#lanes.get(group);
    if (lane === undefined) return;
    this.#dropStale(lane);
    const next = lane.waiting.shift();
    if (next === undefined) this.#lanes.delete(group);
    else this.#parts.turn(next);
  }

  /** It keeps its turn, which goes on at this time. Doubles of it come after it. */
  retry(delivery: Delivery, at: number, doubles: readonly Delivery[]): void {
    const { clock, deadlines } = this.#parts;
    const { group } = delivery.message;
    const lane = group === undefined ? undefined : this.#lanes.get(group);
    // Not reached: a lane lasts until its delivery is settled. If it were, this one must not be forgotten.
    if (lane === undefined) {
      this.#parts.turn(delivery);
      return;
    }
    lane.waiting.unshift(...doubles);
    const due = Math.min(at, clock.now() + longestWaitMs);
    lane.retry = new Retry(delivery, due, () => {
      lane.retry = undefined;
      this.#goOn(delivery);
    });
    deadlines.add(lane.retry, due);
  }

  /** Everything that waits here leaves; `others`: those whose turn it is, and which leave too. */
  emptied(others: readonly Delivery[]): Delivery[] {
    const leaving: Delivery[] = [];
    for (const [key, lane] of this.#lanes) {
      const { retry } = lane;
      if (retry !== undefined) {
        this.#cancel(lane);
        leaving.push(retry.delivery);
        this.#lanes.delete(key);
      }
      leaving.push(...lane.waiting.splice(0));
    }
    for (const { message } of others) if (message.group !== undefined) this.#lanes.delete(message.group);
    return leaving;
  }

  /** Those whose connection is gone make room at once. */
  sweep(): void {
    for (const key of [...this.#lanes.keys()]) this.#sweep(key);
  }

  #sweep(key: string): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return;
    const { retry } = lane;
    if (retry?.delivery.stale === true) {
      this.#cancel(lane);
      this.#goOn(retry.delivery);
    } else this.#dropStale(lane);
  }

  #goOn(delivery: Delivery): void {
    if (delivery.stale === true) {
      this.#parts.drop(delivery);
      this.passed(delivery);
    } else this.#parts.turn(delivery);
  }

  /** They are the first in line. */
  #dropStale({ waiting }: Lane): void {
    while (waiting[0]?.stale === true) this.#parts.drop(waiting.shift() as Delivery);
  }

  #cancel(lane: Lane): void {
    const { retry } = lane;
    if (retry === undefined) return;
    this.#parts.deadlines.remove(retry, retry.at);
    lane.retry = undefined;
  }
}

class Retry implements Expiring {
  readonly delivery: Delivery;
  readonly at: number;
  readonly expire: () => void;

  constructor(delivery: Delivery, at: number, expire: () => void) {
    this.delivery = delivery;
    this.at = at;
    this.expire = expire;
  }
}
