import { compareChoices } from './compare-choices.js';
import { compareLimits } from './compare-limits.js';
import { compareObjects } from './compare-objects.js';
import { compareTypes } from './compare-types.js';
import type { Comparing, Pair } from './comparing.js';
import type { Difference } from './contract-change.js';
import { canonical, type SchemaObject } from './json-schema.js';
import { isAnnotation } from './schema-source.js';

/** Keywords that some part of the comparison looks at. */
const compared = new Set([
  ...['additionalItems', 'additionalProperties', 'allOf', 'anyOf', 'const', 'default', 'enum', 'format', 'items', 'multipleOf', 'oneOf'],
  ...['pattern', 'properties', 'required', 'type', 'uniqueItems'],
  ...['exclusiveMaximum', 'exclusiveMinimum', 'maximum', 'minimum'],
  ...['maxItems', 'maxLength', 'maxProperties', 'minItems', 'minLength', 'minProperties'],
]);

/** Every difference between two bodies. */
export function compareSchemas(sources: Comparing['sources'], old: unknown, now: unknown): Difference[] {
  const found: Difference[] = [];
  // Schemas may hold themselves, and one may stand in many places: there its differences are told again.
  const [begun, clean] = [new Set<string>(), new Set<string>()];
  const comparing: Comparing = {
    sources,
    report: (difference) => void found.push(difference),
    compare(one, other, field) {
      const pair: Pair = { field, old: sources.old.plain(one), now: sources.now.plain(other) };
      const key = pair.old.via === '' || pair.now.via === '' ? '' : `${pair.old.via} => ${pair.now.via}`;
      if (begun.has(key) || clean.has(key)) return;
      const before = found.length;
      if (key !== '') begun.add(key);
      comparePair(pair, comparing);
      begun.delete(key);
      if (key !== '' && found.length === before) clean.add(key);
    },
  };
  comparing.compare(old, now, '');
  return found;
}

function comparePair(pair: Pair, comparing: Comparing): void {
  compareNotes(pair, comparing);
  if (compareTypes(pair, comparing) === 'apart') return;
  compareLimits(pair, comparing);
  compareObjects(pair, comparing);
  compareItems(pair, comparing);
  compareChoices(pair, comparing);
  compareRest(pair, comparing);
}

function compareNotes({ field, old, now }: Pair, { report }: Comparing): void {
  if (canonical(old.schema['default']) !== canonical(now.schema['default']))
    report({ rule: 'default-changed', field, effect: 'none', what: 'another default' });
  const secret = now.schema['x-secret'] === true;
  if ((old.schema['x-secret'] === true) !== secret)
    report({ rule: 'secret-changed', field, effect: 'none', what: secret ? 'is secret now' : 'is no longer secret' });
}

function compareItems({ field, old, now }: Pair, comparing: Comparing): void {
  const [one, other] = [old.schema['items'], now.schema['items']];
  if (one === undefined && other === undefined) return;
  const inside = `${field}[]`;
  if (!Array.isArray(one) && !Array.isArray(other)) comparing.compare(one, other, inside);
  else if (Array.isArray(one) && Array.isArray(other) && one.length === other.length) {
    one.forEach((item, index) => {
      comparing.compare(item, other[index], `${field}[${String(index)}]`);
    });
    comparing.compare(old.schema['additionalItems'], now.schema['additionalItems'], inside);
  } else comparing.report({ rule: 'not-comparable', field, effect: 'unknown', what: 'its list of items has another form' });
}

/** What nobody looked at. */
function compareRest({ field, old, now }: Pair, { sources, report }: Comparing): void {
  const rest = (schema: SchemaObject): SchemaObject =>
    Object.fromEntries(Object.entries(schema).filter(([keyword]) => !compared.has(keyword) && !isAnnotation(keyword)));
  const [one, other] = [rest(old.schema), rest(now.schema)];
  const differ = [...new Set([...Object.keys(one), ...Object.keys(other)])].filter(
    (keyword) => sources.old.shape({ [keyword]: one[keyword] }) !== sources.now.shape({ [keyword]: other[keyword] }),
  );
  if (differ.length > 0)
    report({ rule: 'not-comparable', field, effect: 'unknown', what: `${differ.sort().join(', ')} of its schema differs` });
}
