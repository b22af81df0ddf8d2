import type { Checked, CheckedOnReceipt, Codec, Validator } from '../core/codec.js';
import { describe, InvalidEventError, TidingsError } from '../core/errors.js';
import type { ClassValidation } from './class-validation.js';
import { isPromise, schemaOutput } from './schema-validation.js';

/**
 * What an event has to hold: before it is sent its own `validate()`; on both ways its schema, which sees the event as JSON, or the rules of
 * its class where it has no schema.
 */
export class EventValidation implements Validator {
  readonly #rules: ClassValidation;
  readonly #codec: Codec;

  constructor(rules: ClassValidation, codec: Codec) {
    this.#rules = rules;
    this.#codec = codec;
  }

  outgoing(sent: Checked): Promise<void> | undefined {
    const own = ownValidation(sent);
    return own === undefined ? this.#check(sent) : own.then(() => this.#check(sent));
  }

  incoming(received: CheckedOnReceipt): Promise<void> | undefined {
    const { schema } = received.descriptor.options;
    if (schema === undefined) return this.#rules.validate(received);
    const output = schemaOutput(schema, received, undefined);
    if (isPromise(output)) return this.#takeLater(output, received);
    this.#take(output, received);
    return undefined;
  }

  /** What a schema makes of the event is for its receivers. */
  #check(sent: Checked): Promise<void> | undefined {
    const { schema } = sent.descriptor.options;
    if (schema === undefined) return this.#rules.validate(sent);
    const output = schemaOutput(schema, sent, sent.event);
    return isPromise(output) ? ended(output) : undefined;
  }

  async #takeLater(output: PromiseLike<unknown>, received: CheckedOnReceipt): Promise<void> {
    this.#take(await output, received);
  }

  #take(output: unknown, received: CheckedOnReceipt): void {
    received.take(this.#codec.make(output as object, received.descriptor));
  }
}

async function ended(output: PromiseLike<unknown>): Promise<void> {
  await output;
}

interface Validating {
  validate(): unknown;
}

/** A promise only where the event's own method gives one. A field of that name is no method. */
function ownValidation({ event, descriptor }: Checked): Promise<void> | undefined {
  if (typeof (descriptor.target.prototype as Partial<Validating> | undefined)?.validate !== 'function') return undefined;
  try {
    const result = (event as Validating).validate();
    return isPromise(result) ? ownLater(result, descriptor.name) : undefined;
  } catch (error) {
    throw refusal(error, descriptor.name);
  }
}

async function ownLater(result: PromiseLike<unknown>, name: string): Promise<void> {
  try {
    await result;
  } catch (error) {
    throw refusal(error, name);
  }
}

function refusal(error: unknown, name: string): TidingsError {
  return TidingsError.is(error) ? error : new InvalidEventError(name, [{ path: '', message: describe(error) }], { cause: error });
}
