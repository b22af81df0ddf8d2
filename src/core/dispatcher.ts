import { runWithin } from './ambient.js';
import type { Watch } from './attempt-book.js';
import type { Subscription } from './catalog.js';
import type { Clock } from './clock.js';
import { Conclusions } from './conclusions.js';
import type { Counters } from './counters.js';
import type { Deadlines } from './deadlines.js';
import { EarlierAttempts, withChanges } from './earlier-attempts.js';
import type { ErrorHandlers } from './error-handlers.js';
import type { FailurePolicy } from './failure-policy.js';
import type { Handler } from './handler.js';
import { IncomingEnvelope, type Opening } from './incoming-envelope.js';
import type { Logger } from './logger.js';
import type { Observers } from './observers.js';
import { expiry, isExpired } from './out-of-time.js';
import type { Delivery, Outcome, WireMessage } from './provider.js';
import { Run, type Correspondence, type RunHome, type SendWithin } from './run.js';
import { keyOf, Runs } from './runs.js';
import { Seclusion } from './seclusion.js';
import type { Neighbour, Solitude } from './solitude.js';
import { crashed, Suspects } from './suspects.js';
import type { Basin, Tap } from './tap.js';
import { WaitingRoom } from './waiting-room.js';

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
  readonly correspondence: Correspondence;
  /** Ends the manager with the error of a listener. Returns at once. */
  readonly halt: (error: unknown) => void;
  readonly ambient: boolean;
  /** How its message is read: the events of one subscription are of one kind, mostly. */
  readonly opening: (message: WireMessage) => Opening;
  readonly counters: Counters;
  readonly observers: Observers;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
}

const giveBack: Outcome = Object.freeze({ do: 'return' });

/**
 * Takes the deliveries of one subscription to the handler; how their runs end is for the conclusions. Each is settled once, here or there, and
 * what was handled after the listener's promise has ended. At most as many run at a time as the tap says; the order of the deliveries is the order in which runs begin, but that those with a
 * key wait for the earlier ones of it, and take no place meanwhile.
 */
export class Dispatcher implements Basin, Neighbour {
  readonly #parts: DispatcherParts;
  readonly #home: RunHome;
  readonly #waiting: WaitingRoom;
  readonly #attempts = new EarlierAttempts();
  readonly #runs: Runs;
  readonly #suspects: Suspects;
  readonly #seclusion: Seclusion;
  readonly #conclusions: Conclusions;
  #stopping = false;

