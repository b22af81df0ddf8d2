import type { Comparing, Pair } from './comparing.js';
import { canonical } from './json-schema.js';
import type { Plain, SchemaSource } from './schema-source.js';

/** 'apart': no value is of both, and there is nothing more to compare. */
export function compareTypes(pair: Pair, comparing: Comparing): 'apart' | 'alike' {
  const { sources, report } = comparing;
  const { field } = pair;
  const [never, neverNow] = [isNever(pair.old), isNever(pair.now)];
  if (!never && neverNow) report({ rule: 'type-narrowed', field, effect: 'narrower', what: 'may no longer be there' });
  if (never && !neverNow) report({ rule: 'type-widened', field, effect: 'wider', what: 'may be there now' });
  if (never || neverNow) return 'apart';
  const [old, now] = [typesOf(pair.old, sources.old), typesOf(pair.now, sources.now)];
  // Where anything goes, the types tell.
  if (old !== undefined && now !== undefined) compareNull(pair, comparing);
  if (compareNames(old, now, pair.field, comparing) === 'apart') return 'apart';
  compareValues(pair, comparing);
  return 'alike';
}

/** Forms within forms, beyond which nobody knows. */
const mostForms = 8;

/** Without null; undefined: any. */
function typesOf({ schema }: Plain, source: SchemaSource, depth = 0): string[] | undefined {
  const { type } = schema;
  const choices = schema['anyOf'] ?? schema['oneOf'];
  const said = typeof type === 'string' ? [type] : Array.isArray(type) ? (type as string[]) : valuesOf(schema)?.map(typeOfValue);
  if (said !== undefined || !Array.isArray(choices) || depth === mostForms)
    return said === undefined ? undefined : [...new Set(said)].filter((one) => one !== 'null').sort();
  const types = choices.map((choice) => typesOf(source.plain(choice), source, depth + 1));
  return types.includes(undefined) ? undefined : [...new Set(types.flat() as string[])].sort();
}

/** What no value is: `false`, as JSON Schema says it. */
function isNever({ schema }: Plain): boolean {
  return canonical(schema['not']) === '{}';
}

function allowsNull({ schema, nullable }: Plain): boolean {
  if (nullable) return true;
  const { type } = schema;
  const values = valuesOf(schema);
  if (values !== undefined && !values.includes(null)) return false;
  return type === undefined
    ? !('anyOf' in schema || 'oneOf' in schema || 'allOf' in schema || 'not' in schema)
    : [type].flat().includes('null');
}

function compareNull({ field, old, now }: Pair, { report }: Comparing): void {
  if (allowsNull(old) === allowsNull(now)) return;
  if (allowsNull(old)) report({ rule: 'nullable-removed', field, effect: 'narrower', what: 'may no longer be null' });
  else report({ rule: 'nullable-added', field, effect: 'wider', what: 'may be null now' });
}

function compareNames(old: string[] | undefined, now: string[] | undefined, field: string, { report }: Comparing): 'apart' | 'alike' {
  const gone = now === undefined ? [] : (old ?? ['anything']).filter((type) => !covers(now, type));
  const come = old === undefined ? [] : (now ?? ['anything']).filter((type) => !covers(old, type));
  if (gone.length === 0 && come.length === 0) return 'alike';
  const what = `was ${said(old)} and is ${said(now)}`;
  if (gone.length > 0 && come.length > 0) report({ rule: 'type-changed', field, effect: 'both', what });
  else if (gone.length > 0) report({ rule: 'type-narrowed', field, effect: 'narrower', what });
  else report({ rule: 'type-widened', field, effect: 'wider', what });
  const common = old === undefined || now === undefined || old.some((type) => covers(now, type)) || now.some((type) => covers(old, type));
  return common ? 'alike' : 'apart';
}

function covers(types: readonly string[], type: string): boolean {
  return types.includes(type) || (type === 'integer' && types.includes('number'));
}

function said(types: readonly string[] | undefined): string {
  if (types === undefined) return 'anything';
  return types.length === 0 ? 'null' : types.join(' or ');
}

function valuesOf(schema: Plain['schema']): unknown[] | undefined {
  if ('const' in schema) return [schema['const']];
  return Array.isArray(schema['enum']) ? (schema['enum'] as unknown[]) : undefined;
}

function typeOfValue(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function compareValues({ field, old, now }: Pair, { report }: Comparing): void {
  const [one, other] = [old, now].map(({ schema }) =>
    valuesOf(schema)
      ?.filter((value) => value !== null)
      .map(canonical),
  );
  const gone = other === undefined ? [] : (one?.filter((value) => !other.includes(value)) ?? ['every other value']);
  const come = one === undefined ? [] : (other?.filter((value) => !one.includes(value)) ?? ['every other value']);
  if (gone.length > 0) report({ rule: 'enum-narrowed', field, effect: 'narrower', what: `no longer takes ${gone.join(', ')}` });
  if (come.length > 0) report({ rule: 'enum-widened', field, effect: 'wider', what: `takes ${come.join(', ')} too` });
}
