import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ClassValidation } from '../../src/codecs/class-validation.js';
import { EventCodec } from '../../src/codecs/event-codec.js';
import { EventValidation } from '../../src/codecs/event-validation.js';
import type { EventClass } from '../../src/core/descriptors.js';
import { InvalidEventError, type EventFault } from '../../src/core/errors.js';
import { IncomingEnvelope } from '../../src/core/incoming-envelope.js';
import { OutgoingEnvelope } from '../../src/core/outgoing-envelope.js';
import { eventDescriptor } from '../../src/core/registry.js';
import { Upcasters } from '../../src/core/upcasters.js';
import { defineEvent } from '../../src/index.js';
import type { EventDefinition } from '../../src/index.js';
import { unique } from '../support/world.js';

export function made<S extends StandardSchemaV1<object, object>>(schema: S) {
  return defineEvent(unique('made'), schema as StandardSchemaV1<object, object>) as unknown as EventDefinition<
    StandardSchemaV1.InferOutput<S> & object,
    StandardSchemaV1.InferInput<S> & object
  >;
}

/** Validation as the manager puts it together, on envelopes as they are. */
export class Validating {
  readonly #codec: EventCodec;
  readonly #validation: EventValidation;

  private constructor(codec: EventCodec, validation: EventValidation) {
    this.#codec = codec;
    this.#validation = validation;
  }

  static async create(): Promise<Validating> {
    const rules = await ClassValidation.create();
    const codec = await EventCodec.create({ knownFields: (target) => rules.knownFields(target) });
    return new Validating(codec, new EventValidation(rules, codec));
  }

  outgoing(event: object): void | Promise<void> {
    return this.#validation.outgoing(this.#sending(event));
  }

  bodyOf(event: object): string {
    return new TextDecoder().decode(this.#sending(event).body);
  }

  /** What the listener would get; a promise only where validation gave one. */
  received(target: EventClass, fields: object): unknown {
    const descriptor = eventDescriptor(target) as NonNullable<ReturnType<typeof eventDescriptor>>;
    const message = { body: JSON.stringify(fields), headers: new Map<string, string>(), durable: true };
    const opening = { descriptor, codec: this.#codec, upcasters: new Upcasters(), maxBodyBytes: 10_000_000 };
    const envelope = new IncomingEnvelope(message, opening);
    const validated = this.#validation.incoming(envelope);
    return validated === undefined ? envelope.event : validated.then(() => envelope.event);
  }

  faultsOnSending(event: object): Promise<readonly EventFault[]> {
    return faultsOf(() => this.outgoing(event));
  }

  faultsOnReceipt(target: EventClass, fields: object): Promise<readonly EventFault[]> {
    return faultsOf(() => this.received(target, fields));
  }

  #sending(event: object): OutgoingEnvelope {
    const descriptor = eventDescriptor(event.constructor) as NonNullable<ReturnType<typeof eventDescriptor>>;
    const attributes = {
      id: '1',
      tidingsId: '1',
      source: 's',
      at: Date.now(),
      correlationId: '1',
      causationId: undefined,
      subject: undefined,
      priority: undefined,
      route: undefined,
    };
    return new OutgoingEnvelope(event, descriptor, attributes, this.#codec);
  }
}

/** Of a call that has to refuse: its faults. */
async function faultsOf(call: () => unknown): Promise<readonly EventFault[]> {
  try {
    await call();
  } catch (error) {
    if (error instanceof InvalidEventError) return error.faults;
    throw error;
  }
  throw new Error('it was not refused');
}
