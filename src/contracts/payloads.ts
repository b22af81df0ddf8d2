import type { EventDescriptor } from '../core/descriptors.js';
import { ConfigurationError, describe } from '../core/errors.js';
import type { ClassSchemas } from './class-schemas.js';
import { isObject, type JsonSchema, type SchemaObject } from './json-schema.js';
import { standardJsonSchema } from './standard-json-schema.js';

export interface PayloadOptions {
  /** By the names of events; over what the events say themselves. */
  readonly payloads: Readonly<Record<string, JsonSchema>>;
  readonly strict: boolean;
}

/** What the body of an event is, as JSON Schema. Throws a ConfigurationError. */
export function payloadOf(descriptor: EventDescriptor, classes: ClassSchemas, { payloads, strict }: PayloadOptions): SchemaObject {
  const given = Object.hasOwn(payloads, descriptor.name) ? payloads[descriptor.name] : undefined;
  if (given !== undefined) return isObject(given) ? given : { type: 'object', ...(!given && { not: {} }) };
  const { schema } = descriptor.options;
  if (schema === undefined) return classes.schemaOf(descriptor.target, strict);
  const mend = `give its schema: describeEvents({ payloads: { '${descriptor.name}': { ... } } })`;
  try {
    const said = standardJsonSchema(schema);
    if (said !== undefined) return said;
  } catch (error) {
    throw new ConfigurationError(
      `${descriptor.name} cannot be described`,
      [`its schema does not become JSON Schema (${describe(error)}): ${mend}`],
      {
        cause: error,
      },
    );
  }
  return { type: 'object', $comment: `${schema['~standard'].vendor} does not say what it takes: ${mend}` };
}
