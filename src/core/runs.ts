import type { Counters } from './counters.js';
import type { Fate } from './failure-policy.js';
import type { Delivery, Outcome, Settlement } from './provider.js';
import { Register } from './roll.js';
import type { Run } from './run.js';
import { identity, StaleResults, type Result } from './stale-results.js';

const accept: Outcome = Object.freeze({ do: 'accept' });
const giveBack: Outcome = Object.freeze({ do: 'return' });

/**
 * The runs of one listener, by the messages that they handle: one message has one run and one result, however many connections are lost
 * under it and however often it is delivered meanwhile.
 */
export class Runs {
  readonly #runs = new Register<string | Delivery, Run>();
  readonly #results = new StaleResults();
  readonly #counters: Counters;
  readonly #idle = new Set<() => void>();
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
    return this.#runs.has(run);
  }

  add(run: Run): void {
    this.#runs.add(run);
  }

  clear(): void {
    this.#runs.clear();
  }

  [Symbol.iterator](): IterableIterator<Run> {
    return this.#runs.toArray().values();
  }

  /** Resolves when none is left, or with `butLeaving` when only those are left that wait for this themselves. */
  async ended({ butLeaving = false } = {}): Promise<void> {
    while (this.#goOn(butLeaving)) await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  /** To whoever waits for that: fewer may be left. */
  tellIdle(): void {
    if (this.#idle.size === 0) return;
    for (const wake of this.#idle) wake();
    this.#idle.clear();
  }

  /** The same message is being handled already: its connection was lost under the run. One call, one result. */
  follow(delivery: Delivery, key = keyOf(delivery)): boolean {
    const run = this.#runs.get(key);
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

  /** A run that outlived its connection has come to a result which could not be settled then. Resolves when it is. */
  adopt(delivery: Delivery): Promise<void> | undefined {
    const result = this.#results.take(delivery.message);
    return result === undefined ? undefined : this.#carryOut(delivery, result);
  }

  /** Forgets the run, which will be made again with the same delivery. Returns what followed it. */
  release(run: Run): Delivery[] {
    this.#forget(run);
    this.#countFate('retried');
    return run.followers?.splice(0) ?? [];
  }

  /**
   * What became of a run's own delivery. Settles what followed it, and forgets the run; false when all their connections were gone. A promise
   * only where something followed.
   */
  settled(run: Run, settlement: Settlement, outcome: Outcome, fate: Fate | undefined): boolean | Promise<boolean> {
    const settled = settlement === 'settled';
    if (settled) this.#countFate(fate);
    else this.#counters.stale++;
    return run.followers === undefined ? this.#over(run, settled, outcome, fate) : this.#followed(run, settled, outcome, fate);
  }

  async #followed(run: Run, own: boolean, outcome: Outcome, fate: Fate | undefined): Promise<boolean> {
    let settled = own;
    // One of them may carry the outcome out; a true double of the message then needs nothing more. The last look and the end of the
    // run are in one stretch, so that no follower comes in between.
    for (let follower = run.followers?.shift(); follower !== undefined; follower = run.followers?.shift()) {
      this.#counters.adopted++;
      if ((await follower.settle(settled && outcome.do !== 'return' ? accept : outcome)) === 'settled' && !settled) {
        settled = true;
        this.#countFate(fate);
      }
    }
    return this.#over(run, settled, outcome, fate);
  }

  #over(run: Run, settled: boolean, outcome: Outcome, fate: Fate | undefined): boolean {
    this.#forget(run);
    if (!settled && outcome.do !== 'return') this.#results.keep(run.delivery.message, { outcome, fate });
    return settled;
  }

  #forget(run: Run): void {
    this.#runs.remove(run);
  }

  async #carryOut(delivery: Delivery, result: Result): Promise<void> {
    this.#counters.adopted++;
    if ((await delivery.settle(result.outcome)) === 'settled') this.#countFate(result.fate);
    else this.#results.keep(delivery.message, result);
  }

  #goOn(butLeaving: boolean): boolean {
    for (const run of this.#runs.toArray()) if (!(butLeaving && run.leaving)) return true;
    return false;
  }

  #countFate(fate: Fate | undefined): void {
    if (fate === 'archived') this.#archived++;
    // An answer is counted when it is sent.
    if (fate !== undefined && fate !== 'stopped' && fate !== 'answered') this.#counters[fate]++;
  }
}

/** What a run of it is known by. */
export function keyOf(delivery: Delivery): string | Delivery {
  return identity(delivery.message) ?? delivery;
}
