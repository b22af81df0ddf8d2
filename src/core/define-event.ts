import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { EventClass, EventDefinition, EventOptions } from './descriptors.js';
import { TidingsError } from './errors.js';
import { noteEvent } from './registry.js';

/** Those that have a meaning without a class. */
export type DefinitionOptions<E extends object> = Omit<EventOptions<E>, 'name' | 'schema' | 'create'>;

/** An event is an object of JSON: neither a text nor a list. */
export type SchemaOfFields<S extends StandardSchemaV1> = StandardSchemaV1.InferInput<S> extends readonly unknown[] ? never : unknown;

type Input<S extends StandardSchemaV1> = Extract<StandardSchemaV1.InferInput<S>, object>;
type Output<S extends StandardSchemaV1> = Extract<StandardSchemaV1.InferOutput<S>, object>;

/**
 * An event without a class of its own: its fields are what the schema says. Usable wherever an event class is: `@eventListener(Def)`,
 * `sendEvent(Def, fields)`, and `new Def(fields)` for `sendEvents`. The schema describes the event as JSON: what is sent is its input;
 * listeners get its output.
 */
export function defineEvent<S extends StandardSchemaV1<object, object>>(
  name: string,
  schema: S & SchemaOfFields<S>,
  options: DefinitionOptions<Input<S>> = {},
): EventDefinition<Output<S>, Input<S>> {
  // eslint-disable-next-line @typescript-eslint/no-extraneous-class -- what it is made of says the schema
  const target = class {
    constructor(fields: object = {}) {
      refuseReserved(fields, name);
      Object.assign(this, fields);
    }
  };
  Object.defineProperty(target, 'name', { value: name });
  noteEvent(target, { target, kind: 'definition', name, options: Object.freeze({ ...options, name, schema }) });
  return target as EventClass as EventDefinition<Output<S>, Input<S>>;
}

/** Throws 'not-an-event' for fields that would take the class from the event, and with it its rules. */
export function refuseReserved(fields: object, name: string): void {
  const reserved = Object.keys(fields).find((field) => field === '__proto__' || field === 'constructor' || field === 'prototype');
  if (reserved !== undefined) throw new TidingsError('not-an-event', `the fields of ${name} may not have the name '${reserved}'`);
}
