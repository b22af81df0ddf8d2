import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Checked } from '../core/codec.js';
import type { EventFault } from '../core/errors.js';
import { isSecretField } from '../core/secrets.js';
import { pathAlong } from './field-path.js';
import { SecretTexts, shown } from './redaction.js';
import { SchemaSecrets } from './schema-secrets.js';

/** An issue with what zod, valibot and arktype say beyond the standard. */
type Issue = StandardSchemaV1.Issue & Readonly<Record<string, unknown>>;

const mostFaults = 100;
const longestPath = 200;
const longestText = 200;

/**
 * What the issues of a schema come to. Nothing of a secret value is in them, whatever the library's own words say. `instance`: the event
 * itself, where there is one already.
 */
export function schemaFaults(
  issues: readonly StandardSchemaV1.Issue[],
  schema: StandardSchemaV1,
  checked: Checked,
  instance: object | undefined,
): EventFault[] {
  const faults = new SchemaFaults(schema, checked, instance);
  return issues
    .slice(0, mostFaults)
    .flatMap((issue) => faults.of(issue as Issue))
    .slice(0, mostFaults);
}

class SchemaFaults {
  readonly #secrets: SchemaSecrets;
  readonly #fields: object;
  /** Knows the classes within, which what is received does not. */
  readonly #event: object;
  readonly #target: unknown;
  #secretTexts: SecretTexts | undefined;

  constructor(schema: StandardSchemaV1, checked: Checked, instance: object | undefined) {
    this.#secrets = SchemaSecrets.of(schema);
    this.#fields = checked.wireForm();
    this.#event = instance ?? this.#fields;
    this.#target = checked.descriptor.target;
  }

  of(issue: Issue): EventFault[] {
    const keys = (issue.path ?? []).map((segment) => String(typeof segment === 'object' ? segment.key : segment));
    const unknown = unknownFields(issue, keys);
    if (unknown !== undefined)
      return unknown.map((field) => ({ path: pathOf(field), message: 'is a field that the schema does not know' }));
    const path = pathOf(keys);
    const expected = this.#unlessQuoting(expectedBy(issue));
    const rule = expected === undefined ? undefined : { expected };
    const silent = { path, message: ownWords(issue, expected), ...rule };
    if (!this.#mayTell(keys)) return [silent];
    const words = isDateOfJson(issue) ? wantsDate : libraryWords(issue);
    const received = shown(valueAt(this.#fields, keys));
    // Also under the codes of the library: a rule of the user may give any.
    if (this.#quotesSecret(words) || this.#quotesSecret(received)) return [silent];
    return [{ path, message: cut(words, longestText), ...rule, received }];
  }

  /** Neither at a secret nor below or above one, as far as the schema and `@Secret()` tell. */
  #mayTell(keys: readonly string[]): boolean {
    if (!this.#secrets.mayTell(keys)) return false;
    let value: unknown = this.#event;
    let target = this.#target;
    for (const key of keys) {
      if (isSecretField(target, key)) return false;
      value = fieldOf(value, key);
      target = classOf(value);
    }
    return markedByClass(value, target).length === 0;
  }

  #unlessQuoting(text: string | undefined): string | undefined {
    return text === undefined || this.#quotesSecret(text) ? undefined : text;
  }

  /** A rule that compares two fields is told of one and sees both, and both may hold the same. */
  #quotesSecret(text: string): boolean {
    this.#secretTexts ??= new SecretTexts([...this.#secrets.in(this.#fields), ...markedByClass(this.#event, this.#target)]);
    return this.#secretTexts.quotedIn(text);
  }
}

/** The values of fields that carry `@Secret()`, at any depth. */
function markedByClass(value: unknown, target: unknown, seen = new Set<object>()): unknown[] {
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  seen.add(value);
  return Object.keys(value).flatMap((key) => {
    const inner = fieldOf(value, key);
    return isSecretField(target, key) ? [inner] : markedByClass(inner, classOf(inner), seen);
  });
}

function classOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (Object.getPrototypeOf(value) as object | null)?.constructor : undefined;
}

function valueAt(fields: object, keys: readonly string[]): unknown {
  return keys.reduce<unknown>(fieldOf, fields);
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

function pathOf(keys: readonly string[]): string {
  return pathAlong(keys).slice(0, longestPath);
}

/** arktype's message begins with the path. */
function libraryWords({ message, problem }: Issue): string {
  return typeof problem === 'string' ? problem : message;
}

const wantsDate = 'wants a Date, and in JSON dates are texts: let the schema take a text, such as z.iso.datetime(), and make a Date of it';

/** A Date where the schema sees JSON is the usual mistake. Not where it made one of a text, which was none. */
function isDateOfJson({ expected, received }: Issue): boolean {
  return (expected === 'date' || expected === 'Date' || expected === 'a Date') && received !== 'Invalid Date';
}

function ownWords(issue: Issue, expected: string | undefined): string {
  const { code, type } = issue;
  if (isDateOfJson(issue)) return wantsDate;
  if (expected !== undefined) return `must be: ${expected}`;
  const rule = code ?? type;
  return typeof rule === 'string' ? `breaks the rule '${cut(rule, longestText)}' of the schema` : 'is not what the schema asks for';
}

/** Fields too many, each with a fault of its own; undefined for an issue of another kind. */
function unknownFields({ code, type, keys, expected }: Issue, path: readonly string[]): string[][] | undefined {
  if (code === 'unrecognized_keys' && Array.isArray(keys)) return keys.slice(0, mostFaults).map((key) => [...path, String(key)]);
  const refused = (code === 'predicate' && expected === 'removed') || (type === 'strict_object' && expected === 'never');
  return refused && path.length > 0 ? [[...path]] : undefined;
}

/** Rules that the user wrote or that are put together of others: what they expect may quote the value. */
const freeWorded: ReadonlySet<unknown> = new Set(['custom', 'predicate', 'union', 'intersection', 'raw_check', 'partial_check']);

function hasFreeWords({ code, type }: Issue): boolean {
  return freeWorded.has(code ?? type);
}

/** What the rule asks for, taken from the schema alone. */
function expectedBy(issue: Issue): string | undefined {
  if (hasFreeWords(issue)) return undefined;
  const text = typeof issue['expected'] === 'string' ? issue['expected'] : expectedByZod(issue);
  return text === undefined ? undefined : cut(text, longestText);
}

function expectedByZod({ code, format, pattern, minimum, maximum, divisor, values }: Issue): string | undefined {
  switch (code) {
    case 'invalid_format':
      return format === 'regex' ? `a text like ${String(pattern)}` : String(format);
    case 'too_small':
      return `at least ${String(minimum)}`;
    case 'too_big':
      return `at most ${String(maximum)}`;
    case 'not_multiple_of':
      return `a multiple of ${String(divisor)}`;
    case 'invalid_value':
      return Array.isArray(values)
        ? values.map((value) => (typeof value === 'string' ? JSON.stringify(value) : String(value))).join(' or ')
        : undefined;
    default:
      return undefined;
  }
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
