import { runWithin } from './ambient.js';
import type { Subscription } from './catalog.js';
import type { Clock } from './clock.js';
import type { Counters } from './counters.js';
import type { Deadlines } from './deadlines.js';
import type { ErrorHandlers } from './error-handlers.js';
import { TidingsError } from './errors.js';
import type { FailurePolicy, Fate } from './failure-policy.js';
import type { Handler, Thrown } from './handler.js';
import { IncomingEnvelope, type Opening } from './incoming-envelope.js';
import { Judge } from './judge.js';
import type { Logger } from './logger.js';
import type { Observers } from './observers.js';
import type { Delivery, Outcome } from './provider.js';
import { Run, type RunHome, type SendWithin } from './run.js';
import { Runs } from './runs.js';
import type { Neighbour, Solitude } from './solitude.js';
import { crashed, Suspects } from './suspects.js';
import type { Basin, Tap } from './tap.js';

/** Told how attempts end, to see whether the listener is able to work at all. */
export interface Watch {
  succeeded(): void;
  failed(error: unknown): void;
}

export interface DispatcherParts {
  readonly subscription: Subscription;
  readonly tap: Tap;
  readonly handler: Handler;
  readonly failures: FailurePolicy;
  readonly errors: ErrorHandlers;
  /** How many connections this process has lost and outlived. */
  readonly lost: () => number;
  readonly watch: Watch | undefined;
  readonly solitude: Solitude;
  readonly sendWithin: SendWithin;
  /** Ends the manager with the error of a listener. Returns at once. */
  readonly halt: (error: unknown) => void;
  readonly ambient: boolean;
  readonly opening: Opening;
  readonly counters: Counters;
  readonly observers: Observers;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
}

const accept: Outcome = Object.freeze({ do: 'accept' });
const giveBack: Outcome = Object.freeze({ do: 'return' });

/**
 * Takes the deliveries of one subscription to the handler and settles them: once each, after the listener's promise has ended, and nowhere
 * else. At most as many run at a time as the tap says; the order of the deliveries is the order in which runs begin.
 */
export class Dispatcher implements Basin, Neighbour {
  readonly #parts: DispatcherParts;
  readonly #home: RunHome;
  readonly #judge: Judge;
  readonly #waiting: Delivery[] = [];
  readonly #runs: Runs;
  readonly #suspects: Suspects;
  readonly #idle = new Set<() => void>();
  /** Given up at the listener's timeout, and still going. */
  #overdue = 0;
  /** Waiting to be handled alone. */
  #secluded = 0;
  #stopping = false;

