import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { KnownSchema } from './issues.js';

/** What a schema takes, as JSON Schema: for editors, and for the nearest names of misspelt ones. Empty where its library does not say. */
export function jsonSchemaOf(schema: StandardSchemaV1): KnownSchema & Readonly<Record<string, unknown>> {
  const { jsonSchema }: Partial<StandardJSONSchemaV1.Props> & StandardSchemaV1.Props = schema['~standard'];
  // What zod has no word for, such as a template, may be anything.
  const made = jsonSchema?.input({ target: 'draft-2020-12', libraryOptions: { unrepresentable: 'any' } }) ?? {};
  const { $schema: _draft, ...rest } = made;
  return rest;
}
