import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import { isObject, mapSchemas, secret, type SchemaObject } from './json-schema.js';

const unsaid = 'this part of the schema cannot be said in JSON Schema';
const dateTime = { type: 'string', format: 'date-time' };

/** What zod and arktype are told, each in its own words: dates travel as text, and what has no word becomes anything, with a note. */
const vendorOptions: Readonly<Record<string, Record<string, unknown>>> = {
  zod: { unrepresentable: 'any', override: zodOverride },
  arktype: {
    fallback: {
      date: ({ base }: { base: object }) => ({ ...base, ...dateTime }),
      default: ({ base }: { base: object }) => ({ ...base, $comment: unsaid }),
    },
  },
};

/** Of these zod makes an empty schema. */
const unrepresentable = new Set(['bigint', 'custom', 'function', 'map', 'nan', 'set', 'symbol', 'transform', 'undefined', 'void']);

function zodOverride({ zodSchema, jsonSchema }: { zodSchema: { _zod: { def: { type: string } } }; jsonSchema: SchemaObject }): void {
  const { type } = zodSchema._zod.def;
  if (type === 'date') Object.assign(jsonSchema, dateTime);
  else if (unrepresentable.has(type)) jsonSchema['$comment'] = unsaid;
}

/**
 * What a schema takes, as JSON Schema; undefined for a library that does not say (valibot, without its converter). Throws what the library
 * throws.
 */
export function standardJsonSchema(schema: StandardSchemaV1): SchemaObject | undefined {
  const standard: Partial<StandardJSONSchemaV1.Props> & StandardSchemaV1.Props = schema['~standard'];
  if (typeof standard.jsonSchema?.input !== 'function') return undefined;
  const libraryOptions = vendorOptions[standard.vendor];
  const made = standard.jsonSchema.input({ target: 'draft-07', ...(libraryOptions && { libraryOptions }) });
  return mapSchemas(made, marked) as SchemaObject;
}

/** The meta of a schema stands among its keywords. */
function marked(schema: SchemaObject): SchemaObject {
  const { secret: isSecret, $schema: _draft, '~standard': _standard, ...rest } = schema;
  return isSecret === true && isObject(rest) ? secret(rest) : rest;
}
