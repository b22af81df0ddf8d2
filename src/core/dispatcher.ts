import { runWithin } from './ambient.js';
import { AttemptBook, type Watch } from './attempt-book.js';
import type { Subscription } from './catalog.js';
import type { Clock } from './clock.js';
import type { Counters } from './counters.js';
import type { Deadlines } from './deadlines.js';
import { EarlierAttempts, withChanges } from './earlier-attempts.js';
import type { ErrorHandlers } from './error-handlers.js';
import type { FailurePolicy, Verdict } from './failure-policy.js';
import type { Handler } from './handler.js';
import { IncomingEnvelope, type Opening } from './incoming-envelope.js';
import { Judge } from './judge.js';
import type { Logger } from './logger.js';
import type { Observers } from './observers.js';
import { expiry, isExpired, listenerTimeout } from './out-of-time.js';
import type { Thrown } from './pipeline-chain.js';
import type { CopyOutcome, Delivery, Outcome, WireMessage } from './provider.js';
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

const accept: Outcome = Object.freeze({ do: 'accept' });
const giveBack: Outcome = Object.freeze({ do: 'return' });

/**
 * Takes the deliveries of one subscription to the handler and settles them: once each, after the listener's promise has ended, and nowhere
 * else. At most as many run at a time as the tap says; the order of the deliveries is the order in which runs begin, but that those with a
 * key wait for the earlier ones of it, and take no place meanwhile.
 */
export class Dispatcher implements Basin, Neighbour {
  readonly #parts: DispatcherParts;
  readonly #home: RunHome;
  readonly #judge: Judge;
  readonly #book: AttemptBook;
  readonly #waiting: WaitingRoom;
  readonly #attempts = new EarlierAttempts();
  readonly #runs: Runs;
  readonly #suspects: Suspects;
  readonly #seclusion: Seclusion;
  /** Given up at the listener's timeout, and still going. */
  #overdue = 0;
  #stopping = false;

  constructor(parts: DispatcherParts) {
    const { subscription, failures, sendWithin, correspondence, tap, solitude, clock, deadlines } = parts;
    this.#parts = parts;
    this.#judge = new Judge(parts);
    this.#book = new AttemptBook(parts);
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
    this.#home = {
      listener: subscription.listener,
      maxAttempts: failures.maxAttempts,
      maxRequestAttempts: failures.maxRequestAttempts ?? failures.maxAttempts,
      strict: subscription.listener.options.order !== 'loose',
      sendWithin,
      correspondence,
      overdue: (run) => {
        this.#timedOut(run);
      },
      finished: (run, thrown) => {
        this.#finished(run, thrown);
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
    return this.#overdue;
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
      this.#passed(run, false);
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
    if (run.crashed) this.#finished(run, { error: crashed(run.delivery) });
    else if (run.expired) this.#finished(run, expiry(run));
    else handler.attempt(run);
  };

  #finished(run: Run, thrown: Thrown | undefined): void {
    run.cancelExpiry();
    if (run.overdue) this.#overdue--;
    if (run.overdue || run.abandoned) this.#parts.counters.late++;
    else if (run.unwanted) void this.#returned(run);
    else if (thrown === undefined) this.#succeeded(run);
    else void this.#failed(run, thrown);
  }

  /** The attempt has failed now; what the listener still does is ignored. */
  #timedOut(run: Run): void {
    const error = listenerTimeout(this.#parts.subscription);
    this.#overdue++;
    run.giveUp(error);
    void this.#failed(run, { error });
  }

  // --- ending ------------------------------------------------------------------------------------------------------

  #succeeded(run: Run): void {
    this.#book.succeeded(run);
    run.ended = true;
    void run.delivery.settle(accept).then((settlement) => {
      const settled = this.#runs.settled(run, settlement, accept, undefined);
      if (typeof settled === 'boolean') this.#over(run, settled, undefined, undefined);
      else
        void settled.then((anyhow) => {
          this.#over(run, anyhow, undefined, undefined);
        });
    });
  }

  async #failed(run: Run, failed: Thrown): Promise<void> {
    const { errors, watch, correspondence } = this.#parts;
    const thrown = errors.any ? { error: await errors.handle(failed.error, run) } : failed;
    if (this.#isLeft(run)) return;
    const verdict = this.#judge.verdict(run, thrown.error);
    if (run.isRequest && (verdict.fate === 'answered' || verdict.fate === 'archived')) {
      // Before it is settled: a process that dies in between leaves nobody without an answer.
      await correspondence.refuse(run, thrown.error);
      if (this.#isLeft(run)) return;
    }
    if (verdict.counts) watch?.failed(thrown.error);
    // At once: nothing may begin that would be given back again.
    if (verdict.fate === 'stopped') this.stop();
    run.ended = true;
    const { outcome } = verdict;
    const staysHere = verdict.fate === 'retried' && run.staysHere;
    const settled = staysHere || (await this.#runs.settled(run, await run.delivery.settle(outcome), outcome, verdict.fate));
    this.#over(run, settled, thrown, verdict);
  }

  #over(run: Run, settled: boolean, thrown: Thrown | undefined, verdict: Verdict | undefined): void {
    run.onSettled?.(settled && !run.overdue);
    if (settled) this.#book.tell(run, thrown, verdict?.fate);
    if (verdict?.fate === 'retried' && run.staysHere) this.#again(run, verdict.outcome);
    else this.#passed(run, settled);
    if (verdict?.fate === 'stopped') this.#parts.halt(thrown?.error);
    this.#waiting.fill();
    this.#runs.tellIdle();
  }

  /** Nothing was done: whoever read it does not want it. */
  async #returned(run: Run): Promise<void> {
    run.abandon();
    this.#parts.counters.returned++;
    await this.#runs.settled(run, await run.delivery.settle(giveBack), giveBack, undefined);
    this.#passed(run, false);
    this.#runs.tellIdle();
  }

  /** Whether it is for others to settle. */
  #isLeft(run: Run): boolean {
    // An overdue one is counted when its listener has ended.
    if (run.abandoned && !run.overdue) this.#parts.counters.late++;
    return run.abandoned;
  }

  /** The later ones of its key may go on: once, though its settlement may come after it was left to others. */
  #passed(run: Run, settled: boolean): void {
    const { delivery } = run;
    if (delivery.message.group === undefined) return;
    if (settled) this.#attempts.forget(delivery);
    if (!run.passed) this.#waiting.passed(delivery);
    run.passed = true;
  }

  /** It is tried again here, unless it shall not be held meanwhile: then it comes again. */
  #again(run: Run, { headers, notBefore }: CopyOutcome): void {
    const { tap, clock } = this.#parts;
    const { delivery } = run;
    this.#attempts.keep(delivery, headers);
    const doubles = this.#runs.release(run);
    const isShut = this.#suspects.isSuspect(delivery) ? tap.isShutBesides('suspect') : !tap.isOpen;
    if (!isShut && !this.#stopping) this.#waiting.retry(delivery, notBefore?.getTime() ?? clock.now(), doubles);
    else {
      for (const left of [delivery, ...doubles]) this.#giveBack(left);
      this.#waiting.passed(delivery);
    }
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
}
