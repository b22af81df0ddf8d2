import { Batches } from './batches.js';
import type { Subscription } from './catalog.js';
import type { Clock } from './clock.js';
import type { Validator } from './codec.js';
import type { Deadlines } from './deadlines.js';
import type { Envelope } from './envelope.js';
import type { EventContext } from './event-context.js';
import { TidingsError } from './errors.js';
import { eventOfFault, RunOfFault } from './fault.js';
import { chain, type Passing, type Stage } from './pipeline-chain.js';
import type { Run } from './run.js';
import type { Tap } from './tap.js';

export interface HandlerParts {
  readonly subscription: Subscription;
  /** Outermost first. */
  readonly stages: readonly Stage<Run>[];
  /** Absent: what is received is not validated. */
  readonly validator: Validator | undefined;
  /** The listener, through the container. */
  readonly resolve: () => unknown;
  readonly tap: Tap;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
}

/** What an attempt came to, when it was not success. */
export interface Thrown {
  readonly error: unknown;
}

interface ListenerInstance {
  on(event: unknown, context: unknown): unknown;
}

/** Takes a run through pipelines, decoding and validation to its listener. */
export class Handler {
  readonly #parts: HandlerParts;
  readonly #pass: Passing<Run>;
  readonly #batches: Batches | undefined;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
    this.#pass = chain(parts.stages, (run) => this.#reach(run));
    this.#batches = this.#batchesOf(parts);
  }

  /** Undefined: success. Never rejects. */
  async attempt(run: Run): Promise<Thrown | undefined> {
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

  /** No more will come for now: what is gathered is handed over. */
  hurry(): void {
    this.#batches?.hurry();
  }

  /** There may be a place for more. */
  widened(): void {
    this.#batches?.handOver();
  }

  /** All that is under way was left to others. */
  abandoned(): void {
    this.#batches?.abandoned();
  }

  #batchesOf({ subscription: { listener }, tap, clock, deadlines }: HandlerParts): Batches | undefined {
    const { batch, timeoutMs } = listener.options;
    if (batch === undefined) return undefined;
    const call = async (events: object[], contexts: EventContext[]): Promise<void> => {
      await (await this.#listener()).on(events, contexts);
    };
    return new Batches({ options: batch, timeoutMs, tap, call, clock, deadlines });
  }

  async #reach(run: Run): Promise<void> {
    const { subscription } = this.#parts;
    const { hears, options } = subscription.listener;
    if (options.filter !== undefined && !accepts(options.filter, run, subscription)) run.filtered = true;
    else if (hears === 'faults') await this.#hear(run);
    else await this.#listen(run);
    // Part of its work: pipelines must not take it for done before, nor miss a failure that it left behind.
    if (run.hasSends) await run.sendsEnded();
  }

  async #hear(run: Run): Promise<void> {
    const event = eventOfFault(run);
    await (await this.#listener()).on(event, new RunOfFault(run));
  }

  async #listen(run: Run): Promise<void> {
    const { validator } = this.#parts;
    if (validator !== undefined) await this.#validate(run, validator);
    const { event } = run.envelope;
    if (this.#batches !== undefined) {
      await this.#batches.join(run, event);
      return;
    }
    const found = this.#listener();
    const returned = await (found instanceof Promise ? await found : found).on(event, run);
    if (returned === undefined || !run.isRequest) return;
    // Whoever asks must not be told of success before it is one.
    if (run.hasSends) await run.sendsEnded();
    await run.answer(returned);
  }

  /** Through the container; a promise only where that gives one. */
  #listener(): ListenerInstance | Promise<ListenerInstance> {
    const { resolve, subscription } = this.#parts;
    const found = resolve();
    return found instanceof Promise ? found.then((instance) => checked(instance, subscription)) : checked(found, subscription);
  }

  async #validate(run: Run, validator: Validator): Promise<void> {
    try {
      await validator.incoming(run.envelope);
    } catch (error) {
      // A rule that could not be asked (its database was down) says nothing about the event.
      if (TidingsError.is(error) && error.code === 'invalid-event') run.envelope.receiptFailure = 'invalid';
      // What its schema made of it is no event.
      else if (TidingsError.is(error) && error.code === 'undecodable') run.envelope.receiptFailure ??= 'undecodable';
      throw error;
    }
  }
}

function accepts(filter: (envelope: Envelope) => boolean, { envelope }: Run, { listener }: Subscription): boolean {
  const answer: unknown = filter(envelope);
  if (typeof answer === 'boolean') return answer;
  // Its own failure must not end the process.
  if (answer instanceof Promise) answer.catch(() => undefined);
  throw new TidingsError(
    'configuration',
    `the filter of ${listener.target.name} gave ${answer === null ? 'null' : `a ${typeof answer}`}: return true or false, not a promise`,
  );
}

function checked(instance: unknown, { listener }: Subscription): ListenerInstance {
  const found = instance as ListenerInstance;
  if (typeof found.on === 'function') return found;
  throw new TidingsError('configuration', `${listener.target.name} has no method on()`);
}
