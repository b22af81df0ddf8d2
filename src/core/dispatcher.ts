import { runWithin } from './ambient.js';
import type { Clock } from './clock.js';
import type { Codec, Validator } from './codec.js';
import type { Counters } from './counters.js';
import type { EventContext } from './event-context.js';
import type { FailurePolicy } from './failure-policy.js';
import { describe, TidingsError } from './errors.js';
import { IncomingEnvelope } from './incoming-envelope.js';
import type { Logger } from './logger.js';
import type { Observers } from './observers.js';
import { chain, type Passing, type Stage } from './pipeline-chain.js';
import type { Delivery, Outcome } from './provider.js';
import { Run, type RunHome, type SendWithin } from './run.js';
import { identity, StaleResults } from './stale-results.js';
import type { Subscription } from './catalog.js';

export interface DispatcherParts {
  readonly subscription: Subscription;
  /** Outermost first. */
  readonly stages: readonly Stage<Run>[];
  readonly codec: Codec;
  /** Absent: what is received is not validated. */
  readonly validator: Validator | undefined;
  readonly failures: FailurePolicy;
  /** The listener, through the container. */
  readonly resolve: () => unknown;
  readonly sendWithin: SendWithin;
  readonly ambient: boolean;
  readonly maxBodyBytes: number;
  readonly counters: Counters;
  readonly observers: Observers;
  readonly logger: Logger;
  readonly clock: Clock;
}

interface ListenerInstance {
  on(event: object, context: EventContext): unknown;
}

const accept: Outcome = Object.freeze({ do: 'accept' });
const giveBack: Outcome = Object.freeze({ do: 'return' });

