import { builtInKinds } from '../kinds.js';
import { RuleFields } from '../rule-fields.js';
import type { TargetKinds } from '../target-kind.js';
import { jsonSchemaOf } from './known-schema.js';
import { fileSchema, hearingFields, ruleSchema } from './rule-schema.js';

type JsonSchema = Readonly<Record<string, unknown>>;

/** A JSON Schema of rules files, for editors. It says less than reading does: expressions are texts to it. */
export async function rulesJsonSchema(kinds: TargetKinds = {}): Promise<JsonSchema> {
  const fields = new RuleFields({ environment: {}, secret: () => undefined });
  const rules: JsonSchema[] = [];
  for (const [name, load] of Object.entries({ ...builtInKinds, ...kinds }))
    rules.push(ofKind(name, jsonSchemaOf((await load()).options(fields))));
  const file = jsonSchemaOf(fileSchema);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Rules of Tidings',
    ...file,
    properties: { ...file.properties, rules: { ...file.properties?.['rules'], items: { oneOf: rules } } },
  };
}

/** A rule of one kind: what all have, and its own. */
function ofKind(name: string, own: ReturnType<typeof jsonSchemaOf>): JsonSchema {
  const common = jsonSchemaOf(ruleSchema);
  return {
    ...own,
    ...common,
    properties: { ...common.properties, kind: { ...common.properties?.['kind'], const: name }, ...own.properties },
    required: [...(common['required'] as string[]), ...((own['required'] as string[] | undefined) ?? [])],
    oneOf: hearingFields.map((field) => ({ required: [field] })),
  };
}
