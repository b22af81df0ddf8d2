import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Checked } from '../core/codec.js';
import { InvalidEventError } from '../core/errors.js';
import { schemaFaults } from './schema-faults.js';

/**
 * What a schema makes of the wire form of an event; a promise only where the schema answers with one. Throws or rejects with an
 * InvalidEventError that lists every fault, or with what the schema itself threw. `instance`: the event itself, where there is one already.
 */
export function schemaOutput(schema: StandardSchemaV1, checked: Checked, instance: object | undefined): unknown {
  const result = schema['~standard'].validate(checked.wireForm());
  return isPromise(result)
    ? // Not by its own then(), which may return nothing: what is not waited for is not validated.
      Promise.resolve(result).then((later) => outputOf(later, schema, checked, instance))
    : outputOf(result, schema, checked, instance);
}

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

function outputOf(
  result: StandardSchemaV1.Result<unknown>,
  schema: StandardSchemaV1,
  checked: Checked,
  instance: object | undefined,
): unknown {
  if (result.issues === undefined) return result.value;
  const faults = schemaFaults(result.issues, schema, checked, instance);
  throw new InvalidEventError(
    checked.descriptor.name,
    faults.length > 0 ? faults : [{ path: '', message: 'is not what the schema asks for' }],
  );
}
