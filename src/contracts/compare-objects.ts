import type { Comparing, Pair } from './comparing.js';
import { whom } from './contract-change.js';
import { isObject, type SchemaObject } from './json-schema.js';

interface Fields {
  readonly named: SchemaObject;
  readonly required: ReadonlySet<string>;
  /** What fields may hold that are not named; `false`: there are none, undefined: anything. */
  readonly others: unknown;
}

/** Named fields, and those that are not named. */
export function compareObjects({ field, old, now }: Pair, comparing: Comparing): void {
  const [one, other] = [fieldsOf(old.schema), fieldsOf(now.schema)];
  for (const name of [...new Set([...Object.keys(one.named), ...Object.keys(other.named)])].sort())
    compareField(name, field === '' ? name : `${field}.${name}`, one, other, comparing);
  compareOthers(field, one.others, other.others, comparing);
}

function fieldsOf(schema: SchemaObject): Fields {
  const required = new Set(Array.isArray(schema['required']) ? (schema['required'] as string[]) : []);
  const others = schema['additionalProperties'];
  const unnamed = Object.fromEntries([...required].map((name) => [name, others ?? {}]));
  const named = isObject(schema['properties']) ? schema['properties'] : {};
  return { named: { ...unnamed, ...named }, required, others };
}

function compareField(name: string, field: string, old: Fields, now: Fields, comparing: Comparing): void {
  if (!Object.hasOwn(now.named, name)) reportRemoved(name, field, old, now, comparing);
  else if (!Object.hasOwn(old.named, name)) reportAdded(name, field, old, now, comparing);
  else {
    const { report } = comparing;
    const [before, after] = [old.required.has(name), now.required.has(name)];
    const misses = `${whom.oldConsumers} refuse events without it`;
    if (before && !after)
      report({ rule: 'required-removed', field, effect: 'wider', what: 'need not be there any more', therefore: misses });
    const without = `${whom.oldSenders} may come without it, and are refused`;
    if (!before && after) report({ rule: 'required-added', field, effect: 'narrower', what: 'must be there now', therefore: without });
    comparing.compare(old.named[name], now.named[name], field);
  }
}

function reportRemoved(name: string, field: string, old: Fields, now: Fields, { report }: Comparing): void {
  const missed = `${whom.oldConsumers} ${old.required.has(name) ? 'refuse events without it' : 'no longer get it'}`;
  const what = 'is gone';
  if (now.others !== false) report({ rule: 'field-removed', field, effect: 'wider', what, therefore: missed });
  else
    report({
      rule: 'field-removed',
      field,
      effect: 'both',
      what,
      therefore: `${missed}, and ${whom.oldSenders} still have it and are refused`,
    });
}

function reportAdded(name: string, field: string, old: Fields, now: Fields, comparing: Comparing): void {
  const { report } = comparing;
  const closed = old.others === false;
  const unknown = `${whom.oldConsumers} refuse fields that they do not know`;
  if (now.required.has(name)) {
    const lacking = `${whom.oldSenders} lack it and are refused`;
    const therefore = closed ? `${lacking}, and ${unknown}` : lacking;
    report({ rule: 'required-field-added', field, effect: closed ? 'both' : 'narrower', what: 'is new and must be there', therefore });
  } else if (closed) report({ rule: 'field-added', field, effect: 'wider', what: 'is new', therefore: unknown });
  else report({ rule: 'field-added', field, effect: 'none', what: 'is new, and need not be there' });
  // Until now it was one of those without a name.
  if (isObject(old.others) && Object.keys(old.others).length > 0) comparing.compare(old.others, now.named[name], field);
}

function compareOthers(field: string, old: unknown, now: unknown, comparing: Comparing): void {
  const inside = field === '' ? '*' : `${field}.*`;
  const refuses = `${whom.oldSenders} that have more fields are refused`;
  if (old === undefined && now === undefined) return;
  if (old !== false && now !== false) comparing.compare(old, now, inside);
  else if (old !== false)
    comparing.report({ rule: 'fields-closed', field, effect: 'narrower', what: 'takes no other fields any more', therefore: refuses });
  else if (now !== false) comparing.report({ rule: 'fields-opened', field, effect: 'wider', what: 'takes other fields now' });
}
