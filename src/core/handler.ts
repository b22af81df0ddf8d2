import type { Validator } from './codec.js';
import type { EventContext } from './event-context.js';
import type { Subscription } from './catalog.js';
import { TidingsError } from './errors.js';
import { eventOfFault, RunOfFault } from './fault.js';
import { chain, type Passing, type Stage } from './pipeline-chain.js';
import type { Run } from './run.js';

export interface HandlerParts {
  readonly subscription: Subscription;
  /** Outermost first. */
  readonly stages: readonly Stage<Run>[];
  /** Absent: what is received is not validated. */
  readonly validator: Validator | undefined;
  /** The listener, through the container. */
  readonly resolve: () => unknown;
}

/** What an attempt came to, when it was not success. */
export interface Thrown {
  readonly error: unknown;
}

interface ListenerInstance {
  on(event: object | undefined, context: EventContext): unknown;
}

/** Takes a run through pipelines, decoding and validation to its listener. */
export class Handler {
  readonly #parts: HandlerParts;
  readonly #pass: Passing<Run>;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
    this.#pass = chain(parts.stages, (run) => this.#reach(run));
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

  async #reach(run: Run): Promise<void> {
    if (this.#parts.subscription.listener.hears === 'faults') await this.#hear(run);
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
    const found = this.#listener();
    await (found instanceof Promise ? await found : found).on(event, run);
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

function checked(instance: unknown, { listener }: Subscription): ListenerInstance {
  const found = instance as ListenerInstance;
  if (typeof found.on === 'function') return found;
  throw new TidingsError('configuration', `${listener.target.name} has no method on()`);
}
