import { canonical, isObject, mapSchemas, type SchemaObject } from './json-schema.js';

const nestedRef = /^#\/(?:definitions|\$defs)\/([^/]+)(.*)$/;
const shelf = '#/components/schemas/';

/**
 * Brings the schemas of events, each with definitions of its own, under `components/schemas`. What two events define alike stands there once;
 * what they define otherwise under one name stands there with the event's name before it.
 */
export class SchemaShelf {
  readonly #events = new Map<string, SchemaObject>();

  /** `id`: unique, and of letters, digits, dots, dashes and underscores. Returns the reference to it. */
  add(id: string, schema: SchemaObject): { readonly $ref: string } {
    this.#events.set(id, schema);
    return { $ref: shelf + id };
  }

  schemas(): SchemaObject {
    const meanings = new Map<string, Set<string>>();
    for (const schema of this.#events.values())
      for (const name of Object.keys(definitionsOf(schema)))
        meanings.set(name, (meanings.get(name) ?? new Set()).add(meaningOf(name, schema)));
    const shelved: SchemaObject = {};
    for (const [id, schema] of this.#events) {
      const nameOf = (name: string): string =>
        meanings.get(name)?.size === 1 && !this.#events.has(plain(name)) ? plain(name) : this.#free(`${id}.${plain(name)}`);
      const place = (one: unknown): SchemaObject => withoutDefinitions(mapSchemas(one, (part) => pointed(part, id, nameOf)));
      shelved[id] = place(schema);
      for (const [name, one] of Object.entries(definitionsOf(schema))) shelved[nameOf(name)] = place(one);
    }
    return shelved;
  }

  #free(name: string): string {
    return this.#events.has(name) ? this.#free(`${name}_`) : name;
  }
}

function plain(name: string): string {
  return name.replace(/[^\w.-]/g, '_');
}

function definitionsOf(schema: SchemaObject): SchemaObject {
  return { ...(schema['definitions'] as SchemaObject | undefined), ...(schema['$defs'] as SchemaObject | undefined) };
}

function withoutDefinitions(schema: unknown): SchemaObject {
  if (!isObject(schema)) return schema === false ? { not: {} } : {};
  const { definitions: _definitions, $defs: _defs, ...rest } = schema;
  return rest;
}

/** A definition with all that it refers to; one that refers to the whole event is that event's alone. */
function meaningOf(name: string, schema: SchemaObject): string {
  const all = definitionsOf(schema);
  const reached = new Set<string>();
  let self = '';
  const visit = (one: string): void => {
    if (reached.has(one)) return;
    reached.add(one);
    mapSchemas(all[one], (part) => {
      const ref = part['$ref'];
      const next = typeof ref === 'string' ? nestedRef.exec(ref)?.[1] : undefined;
      if (next !== undefined) visit(unescaped(next));
      else if (typeof ref === 'string') self = canonical(schema);
      return part;
    });
  };
  visit(name);
  return canonical([[...reached].sort().map((one) => [one, all[one]]), self]);
}

function pointed(part: SchemaObject, id: string, nameOf: (name: string) => string): SchemaObject {
  const ref = part['$ref'];
  if (typeof ref !== 'string' || !ref.startsWith('#')) return part;
  const [, name, rest = ''] = nestedRef.exec(ref) ?? [];
  return { ...part, $ref: name === undefined ? `${shelf}${id}${ref.slice(1)}` : `${shelf}${nameOf(unescaped(name))}${rest}` };
}

function unescaped(name: string): string {
  return decodeURIComponent(name).replace(/~1/g, '/').replace(/~0/g, '~');
}