  constructor(parts: DispatcherParts) {
    const { subscription, failures, sendWithin, correspondence, tap, solitude, clock, deadlines } = parts;
    this.#parts = parts;
    this.#runs = new Runs(parts.counters);
    this.#suspects = new Suspects(subscription.spec.maxCrashes, parts.lost);
    this.#waiting = new WaitingRoom({
      clock,
      deadlines,
      hasPlace: () => this.#hasPlace(),
      begin: (delivery) => {
        this.#begin(delivery);
      },
      drop: (delivery) => {
        this.#dropStale(delivery);
      },
    });
    this.#seclusion = new Seclusion({
      ...parts,
      suspects: this.#suspects,
      own: this,
      isStopping: () => this.#stopping,
      run: (delivery) => {
        this.#run(delivery);
      },
      leave: (delivery) => {
        this.#giveBack(delivery);
        this.#waiting.passed(delivery);
      },
    });
    this.#conclusions = new Conclusions({
      ...parts,
      runs: this.#runs,
      waiting: this.#waiting,
      attempts: this.#attempts,
      suspects: this.#suspects,
      isStopping: () => this.#stopping,
      stop: () => {
        this.stop();
      },
      giveBack: (delivery) => {
        this.#giveBack(delivery);
      },
    });
    this.#home = {
      listener: subscription.listener,
      maxAttempts: failures.maxAttempts,
      maxRequestAttempts: failures.maxRequestAttempts ?? failures.maxAttempts,
      strict: subscription.listener.options.order !== 'loose',
      sendWithin,
      correspondence,
      overdue: (run) => {
        this.#conclusions.timedOut(run);
      },
      finished: (run, thrown) => {
        this.#conclusions.finished(run, thrown);
      },
    };
    tap.flowsInto(this);
    // What is handled alone may wait for an answer.
    if (subscription.listener.hears !== 'replies') solitude.join(this);
  }

  get tap(): Tap {
    return this.#parts.tap;
  }

  get running(): number {
    return this.#runs.size;
  }

  get held(): number {
    return this.#waiting.size + this.#seclusion.waiting;
  }

  /** Events that went to the archive from here. */
  get archived(): number {
    return this.#runs.archived;
  }

  get overdue(): number {
    return this.#conclusions.overdue;
  }

  /** For the provider. Does not throw; begins the run at once when there is a place. */
  readonly deliver = (delivery: Delivery): void => {
    const { group } = delivery.message;
    if (this.#stopping) this.#giveBack(delivery);
    else if (this.#suspects.isWorn(delivery)) this.#renew(delivery);
    else if (group !== undefined) {
      // One that outlived its connection goes on with the delivery that can be settled.
      if (!this.#runs.follow(delivery)) this.#waiting.arrive(group, delivery);
    } else if (this.#hasPlace()) this.#begin(delivery);
    else if (!this.#runs.follow(delivery)) this.#waiting.wait(delivery);
  };

  /** No run begins any more; what waits is left for others. */
  stop(): void {
    this.#stopping = true;
    this.emptied();
  }

  emptied(): void {
    this.#parts.handler.hurry();
    for (const delivery of this.#waiting.emptied()) this.#giveBack(delivery);
  }

  /** There is a new connection: what waited here for another will come again, and makes room for that. */
  reconnected(): void {
    this.#waiting.reconnected();
  }

  widened(): void {
    this.#waiting.fill();
    this.#parts.handler.widened();
  }

  /** Resolves when no run is left, or with `butLeaving` when only those are left that wait for this themselves. */
  ended(options?: { readonly butLeaving?: boolean }): Promise<void> {
    return this.#runs.ended(options);
  }

  /** Whether it is one of this listener's here. */
  has(run: Run): boolean {
    return this.#runs.has(run);
  }

  /** The run's listener waits for stop(): it is not waited for by others that do the same. */
  setLeaving(run: Run): void {
    run.leaving = true;
    this.#runs.tellIdle();
  }

  /** Leaves what still runs to others: signals abort, results are ignored. */
  abandon(): void {
    for (const run of this.#runs) {
      run.abandon();
      this.#giveBack(run.delivery);
      for (const follower of run.followers ?? []) this.#giveBack(follower);
      // Whoever has its key from now on does not wait for it.
      this.#conclusions.passed(run, false);
    }
    this.#runs.clear();
    this.#parts.handler.abandoned();
    this.#runs.tellIdle();
  }

  /** For good: it is not one of the listeners here any more. */
  retire(): void {
    this.#parts.solitude.leave(this);
  }

  #hasPlace(): boolean {
    const { tap } = this.#parts;
    return tap.isOpen && this.#runs.size < tap.concurrency;
  }

  // --- beginning ---------------------------------------------------------------------------------------------------

  #begin(delivery: Delivery): void {
    const key = keyOf(delivery);
    if (this.#runs.follow(delivery, key)) return;
    if (delivery.stale === true) {
      this.#waiting.drop(delivery);
      return;
    }
    const adopting = this.#runs.adopt(delivery);
    if (adopting !== undefined) {
      void adopting.then(() => {
        this.#attempts.forget(delivery);
        this.#waiting.passed(delivery);
      });
    } else if (this.#suspects.isSuspect(delivery)) void this.#seclusion.handle(delivery);
    else this.#run(delivery, key);
  }

  #run(delivery: Delivery, key = keyOf(delivery)): void {
    const { opening, subscription, ambient, deadlines, clock } = this.#parts;
    const earlier = delivery.message.group === undefined ? undefined : this.#attempts.of(delivery);
    const message = earlier === undefined ? delivery.message : withChanges(delivery.message, earlier);
    const run = new Run(delivery, key, new IncomingEnvelope(message, opening(message)), this.#home);
    run.earlier = earlier;
    this.#runs.add(run);
    const { timeoutMs, batch } = subscription.listener.options;
    // That of a batch begins when it is handed over.
    if (timeoutMs !== undefined && batch === undefined) run.expireAt(clock.now() + timeoutMs, deadlines);
    if (ambient) runWithin(run, this.#handle);
    else this.#handle(run);
  }

  /** The same once more, for which the broker counts anew. A run that still handles it gets the copy as it got the delivery. */
  #renew(delivery: Delivery): void {
    const { failures, subscription, counters } = this.#parts;
    void delivery.settle(failures.renew(delivery.message, subscription.spec)).then((settlement) => {
      counters[settlement === 'settled' ? 'renewed' : 'stale']++;
    });
  }

  // --- running -----------------------------------------------------------------------------------------------------

  readonly #handle = (run: Run): void => {
    const { clock, handler, counters } = this.#parts;
    run.crashed = this.#suspects.isCrashed(run.delivery);
    run.expired = !run.crashed && isExpired(run.envelope.message.headers, clock);
    if (run.expired) counters.expired++;
    if (run.crashed) this.#conclusions.finished(run, { error: crashed(run.delivery) });
    else if (run.expired) this.#conclusions.finished(run, expiry(run));
    else handler.attempt(run);
  };

  /** It waited here while its connection went: the broker delivers it again, perhaps to another process. */
  #dropStale(delivery: Delivery): void {
    this.#parts.counters.stale++;
    void delivery.settle(giveBack);
  }

  #giveBack(delivery: Delivery): void {
    this.#parts.counters.returned++;
    void delivery.settle(giveBack);
  }
}