/**
 * Takes the deliveries of one subscription through pipelines, decoding, validation and the listener, and settles them: once
 * each, after the listener's promise has ended, and nowhere else. At most `concurrency` runs at a time; the order of the
 * deliveries is the order in which runs begin.
 */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #home: RunHome;
  readonly #pass: Passing<Run>;
  readonly #waiting: Delivery[] = [];
  readonly #runs = new Map<string | Delivery, Run>();
  readonly #results = new StaleResults();
  readonly #idle = new Set<() => void>();
  #stopping = false;

  constructor(parts: DispatcherParts) {
    const { subscription, failures, sendWithin } = parts;
    this.#parts = parts;
    this.#home = { listener: subscription.listener, maxAttempts: failures.maxAttempts, sendWithin };
    this.#pass = chain(parts.stages, (run) => this.#reach(run));
  }

  get running(): number {
    return this.#runs.size;
  }

  get held(): number {
    return this.#waiting.length;
  }

  /** For the provider. Does not throw; begins the run at once when there is a place. */
  readonly deliver = (delivery: Delivery): void => {
    if (this.#stopping) this.#giveBack(delivery);
    else if (this.#hasPlace()) this.#begin(delivery);
    else if (!this.#follow(delivery)) this.#waiting.push(delivery);
  };

  /** No run begins any more; what waits is left for others. */
  stop(): void {
    this.#stopping = true;
    for (const delivery of this.#waiting.splice(0)) this.#giveBack(delivery);
  }

  /** Resolves when no run is left, or with `butLeaving` when only those are left that wait for this themselves. */
  async ended({ butLeaving = false } = {}): Promise<void> {
    while (this.#runsOn(butLeaving)) await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  /** Whether it is one of this listener's here. */
  has(run: Run): boolean {
    return this.#runs.get(keyOf(run.delivery)) === run;
  }

  /** The run's listener waits for stop(): it is not waited for by others that do the same. */
  setLeaving(run: Run): void {
    run.leaving = true;
    this.#wakeIdle();
  }

  /** Leaves what still runs to others: signals abort, results are ignored. */
  abandon(): void {
    for (const run of this.#runs.values()) {
      run.abandon();
      this.#giveBack(run.delivery);
      for (const follower of run.followers ?? []) this.#giveBack(follower);
    }
    this.#runs.clear();
    this.#wakeIdle();
  }

  #hasPlace(): boolean {
    return this.#runs.size < this.#parts.subscription.spec.concurrency;
  }

  #runsOn(butLeaving: boolean): boolean {
    for (const run of this.#runs.values()) if (!(butLeaving && run.leaving)) return true;
    return false;
  }

  #begin(delivery: Delivery): void {
    if (this.#follow(delivery)) return;
    if (delivery.stale === true) {
      // It waited here while its connection went: the broker delivers it again, perhaps to another process.
      this.#parts.counters.stale++;
      void delivery.settle(giveBack);
      return;
    }
    const known = this.#results.take(delivery.message);
    if (known !== undefined) {
      this.#adopt(delivery, known);
      return;
    }
    const { codec, maxBodyBytes, subscription, ambient } = this.#parts;
    const envelope = new IncomingEnvelope(delivery.message, subscription.event, codec, maxBodyBytes);
    const run = new Run(delivery, envelope, this.#home);
    this.#runs.set(keyOf(delivery), run);
    void (ambient ? runWithin(run, this.#handle) : this.#handle(run));
  }

  /** The same message is being handled already: its connection was lost under the run. One call, one result. */
  #follow(delivery: Delivery): boolean {
    const run = this.#runs.get(keyOf(delivery));
    if (run === undefined) return false;
    (run.followers ??= []).push(delivery);
    return true;
  }

  /** A run that outlived its connection has come to a result which could not be settled then. */
  #adopt(delivery: Delivery, outcome: Outcome): void {
    this.#parts.counters.adopted++;
    void delivery.settle(outcome).then((settlement) => {
      if (settlement === 'stale') this.#results.keep(delivery.message, outcome);
    });
  }

  readonly #handle = async (run: Run): Promise<void> => {
    const failure = await this.#attempt(run);
    if (run.abandoned) {
      this.#parts.counters.late++;
      return;
    }
    const outcome = failure === undefined ? this.#succeeded(run) : this.#failedSafely(run, failure.error);
    run.ended = true;
    const settled = await this.#settle(run, outcome);
    if (settled && this.#parts.observers.any) this.#tell(run, outcome, failure);
    this.#leave();
  };

  async #attempt(run: Run): Promise<{ readonly error: unknown } | undefined> {
    try {
      await this.#pass(run);
      if (run.hasSends) await run.sendsEnded();
      return undefined;
    } catch (error) {
      // Nothing of this attempt may still be under way when the next one begins.
      await run.sendsEnded().catch(() => undefined);
      return { error };
    }
  }

  async #reach(run: Run): Promise<void> {
    const { validator, subscription, resolve } = this.#parts;
    const event = run.envelope.event;
    if (validator !== undefined) await this.#validate(run, event, validator);
    const found = resolve();
    const listener = (found instanceof Promise ? await found : found) as ListenerInstance;
    if (typeof listener.on !== 'function')
      throw new TidingsError('configuration', `${subscription.listener.target.name} has no method on()`);
    await listener.on(event, run);
  }

  async #validate(run: Run, event: object, validator: Validator): Promise<void> {
    try {
      await validator.validate(event, this.#parts.subscription.event);
    } catch (error) {
      // A rule that could not be asked (its database was down) says nothing about the event.
      if (TidingsError.is(error) && error.code === 'invalid-event') run.envelope.receiptFailure = 'invalid';
      throw error;
    }
  }

  #succeeded(run: Run): Outcome {
    this.#parts.counters[run.inner === undefined ? 'stopped' : 'handled']++;
    return accept;
  }

  /** A delivery is settled whatever was thrown: an error that cannot even be described must not keep it. */
  #failedSafely(run: Run, error: unknown): Outcome {
    try {
      return this.#failed(run, error);
    } catch (broken) {
      return this.#failed(run, new TidingsError('pipeline', `an error was thrown that could not be described: ${describe(broken)}`));
    }
  }

  #failed(run: Run, error: unknown): Outcome {
    const { counters, failures, subscription, logger, clock } = this.#parts;
    const { listener, spec } = subscription;
    const { delivery, attempt, envelope } = run;
    const outcome = failures.decide({
      error,
      id: envelope.id,
      correlationId: envelope.correlationId,
      receiptFailure: envelope.receiptFailure,
      message: delivery.message,
      attempt,
      listener,
      spec,
      now: clock.now(),
    });
    counters.failed++;
    const fields = { event: subscription.event.name, listener: listener.name, id: envelope.id, attempt, error: describe(error) };
    if (outcome.to === 'archive') logger.error(fields, `an event goes to ${spec.archive}`);
    else logger.warn(fields, 'an attempt failed and will be retried');
    return outcome;
  }

  /** Settles the delivery and what followed it; false when all their connections were gone. */
  async #settle(run: Run, outcome: Outcome): Promise<boolean> {
    const { counters } = this.#parts;
    let settled = (await run.delivery.settle(outcome)) === 'settled';
    if (settled) this.#countOutcome(outcome);
    else counters.stale++;
    // One of them may carry the outcome out; a true double of the message then needs nothing more. The last look and the end of the
    // run are in one stretch, so that no follower comes in between.
    for (let follower = run.followers?.shift(); follower !== undefined; follower = run.followers?.shift()) {
      counters.adopted++;
      if ((await follower.settle(settled ? accept : outcome)) === 'settled' && !settled) {
        settled = true;
        this.#countOutcome(outcome);
      }
    }
    const key = keyOf(run.delivery);
    if (this.#runs.get(key) === run) this.#runs.delete(key);
    if (!settled) this.#results.keep(run.delivery.message, outcome);
    return settled;
  }

  #countOutcome(outcome: Outcome): void {
    if (outcome.do !== 'copy') return;
    this.#parts.counters[outcome.to === 'self' ? 'retried' : 'archived']++;
  }

  #tell({ envelope, attempt, inner }: Run, outcome: Outcome, failure: { readonly error: unknown } | undefined): void {
    const { observers, subscription } = this.#parts;
    const fact = { envelope, listener: subscription.listener, attempt };
    if (failure === undefined && inner !== undefined) observers.tell('handled', fact);
    else if (failure !== undefined)
      observers.tell('failed', { ...fact, error: failure.error, archived: outcome.do === 'copy' && outcome.to === 'archive' });
  }

  #leave(): void {
    // Not every delivery makes a run: some take over the result of another.
    while (this.#hasPlace() && this.#waiting.length > 0) this.#begin(this.#waiting.shift() as Delivery);
    this.#wakeIdle();
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

function keyOf(delivery: Delivery): string | Delivery {
  return identity(delivery.message) ?? delivery;
}
