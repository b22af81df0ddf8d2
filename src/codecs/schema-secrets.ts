import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import { mostTexts } from './redaction.js';

type Json = Readonly<Record<string, unknown>>;

/** What is read from it belongs to the schema, not to an event. */
const known = new WeakMap<object, SchemaSecrets>();

/**
 * Which values of an event may be told when they are at fault, by the JSON Schema that the library of a schema makes of it: those of fields
 * that it describes, and where nothing at them, above or below them is marked `secret: true`. Where a library makes none, no value is told.
 */
export class SchemaSecrets {
  readonly #input: Json | undefined;
  readonly #output: Json | undefined;

  private constructor(schema: StandardSchemaV1) {
    this.#input = jsonSchema(schema, 'input');
    // A mark may stand behind a transformation.
    this.#output = jsonSchema(schema, 'output');
  }

  /** Asked for at the first fault only: many schemas never see one. */
  static of(schema: StandardSchemaV1): SchemaSecrets {
    let secrets = known.get(schema);
    if (secrets === undefined) known.set(schema, (secrets = new SchemaSecrets(schema)));
    return secrets;
  }

  /** What of the fields of an event is marked. */
  in(fields: object): unknown[] {
    const found: unknown[] = [];
    for (const root of [this.#input, this.#output])
      if (root !== undefined) {
        const isMarkedWithin = markedIn(root);
        collect(fields, [root].filter(isMarkedWithin), root, isMarkedWithin, found);
      }
    return found;
  }

  mayTell(keys: readonly string[]): boolean {
    if (this.#input === undefined || this.#output === undefined) return false;
    return look(this.#input, keys) === 'open' && look(this.#output, keys) !== 'secret';
  }
}

function jsonSchema(schema: StandardSchemaV1, side: 'input' | 'output'): Json | undefined {
  const { jsonSchema: converter } = schema['~standard'] as Partial<StandardJSONSchemaV1.Props>;
  try {
    // zod would refuse a whole schema for one date in it.
    return converter?.[side]({ target: 'draft-2020-12', libraryOptions: { unrepresentable: 'any' } });
  } catch {
    // Some schemas cannot be said in JSON Schema. Then it is not known what is secret, and nothing is told.
    return undefined;
  }
}

function look(root: Json, keys: readonly string[]): 'open' | 'secret' | 'undescribed' {
  let here = alternatives([root], root);
  for (const key of keys) {
    if (here.some(isMarked)) return 'secret';
    here = alternatives(
      here.flatMap((node) => below(node, key)),
      root,
    );
  }
  if (here.some((node) => holdsMark(node, root, new Set()))) return 'secret';
  return here.some(saysSomething) ? 'open' : 'undescribed';
}

/** Goes where marks are, and no further than anybody looks for what was found: senders choose how much there is. */
function collect(value: unknown, nodes: readonly Json[], root: Json, isMarkedWithin: (node: Json) => boolean, found: unknown[]): void {
  if (nodes.length === 0) return;
  const here = alternatives(nodes, root);
  if (here.some(isMarked)) found.push(value);
  else if (typeof value === 'object' && value !== null)
    for (const key in value) {
      if (found.length > mostTexts) return;
      const inner = here.flatMap((node) => below(node, key)).filter(isMarkedWithin);
      collect((value as Json)[key], inner, root, isMarkedWithin, found);
    }
}

/** Whether a schema within holds a mark; decided once for each. */
function markedIn(root: Json): (node: Json) => boolean {
  const known = new Map<Json, boolean>();
  return (node) => {
    let holds = known.get(node);
    if (holds === undefined) known.set(node, (holds = holdsMark(node, root, new Set())));
    return holds;
  };
}

/** Everything that a schema says of one and the same value. */
function alternatives(nodes: readonly Json[], root: Json): Json[] {
  const all = new Set(nodes);
  // Grows while it is walked: a Set shows what is added.
  for (const node of all) {
    for (const one of [referred(node, root), node['then'], node['else'], ...lists(node, 'anyOf', 'oneOf', 'allOf')])
      if (isJson(one)) all.add(one);
  }
  return [...all];
}

function below(node: Json, key: string): Json[] {
  const { properties, patternProperties, additionalProperties, prefixItems, items } = node;
  const named = isJson(properties) && Object.hasOwn(properties, key) ? [properties[key]] : [];
  const matching = isJson(patternProperties)
    ? Object.keys(patternProperties).flatMap((pattern) => (matches(key, pattern) ? [patternProperties[pattern]] : []))
    : [];
  const fields = [...named, ...matching];
  if (fields.length === 0) fields.push(additionalProperties);
  const element = /^\d+$/.test(key)
    ? ((Array.isArray(prefixItems) ? (prefixItems as unknown[])[Number(key)] : undefined) ?? items)
    : undefined;
  return [...fields, element].filter(isJson);
}

/** Too thorough rather than not enough: it also looks into examples and defaults. */
function holdsMark(value: unknown, root: Json, seen: Set<object>): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return false;
  seen.add(value);
  if (Array.isArray(value)) return value.some((one) => holdsMark(one, root, seen));
  const node = value as Json;
  if (isMarked(node) || holdsMark(referred(node, root), root, seen)) return true;
  return Object.keys(node).some((key) => key !== '$defs' && holdsMark(node[key], root, seen));
}

/** What cannot be found may be anything. */
const hidden: Json = { secret: true };

function referred(node: Json, root: Json): unknown {
  const { $ref } = node;
  if (typeof $ref !== 'string') return undefined;
  if (!$ref.startsWith('#')) return hidden;
  let found: unknown = root;
  for (const key of $ref.slice(1).split('/').slice(1)) {
    const name = key.replaceAll('~1', '/').replaceAll('~0', '~');
    found = isJson(found) ? (found[name] ?? found[decoded(name)]) : undefined;
  }
  return isJson(found) ? found : hidden;
}

/** Not every library encodes what it writes. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** A pattern that only another flag would make valid may speak of any field. */
function matches(key: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(key);
  } catch {
    return true;
  }
}

function lists(node: Json, ...names: readonly string[]): unknown[] {
  return names.flatMap((name) => (Array.isArray(node[name]) ? (node[name] as unknown[]) : []));
}

function isMarked(node: Json): boolean {
  return node['secret'] === true;
}

/** `{}` allows anything, and may stand for what JSON Schema has no word for. */
function saysSomething(node: Json): boolean {
  return Object.keys(node).length > 0;
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