  constructor(parts: DispatcherParts) {
    const { subscription, failures, sendWithin, tap, solitude } = parts;
    this.#parts = parts;
    this.#judge = new Judge(parts);
    this.#runs = new Runs(parts.counters);
    this.#suspects = new Suspects(subscription.spec.maxCrashes, parts.lost);
    this.#home = {
      listener: subscription.listener,
      maxAttempts: failures.maxAttempts,
      sendWithin,
      overdue: (run) => {
        this.#timedOut(run);
      },
    };
    tap.flowsInto(this);
    solitude.join(this);
  }

  get tap(): Tap {
    return this.#parts.tap;
  }

  get running(): number {
    return this.#runs.size;
  }

  get held(): number {
    return this.#waiting.length + this.#secluded;
  }

  /** Events that went to the archive from here. */
  get archived(): number {
    return this.#runs.archived;
  }

  get overdue(): number {
    return this.#overdue;
  }

  /** For the provider. Does not throw; begins the run at once when there is a place. */
  readonly deliver = (delivery: Delivery): void => {
    if (this.#stopping) this.#giveBack(delivery);
    else if (this.#suspects.isWorn(delivery)) this.#renew(delivery);
    else if (this.#hasPlace()) this.#begin(delivery);
    else if (!this.#runs.follow(delivery)) this.#wait(delivery);
  };

  /** No run begins any more; what waits is left for others. */
  stop(): void {
    this.#stopping = true;
    this.emptied();
  }

  emptied(): void {
    for (const delivery of this.#waiting.splice(0)) this.#giveBack(delivery);
  }

  widened(): void {
    // Not every delivery makes a run: some take over the result of another.
    while (this.#hasPlace() && this.#waiting.length > 0) this.#begin(this.#waiting.shift() as Delivery);
  }

  /** Resolves when no run is left, or with `butLeaving` when only those are left that wait for this themselves. */
  async ended({ butLeaving = false } = {}): Promise<void> {
    while (this.#runsOn(butLeaving)) await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  /** Whether it is one of this listener's here. */
  has(run: Run): boolean {
    return this.#runs.has(run);
  }

  /** The run's listener waits for stop(): it is not waited for by others that do the same. */
  setLeaving(run: Run): void {
    run.leaving = true;
    this.#wakeIdle();
  }

  /** Leaves what still runs to others: signals abort, results are ignored. */
  abandon(): void {
    for (const run of this.#runs) {
      run.abandon();
      this.#giveBack(run.delivery);
      for (const follower of run.followers ?? []) this.#giveBack(follower);
    }
    this.#runs.clear();
    this.#wakeIdle();
  }

  #hasPlace(): boolean {
    const { tap } = this.#parts;
    return tap.isOpen && this.#runs.size < tap.concurrency;
  }

  #runsOn(butLeaving: boolean): boolean {
    for (const run of this.#runs) if (!(butLeaving && run.leaving)) return true;
    return false;
  }

  /** Those whose connection went are the first in line. They make room at once: long runs would let them pile up from one loss to the next. */
  #wait(delivery: Delivery): void {
    while (this.#waiting[0]?.stale === true) this.#dropStale(this.#waiting.shift() as Delivery);
    this.#waiting.push(delivery);
  }

  // --- beginning ---------------------------------------------------------------------------------------------------

  #begin(delivery: Delivery): void {
    if (this.#runs.follow(delivery)) return;
    if (delivery.stale === true) {
      this.#dropStale(delivery);
      return;
    }
    if (this.#runs.adopt(delivery)) return;
    if (this.#suspects.isSuspect(delivery)) void this.#alone(delivery);
    else void this.#run(delivery);
  }

  #run(delivery: Delivery): Promise<void> {
    const { opening, subscription, ambient, deadlines, clock } = this.#parts;
    const envelope = new IncomingEnvelope(delivery.message, opening);
    const run = new Run(delivery, envelope, this.#home);
    this.#runs.add(run);
    const { timeoutMs } = subscription.listener.options;
    if (timeoutMs !== undefined) run.expireAt(clock.now() + timeoutMs, deadlines);
    return ambient ? runWithin(run, this.#handle) : this.#handle(run);
  }

  /** The same once more, for which the broker counts anew. A run that still handles it gets the copy as it got the delivery. */
  #renew(delivery: Delivery): void {
    const { failures, subscription, counters } = this.#parts;
    void delivery.settle(failures.renew(delivery.message, subscription.spec)).then((settlement) => {
      counters[settlement === 'settled' ? 'renewed' : 'stale']++;
    });
  }

  /** What may end the process is handled when nothing else is held here that would be counted with it. */
  async #alone(delivery: Delivery): Promise<void> {
    const { tap, solitude, subscription, logger } = this.#parts;
    const { listener } = subscription;
    this.#secluded++;
    logger.warn(
      { event: subscription.event.name, listener: listener.name, deliveries: delivery.brokerCount },
      'an event was delivered to processes or connections that ended, and is handled alone',
    );
    await tap.shut('suspect');
    await solitude.rest(this);
    const leave = this.#suspects.isLastChance(delivery) ? await solitude.enter(this) : undefined;
    this.#secluded--;
    // Paused meanwhile, or to let another one be alone: it comes again.
    if (this.#stopping || delivery.stale === true || tap.isShutBesides('suspect')) this.#giveBack(delivery);
    else {
      void this.#run(delivery);
      // Not for its listener's promise: that may hang, long after its timeout.
      await solitude.rest(this);
    }
    leave?.();
    tap.open('suspect');
  }

  // --- running -----------------------------------------------------------------------------------------------------

  readonly #handle = async (run: Run): Promise<void> => {
    run.crashed = this.#suspects.isCrashed(run.delivery);
    const thrown = run.crashed ? { error: crashed(run.delivery) } : await this.#parts.handler.attempt(run);
    run.cancelExpiry();
    if (run.overdue) this.#overdue--;
    if (run.overdue || run.abandoned) this.#parts.counters.late++;
    else await this.#conclude(run, thrown);
  };

  /** The attempt has failed now; what the listener still does is ignored. */
  #timedOut(run: Run): void {
    const { listener, event } = this.#parts.subscription;
    const timeoutMs = String(listener.options.timeoutMs);
    const error = new TidingsError(
      'listener-timeout',
      `listener ${listener.name} took longer than its timeoutMs, ${timeoutMs} ms, for an event ${event.name}: heed context.signal, or raise it`,
      { retryable: true },
    );
    this.#overdue++;
    run.giveUp(error);
    void this.#conclude(run, { error });
  }

  // --- ending ------------------------------------------------------------------------------------------------------

  async #conclude(run: Run, failed: Thrown | undefined): Promise<void> {
    const { errors } = this.#parts;
    const thrown = failed === undefined || !errors.any ? failed : { error: await errors.handle(failed.error, run) };
    if (run.abandoned) {
      // An overdue one is counted when its listener has ended.
      if (!run.overdue) this.#parts.counters.late++;
      return;
    }
    const verdict = thrown === undefined ? undefined : this.#judge.verdict(run, thrown.error);
    if (verdict === undefined) this.#succeeded(run);
    else if (verdict.counts) this.#parts.watch?.failed(thrown?.error);
    // At once: nothing may begin that would be given back again.
    if (verdict?.fate === 'stopped') this.stop();
    run.ended = true;
    const settled = await this.#runs.settle(run, verdict?.outcome ?? accept, verdict?.fate);
    if (settled && this.#parts.observers.any) this.#tell(run, thrown, verdict?.fate);
    if (verdict?.fate === 'stopped') this.#parts.halt(thrown?.error);
    this.widened();
    this.#wakeIdle();
  }

  #succeeded(run: Run): void {
    const { counters, watch } = this.#parts;
    if (run.inner === undefined) counters.stopped++;
    else {
      counters.handled++;
      watch?.succeeded();
    }
  }

  #tell({ envelope, attempt, inner }: Run, thrown: Thrown | undefined, fate: Fate | undefined): void {
    const { observers, subscription } = this.#parts;
    const fact = { envelope, listener: subscription.listener, attempt };
    if (thrown !== undefined && fate !== undefined)
      observers.tell('failed', { ...fact, error: thrown.error, fate, archived: fate === 'archived' });
    else if (inner !== undefined) observers.tell('handled', fact);
  }

  /** It waited here while its connection went: the broker delivers it again, perhaps to another process. */
  #dropStale(delivery: Delivery): void {
    this.#parts.counters.stale++;
    void delivery.settle(giveBack);
  }

  #giveBack(delivery: Delivery): void {
    this.#parts.counters.returned++;
    void delivery.settle(giveBack);
  }

  #wakeIdle(): void {
    for (const wake of this.#idle) wake();
    this.#idle.clear();
  }
}
