import { canonical, isObject, mapKeyword, type SchemaObject } from './json-schema.js';

/** Words of a schema that change nothing of what it allows. */
const annotations = new Set([
  '$comment',
  '$id',
  '$schema',
  'deprecated',
  'description',
  'example',
  'examples',
  'externalDocs',
  'readOnly',
  'title',
  'writeOnly',
]);

export function isAnnotation(keyword: string): boolean {
  return annotations.has(keyword) || keyword.startsWith('x-');
}

/** A schema as the comparison sees it: references followed, `null` apart from the rest. */
export interface Plain {
  readonly schema: SchemaObject;
  readonly nullable: boolean;
  /** The references that were followed, for schemas that hold themselves. */
  readonly via: string;
}

/** The schemas of one document. */
export class SchemaSource {
  readonly #document: unknown;

  constructor(document: unknown) {
    this.#document = document;
  }

  plain(given: unknown, via = ''): Plain {
    if (!isObject(given)) return { schema: given === false ? { not: {} } : {}, nullable: false, via };
    const ref = given['$ref'];
    // One that leads back to itself, or nowhere, allows nobody knows what.
    if (typeof ref === 'string')
      return via.split(' ').includes(ref) ? { schema: { $ref: ref }, nullable: false, via } : this.#followed(ref, via);
    const alone = onlyOne(given);
    if (alone !== undefined) return laidOver(given, this.plain(alone, via));
    const choices = given['anyOf'] ?? given['oneOf'];
    if (!Array.isArray(choices)) return { schema: given, nullable: false, via };
    const others = choices.filter((choice) => !isNull(choice));
    if (others.length === choices.length) return { schema: given, nullable: false, via };
    const { anyOf: _anyOf, oneOf: _oneOf, ...rest } = given;
    const only = others.length === 1 && Object.keys(rest).every(isAnnotation);
    if (only) return { ...laidOver(rest, this.plain(others[0], via)), nullable: true };
    return { schema: { ...rest, [given['anyOf'] === undefined ? 'oneOf' : 'anyOf']: others }, nullable: true, via };
  }

  #followed(ref: string, via: string): Plain {
    const found = this.#at(ref);
    return found === undefined ? { schema: { $ref: ref }, nullable: false, via } : this.plain(found, `${via} ${ref}`);
  }

  /** The value that a local reference leads to; undefined: it leads nowhere. */
  #at(ref: string): unknown {
    if (!ref.startsWith('#')) return undefined;
    const keys = ref.split('/').slice(1);
    return keys.reduce<unknown>((value, key) => {
      const name = decodeURIComponent(key).replace(/~1/g, '/').replace(/~0/g, '~');
      return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as SchemaObject)[name] : undefined;
    }, this.#document);
  }

  /** What it allows, as text: equal for schemas that say the same by other references. */
  shape(given: unknown, within: readonly string[] = []): string {
    const { schema, nullable, via } = this.plain(given);
    const last = via.split(' ').at(-1) ?? '';
    const turn = within.indexOf(last);
    if (last !== '' && turn >= 0) return `again ${String(within.length - turn)}`;
    const inside = last === '' ? within : [...within, last];
    const parts = Object.entries(schema)
      .filter(([keyword]) => !isAnnotation(keyword) && keyword !== 'default')
      .map(([keyword, value]) => [keyword, mapKeyword(keyword, value, (one) => (isObject(one) ? this.shape(one, inside) : one))]);
    return canonical([nullable, Object.fromEntries(parts)]);
  }
}

/** The part of an `allOf` that says everything. */
function onlyOne(schema: SchemaObject): unknown {
  const { allOf, ...rest } = schema;
  return Array.isArray(allOf) && allOf.length === 1 && Object.keys(rest).every(isAnnotation) ? allOf[0] : undefined;
}

function laidOver(annotated: SchemaObject, { schema, nullable, via }: Plain): Plain {
  const said = Object.fromEntries(Object.entries(annotated).filter(([keyword]) => isAnnotation(keyword)));
  return { schema: { ...schema, ...said }, nullable, via };
}

function isNull(schema: unknown): boolean {
  return isObject(schema) && (schema['type'] === 'null' || schema['const'] === null);
}
