import type { Counters } from './counters.js';
import type { Fate } from './failure-policy.js';
import type { Delivery, Outcome } from './provider.js';
import type { Run } from './run.js';
import { identity, StaleResults, type Result } from './stale-results.js';

const accept: Outcome = Object.freeze({ do: 'accept' });
const giveBack: Outcome = Object.freeze({ do: 'return' });

/**
 * The runs of one listener, by the messages that they handle: one message has one run and one result, however many connections are lost
 * under it and however often it is delivered meanwhile.
 */
export class Runs {
  readonly #runs = new Map<string | Delivery, Run>();
  readonly #results = new StaleResults();
  readonly #counters: Counters;
  #archived = 0;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  get size(): number {
    return this.#runs.size;
  }

  /** Events that went to the archive. */
  get archived(): number {
    return this.#archived;
  }

  has(run: Run): boolean {
    return this.#runs.get(keyOf(run.delivery)) === run;
  }

  add(run: Run): void {
    this.#runs.set(keyOf(run.delivery), run);
  }

  clear(): void {
    this.#runs.clear();
  }

  [Symbol.iterator](): IterableIterator<Run> {
    return this.#runs.values();
  }

  /** The same message is being handled already: its connection was lost under the run. One call, one result. */
  follow(delivery: Delivery): boolean {
    const run = this.#runs.get(keyOf(delivery));
    if (run === undefined) return false;
    if (run.ended || run.delivery.stale !== true) (run.followers ??= []).push(delivery);
    else {
      // One run takes one place, however many connections it outlives: the delivery that can be settled has it from now on.
      this.#counters.stale++;
      this.#counters.adopted++;
      void run.delivery.settle(giveBack);
      run.delivery = delivery;
    }
    return true;
  }

  /** A run that outlived its connection has come to a result which could not be settled then. */
  adopt(delivery: Delivery): boolean {
    const result = this.#results.take(delivery.message);
    if (result === undefined) return false;
    void this.#carryOut(delivery, result);
    return true;
  }

  /** Settles the delivery of a run and what followed it, and forgets the run; false when all their connections were gone. */
  async settle(run: Run, outcome: Outcome, fate: Fate | undefined): Promise<boolean> {
    let settled = (await run.delivery.settle(outcome)) === 'settled';
    if (settled) this.#countFate(fate);
    else this.#counters.stale++;
    // One of them may carry the outcome out; a true double of the message then needs nothing more. The last look and the end of the
    // run are in one stretch, so that no follower comes in between.
    for (let follower = run.followers?.shift(); follower !== undefined; follower = run.followers?.shift()) {
      this.#counters.adopted++;
      if ((await follower.settle(settled && outcome.do !== 'return' ? accept : outcome)) === 'settled' && !settled) {
        settled = true;
        this.#countFate(fate);
      }
    }
    const key = keyOf(run.delivery);
    if (this.#runs.get(key) === run) this.#runs.delete(key);
    if (!settled && outcome.do !== 'return') this.#results.keep(run.delivery.message, { outcome, fate });
    return settled;
  }

  async #carryOut(delivery: Delivery, result: Result): Promise<void> {
    this.#counters.adopted++;
    if ((await delivery.settle(result.outcome)) === 'settled') this.#countFate(result.fate);
    else this.#results.keep(delivery.message, result);
  }

  #countFate(fate: Fate | undefined): void {
    if (fate === 'archived') this.#archived++;
    if (fate !== undefined && fate !== 'stopped') this.#counters[fate]++;
  }
}

function keyOf(delivery: Delivery): string | Delivery {
  return identity(delivery.message) ?? delivery;
}
