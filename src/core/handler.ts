import { Batches } from './batches.js';
import type { Subscription } from './catalog.js';
import type { Clock } from './clock.js';
import type { Validator } from './codec.js';
import type { Deadlines } from './deadlines.js';
import type { Envelope } from './envelope.js';
import type { EventContext } from './event-context.js';
import { TidingsError } from './errors.js';
import type { IncomingEnvelope } from './incoming-envelope.js';
import { eventOfFault, RunOfFault } from './fault.js';
import { Chain, type Stage, type Work } from './pipeline-chain.js';
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

interface ListenerInstance {
  on(event: unknown, context: unknown): unknown;
}

/** Takes a run through pipelines, decoding and validation to its listener. */
export class Handler implements Work<Run> {
  readonly #parts: HandlerParts;
  readonly #chain: Chain<Run>;
  readonly #batches: Batches | undefined;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
    this.#chain = new Chain(parts.stages, this);
    this.#batches = this.#batchesOf(parts);
  }

  /** The run is told when it has finished. */
  attempt(run: Run): void {
    this.#chain.pass(run);
  }

  /** For the chain: what the pipelines are around. */
  begin(run: Run): unknown {
    const { subscription, validator } = this.#parts;
    const { hears, options } = subscription.listener;
    if (options.filter !== undefined && !accepts(options.filter, run, subscription)) {
      run.filtered = true;
      return undefined;
    }
    if (hears === 'faults') return this.#hear(run);
    const checking = validator === undefined ? undefined : checked(run, validator);
    return checking === undefined ? this.#listen(run) : this.#listenOnce(checking, run);
  }

  /** Sends are a part of its work: pipelines must not take it for done before, nor miss a failure that it left behind. */
  complete(run: Run, returned: unknown): Promise<void> | undefined {
    return run.hasSends || (returned !== undefined && run.isRequest) ? this.#end(run, returned) : undefined;
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

  async #hear(run: Run): Promise<void> {
    const event = eventOfFault(run);
    await (await this.#listener()).on(event, new RunOfFault(run));
  }

  /** Gives what the listener returns. */
  #listen(run: Run): unknown {
    const { event } = run.envelope;
    if (this.#batches !== undefined) return this.#batches.join(run, event);
    const found = this.#listener();
    return found instanceof Promise ? found.then((listener) => listener.on(event, run)) : found.on(event, run);
  }

  async #listenOnce(checking: Promise<void>, run: Run): Promise<unknown> {
    await checking;
    return this.#listen(run);
  }

  async #end(run: Run, returned: unknown): Promise<void> {
    // Whoever asks must not be told of success before it is one.
    if (run.hasSends) await run.sendsEnded();
    if (returned === undefined || !run.isRequest) return;
    await run.answer(returned);
    if (run.hasSends) await run.sendsEnded();
  }

  /** Through the container; a promise only where that gives one. */
  #listener(): ListenerInstance | Promise<ListenerInstance> {
    const { resolve, subscription } = this.#parts;
    const found = resolve();
    return found instanceof Promise ? found.then((instance) => listening(instance, subscription)) : listening(found, subscription);
  }
}

/** A promise only where a rule gave one. */
function checked({ envelope }: Run, validator: Validator): Promise<void> | undefined {
  try {
    return validator.incoming(envelope)?.catch((error: unknown) => refused(envelope, error));
  } catch (error) {
    return refused(envelope, error);
  }
}

function refused(envelope: IncomingEnvelope, error: unknown): never {
  // A rule that could not be asked (its database was down) says nothing about the event.
  if (TidingsError.is(error) && error.code === 'invalid-event') envelope.receiptFailure = 'invalid';
  // What its schema made of it is no event.
  else if (TidingsError.is(error) && error.code === 'undecodable') envelope.receiptFailure ??= 'undecodable';
  throw error;
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

function listening(instance: unknown, { listener }: Subscription): ListenerInstance {
  const found = instance as ListenerInstance;
  if (typeof found.on === 'function') return found;
  throw new TidingsError('configuration', `${listener.target.name} has no method on()`);
}
