export type SchemaObject = Record<string, unknown>;

/** JSON Schema, draft 7. */
export type JsonSchema = boolean | SchemaObject;

const holdsOne = new Set(['additionalItems', 'additionalProperties', 'contains', 'else', 'if', 'items', 'not', 'propertyNames', 'then']);
const holdsList = new Set(['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems']);
const holdsNamed = new Set(['$defs', 'definitions', 'dependencies', 'patternProperties', 'properties']);

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What stands behind a keyword, with the schemas in it as `change` makes them. */
export function mapKeyword(keyword: string, value: unknown, change: (schema: unknown) => unknown): unknown {
  if (holdsList.has(keyword) && Array.isArray(value)) return value.map(change);
  if (holdsOne.has(keyword)) return change(value);
  if (!holdsNamed.has(keyword) || !isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, change(one)]));
}

/** A copy with every schema in it, itself the last, as `change` makes it. */
export function mapSchemas(schema: unknown, change: (schema: SchemaObject) => SchemaObject): unknown {
  if (!isObject(schema)) return schema;
  const entries = Object.entries(schema).map(([keyword, value]) => [keyword, mapKeyword(keyword, value, (one) => mapSchemas(one, change))]);
  return change(Object.fromEntries(entries) as SchemaObject);
}

/** A copy whose texts are the same wherever it is made: keys in order, and lists that are sets. */
export function ordered(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const list = value.map((one) => ordered(one));
    return key === 'required' || key === 'type' ? list.sort() : list;
  }
  if (!isObject(value)) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.filter((name) => value[name] !== undefined).map((name) => [name, ordered(value[name], name)]));
}

export function canonical(value: unknown): string {
  return value === undefined ? 'undefined' : JSON.stringify(ordered(value));
}

/** A value, as JSON, may also be null. */
export function nullable(schema: SchemaObject): SchemaObject {
  const { type } = schema;
  const plain = !['$ref', 'allOf', 'anyOf', 'const', 'enum', 'not', 'oneOf'].some((keyword) => keyword in schema);
  if (plain && type === undefined) return schema;
  if (plain && typeof type === 'string') return { ...schema, type: [type, 'null'] };
  if (Array.isArray(schema['anyOf']) && Object.keys(schema).length === 1)
    return { anyOf: [...(schema['anyOf'] as unknown[]), { type: 'null' }] };
  return { anyOf: [schema, { type: 'null' }] };
}

const values = ['const', 'default', 'enum', 'example', 'examples'];

/** Says that a value must not be told, and tells none. */
export function secret(schema: SchemaObject): SchemaObject {
  const told = mapSchemas(schema, (one) => Object.fromEntries(Object.entries(one).filter(([keyword]) => !values.includes(keyword))));
  // Draft 7 looks at nothing beside a $ref.
  return '$ref' in schema ? { allOf: [told], 'x-secret': true } : { ...(told as SchemaObject), 'x-secret': true };
}
