import type { Comparing, Pair } from './comparing.js';
import { canonical, type SchemaObject } from './json-schema.js';

const lower = ['minItems', 'minLength', 'minProperties'] as const;
const upper = ['maxItems', 'maxLength', 'maxProperties'] as const;

/** Bounds, patterns and formats. */
export function compareLimits(pair: Pair, comparing: Comparing): void {
  const { old, now } = pair;
  for (const keyword of lower) compareBound(keyword, atLeast(old.schema[keyword]) ?? 0, atLeast(now.schema[keyword]) ?? 0, pair, comparing);
  for (const keyword of upper) compareBound(keyword, -most(old.schema[keyword]), -most(now.schema[keyword]), pair, comparing);
  compareRange('minimum', 'exclusiveMinimum', 1, pair, comparing);
  compareRange('maximum', 'exclusiveMaximum', -1, pair, comparing);
  compareStep(pair, comparing);
  compareUnique(pair, comparing);
  compareText('pattern', 'pattern-changed', pair, comparing);
  compareText('format', 'format-changed', pair, comparing);
}

function atLeast(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function most(value: unknown): number {
  return atLeast(value) ?? Infinity;
}

/** The greater the tighter. */
function compareBound(keyword: string, old: number, now: number, pair: Pair, { report }: Comparing): void {
  if (old === now) return;
  const { field } = pair;
  const what = `${keyword} was ${said(pair.old.schema[keyword])} and is ${said(pair.now.schema[keyword])}`;
  if (now > old) report({ rule: 'limit-tightened', field, effect: 'narrower', what });
  else report({ rule: 'limit-loosened', field, effect: 'wider', what });
}

/** `sign`: 1 for a lower bound, -1 for an upper one. */
function compareRange(closed: string, open: string, sign: 1 | -1, pair: Pair, { report }: Comparing): void {
  const [old, now] = [pair.old.schema, pair.now.schema].map((schema) => boundOf(schema, closed, open, sign)) as [Bound, Bound];
  if (old.at === now.at && old.open === now.open) return;
  const tighter = now.at * sign > old.at * sign || (now.at === old.at && now.open);
  const what = `the ${closed} was ${toText(old)} and is ${toText(now)}`;
  if (tighter) report({ rule: 'limit-tightened', field: pair.field, effect: 'narrower', what });
  else report({ rule: 'limit-loosened', field: pair.field, effect: 'wider', what });
}

interface Bound {
  readonly at: number;
  /** The bound itself is not allowed. */
  readonly open: boolean;
}

function boundOf(schema: SchemaObject, closed: string, open: string, sign: 1 | -1): Bound {
  const [one, other] = [atLeast(schema[closed]), atLeast(schema[open])];
  if (other !== undefined && (one === undefined || other * sign >= one * sign)) return { at: other, open: true };
  return { at: one ?? -sign * Infinity, open: false };
}

function toText({ at, open }: Bound): string {
  if (!Number.isFinite(at)) return 'not there';
  return open ? `beyond ${String(at)}` : String(at);
}

function compareStep({ field, old, now }: Pair, { report }: Comparing): void {
  const [one, other] = [atLeast(old.schema['multipleOf']), atLeast(now.schema['multipleOf'])];
  if (one === other) return;
  const what = `multipleOf was ${said(one)} and is ${said(other)}`;
  const tighter = other !== undefined && (one === undefined || isMultiple(other, one));
  const looser = one !== undefined && (other === undefined || isMultiple(one, other));
  if (tighter) report({ rule: 'limit-tightened', field, effect: 'narrower', what });
  else if (looser) report({ rule: 'limit-loosened', field, effect: 'wider', what });
  else report({ rule: 'limit-tightened', field, effect: 'both', what });
}

function isMultiple(value: number, of: number): boolean {
  return Number.isInteger(value / of);
}

function compareUnique({ field, old, now }: Pair, { report }: Comparing): void {
  const [one, other] = [old.schema['uniqueItems'] === true, now.schema['uniqueItems'] === true];
  if (one === other) return;
  if (other) report({ rule: 'limit-tightened', field, effect: 'narrower', what: 'its items must differ now' });
  else report({ rule: 'limit-loosened', field, effect: 'wider', what: 'its items may be equal now' });
}

function compareText(keyword: 'pattern' | 'format', rule: 'pattern-changed' | 'format-changed', pair: Pair, { report }: Comparing): void {
  const { field } = pair;
  const [one, other] = [pair.old.schema[keyword], pair.now.schema[keyword]];
  if (one === other) return;
  const what = `its ${keyword} was ${said(one)} and is ${said(other)}`;
  report({ rule, field, effect: one === undefined ? 'narrower' : other === undefined ? 'wider' : 'both', what });
}

function said(value: unknown): string {
  return value === undefined ? 'not there' : canonical(value);
}
