import type { Comparing, Pair } from './comparing.js';
import { canonical, isObject, type SchemaObject } from './json-schema.js';
import type { SchemaSource } from './schema-source.js';

interface Choice {
  readonly schema: unknown;
  readonly shape: string;
  /** The values that only this choice has, as in `kind: 'card'`. */
  readonly tag: string;
}

/** `anyOf` and `oneOf` as sets of choices, `allOf` part by part. */
export function compareChoices(pair: Pair, comparing: Comparing): void {
  const { field, old, now } = pair;
  compareParts(pair, comparing);
  const [one, other] = [choicesOf(old.schema, comparing.sources.old), choicesOf(now.schema, comparing.sources.now)];
  if (one === undefined && other === undefined) return;
  const kinds = [old, now].map(
    ({ schema }) => ['anyOf', 'oneOf'].filter((keyword) => keyword in schema).join(' and ') || 'nothing of the kind',
  );
  if (one === undefined || other === undefined || kinds[0] !== kinds[1] || kinds[0] === 'anyOf and oneOf') {
    const same = comparing.sources.old.shape(old.schema) === comparing.sources.now.shape(now.schema);
    const what = `its forms are said by ${String(kinds[1])}, and were by ${String(kinds[0])}`;
    if (!same) comparing.report({ rule: 'not-comparable', field, effect: 'unknown', what });
    return;
  }
  const gone = one.filter(({ shape }) => !other.some((choice) => choice.shape === shape));
  const come = other.filter(({ shape }) => !one.some((choice) => choice.shape === shape));
  compareSets(gone, come, field, comparing);
}

function compareSets(gone: readonly Choice[], come: readonly Choice[], field: string, comparing: Comparing): void {
  const pairs = gone.flatMap((old) => come.filter((now) => belongTogether(old, now, gone, come)).map((now) => ({ old, now })));
  for (const { old, now } of pairs) comparing.compare(old.schema, now.schema, field);
  const left = gone.filter((choice) => !pairs.some(({ old }) => old === choice));
  const added = come.filter((choice) => !pairs.some(({ now }) => now === choice));
  const tagged = [...left, ...added].every(({ tag }) => tag !== '');
  const { report } = comparing;
  if (left.length > 0 && added.length > 0 && !tagged) {
    report({ rule: 'not-comparable', field, effect: 'unknown', what: 'its forms differ' });
    return;
  }
  if (left.length > 0) report({ rule: 'choice-removed', field, effect: 'narrower', what: `has fewer forms${names(left)}` });
  if (added.length > 0) report({ rule: 'choice-added', field, effect: 'wider', what: `has more forms${names(added)}` });
}

/** By their tag; where each side has one only, that is the other's. */
function belongTogether(old: Choice, now: Choice, gone: readonly Choice[], come: readonly Choice[]): boolean {
  if (old.tag !== '' || now.tag !== '') return old.tag === now.tag;
  return gone.length === 1 && come.length === 1;
}

function names(choices: readonly Choice[]): string {
  const tags = choices.map(({ tag }) => tag).filter((tag) => tag !== '');
  return tags.length === 0 ? '' : `: ${tags.join(', ')}`;
}

function choicesOf(schema: SchemaObject, source: SchemaSource): Choice[] | undefined {
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (!Array.isArray(choices)) return undefined;
  return choices.map((choice: unknown) => ({ schema: choice, shape: source.shape(choice), tag: tagOf(source.plain(choice).schema) }));
}

function tagOf({ properties, required }: SchemaObject): string {
  if (!isObject(properties) || !Array.isArray(required)) return '';
  const single = (required as string[]).filter((name) => isObject(properties[name]) && 'const' in properties[name]);
  return single
    .sort()
    .map((name) => `${name}: ${canonical((properties[name] as SchemaObject)['const'])}`)
    .join(', ');
}

function compareParts({ field, old, now }: Pair, comparing: Comparing): void {
  const [one, other] = [old.schema['allOf'], now.schema['allOf']];
  const shapes = [comparing.sources.old.shape({ allOf: one }), comparing.sources.now.shape({ allOf: other })];
  if (shapes[0] === shapes[1]) return;
  if (Array.isArray(one) && Array.isArray(other) && one.length === other.length) {
    one.forEach((part, index) => {
      comparing.compare(part, other[index], field);
    });
  } else comparing.report({ rule: 'not-comparable', field, effect: 'unknown', what: 'the parts of its schema (allOf) differ' });
}
