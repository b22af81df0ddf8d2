import type { StandardSchemaV1 } from '@standard-schema/spec';
import { nearestName } from '../../core/option-mistakes.js';
import { find, type Located, type Path, type Place } from './located.js';

/** One thing that is wrong, and where. */
export interface Finding {
  readonly path: Path;
  readonly at: Place | undefined;
  readonly what: string;
}

/** What zod says beside what every library does. */
type Issue = StandardSchemaV1.Issue & {
  readonly code?: string;
  readonly keys?: readonly string[];
  readonly expected?: string;
  readonly values?: readonly unknown[];
  readonly errors?: readonly (readonly Issue[])[];
  readonly origin?: string;
  readonly minimum?: number;
  readonly maximum?: number;
};

/** What a schema is told to be, as far as names and descriptions go. */
export interface KnownSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, KnownSchema>>;
  readonly items?: KnownSchema;
  readonly anyOf?: readonly KnownSchema[];
  readonly oneOf?: readonly KnownSchema[];
  readonly allOf?: readonly KnownSchema[];
}

const words: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object with fields',
  record: 'an object with fields',
};

/** Sentences out of issues about data within `root`, at `base`. `moreNames`: what else may stand beside the fields of `known`. */
export function findings(
  issues: readonly StandardSchemaV1.Issue[],
  root: Located,
  base: Path,
  known: KnownSchema,
  moreNames: readonly string[] = [],
): Finding[] {
  return issues.flatMap((issue) => findingsOf(issue as Issue, []));

  function findingsOf(issue: Issue, above: Path): Finding[] {
    const inner = [...above, ...(issue.path ?? []).map(stepOf)];
    const branch = issue.code === 'invalid_union' ? meantBranch(issue.errors ?? []) : undefined;
    if (branch !== undefined) return branch.flatMap((each) => findingsOf(each, inner));
    const { located, at } = find(root, [...base, ...inner]);
    if (issue.code !== 'unrecognized_keys')
      return [{ path: [...base, ...inner], at, what: sentence(issue, located, schemasAt(known, inner)) }];
    const names = [...namesOf(schemasAt(known, inner)), ...(inner.length === 0 ? moreNames : [])];
    return (issue.keys ?? []).map((key) => {
      const path = [...base, ...inner, key];
      return { path, at: find(root, path).at, what: `there is no such field${suggestion(key, names)}` };
    });
  }
}

/** ': did you mean x?', or else what there is. */
export function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  if (nearest !== undefined) return `: did you mean '${nearest}'?`;
  return known.length === 0 ? '' : `; there are ${known.join(', ')}`;
}

function sentence(issue: Issue, located: Located | undefined, schemas: readonly KnownSchema[]): string {
  const what = described(issue, located, schemas);
  // The others are no matter of its expressions.
  const isOfExpression = /\bat character \d/.test(what);
  return isOfExpression && located?.kind === 'value' && located.hint !== undefined ? `${what} (${located.hint})` : what;
}

function described(issue: Issue, located: Located | undefined, schemas: readonly KnownSchema[]): string {
  const { code, expected, values, message, minimum, maximum } = issue;
  const plain = located?.kind === 'value' ? located.value : undefined;
  if (located === undefined && code !== 'custom') {
    const meaning = schemas.find(({ description }) => description !== undefined)?.description;
    return `is missing${meaning === undefined ? '' : `: ${meaning}`}`;
  }
  if (code === 'invalid_union') return `must be ${[...new Set(issue.errors?.flatMap(alternatives))].join(' or ')}`;
  if (code === 'invalid_type' && expected === 'int' && typeof plain === 'number') return 'must be a whole number';
  if (code === 'invalid_type')
    return `must be ${words[expected ?? ''] ?? expected ?? 'something else'}, not ${kindOf(located)}${braces(located)}`;
  if (code === 'invalid_value' && values !== undefined) {
    const given = typeof plain === 'string' ? nearestName(plain, values.map(String)) : undefined;
    return `must be ${values.map((value) => JSON.stringify(value)).join(' or ')}${given === undefined ? '' : `: did you mean '${given}'?`}`;
  }
  const isNumber = issue.origin === 'number' || issue.origin === 'int';
  if (code === 'too_small' && isNumber) return `must be ${String(minimum)} or more`;
  if (code === 'too_big' && isNumber) return `must be ${String(maximum)} or less`;
  if (code === 'too_small' && issue.origin === 'array') return `must have ${String(minimum)} or more`;
  return message;
}

/** What one branch of a union would take here. */
function alternatives(issues: readonly Issue[]): string[] {
  return issues.flatMap(({ code, path = [], expected, values }) => {
    if (path.length > 0) return [];
    if (code === 'invalid_value') return (values ?? []).map((value) => JSON.stringify(value));
    return [words[expected ?? ''] ?? 'something else'];
  });
}

function kindOf(located: Located | undefined): string {
  if (located?.kind === 'list') return 'a list';
  if (located?.kind === 'fields') return 'an object';
  const value = located?.value;
  if (value === null) return 'nothing';
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}

/** Of an object that was YAML once: `{x}` without quotes. */
function braces(located: Located | undefined): string {
  const isMeant =
    located?.kind === 'fields' &&
    located.fields.size > 0 &&
    [...located.fields.values()].every(({ value }) => value.kind === 'value' && value.value === null);
  return isMeant ? ': in YAML an unquoted {...} is a map, and no template: put it in quotes' : '';
}

/** Of a union the one branch that takes such a kind of value at all. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const meant = branches.filter((issues) =>
    issues.every(({ code, path = [] }) => path.length > 0 || (code !== 'invalid_type' && code !== 'invalid_value')),
  );
  return meant.length === 1 ? meant[0] : undefined;
}

function schemasAt(schema: KnownSchema, path: Path): KnownSchema[] {
  const here = flat(schema);
  const [step, ...rest] = path;
  if (step === undefined) return here;
  return here.flatMap(({ properties, items }) => {
    const next = typeof step === 'number' ? items : Object.hasOwn(properties ?? {}, step) ? properties?.[step] : undefined;
    return next === undefined ? [] : schemasAt(next, rest);
  });
}

function flat(schema: KnownSchema): KnownSchema[] {
  const inner = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((each) => each ?? []);
  return [schema, ...inner.flatMap(flat)];
}

function namesOf(schemas: readonly KnownSchema[]): string[] {
  return [...new Set(schemas.flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

function stepOf(step: PropertyKey | StandardSchemaV1.PathSegment): string | number {
  const key = typeof step === 'object' ? step.key : step;
  return typeof key === 'number' ? key : String(key);
}
