import { kindOf, readName } from '../links/names.js';
import { isPlainObject } from '../plain-object.js';
import { TargetRefusal } from '../target-refusal.js';

/** What Celery keeps on Redis for itself: a list of such a name stops its workers. */
const ownKeys = /^(?:_kombu\.|unacked|celery-task-meta-)/;
const instantForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/;
/** Of Python's dates. */
const lastInstant = Date.UTC(9999, 11, 31);
const mostPriority = 255;

export function readQueue(value: unknown): string {
  const name = readName(value);
  if (ownKeys.test(name)) throw new TargetRefusal(`'${name}' is a name that Celery keeps for itself`);
  return name;
}

export function readArgs(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TargetRefusal(`must be a list, not ${kindOf(value)}`);
}

export function readKwargs(value: unknown): Readonly<Record<string, unknown>> {
  if (isPlainObject(value)) return value;
  throw new TargetRefusal(`must be an object, not ${kindOf(value)}`);
}

/** When, in milliseconds since the epoch; or in how many seconds. */
export function readExpires(value: unknown): { readonly at: number } | { readonly seconds: number } {
  return typeof value === 'number' ? { seconds: readSeconds(value) } : { at: readInstant(value) };
}

export function readPriority(value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= mostPriority) return value as number;
  throw new TargetRefusal(`must be a whole number from 0 to ${String(mostPriority)}, not ${kindOf(value)}`);
}

/** As Python writes it. Throws a TargetRefusal for what it cannot read. */
export function pythonInstant(ms: number): string {
  if (ms > lastInstant) throw new TargetRefusal('is after the year 9999');
  return new Date(ms).toISOString().replace('Z', '+00:00');
}

export function readSeconds(value: unknown): number {
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value;
  throw new TargetRefusal(`must be a number of seconds, 0 or more, not ${kindOf(value)}`);
}

/** A time, in milliseconds since the epoch. */
export function readInstant(value: unknown): number {
  const ms = typeof value === 'string' && instantForm.test(value) ? Date.parse(value) : NaN;
  if (ms >= 0) return ms;
  if (ms < 0) throw new TargetRefusal('is before 1970');
  throw new TargetRefusal(`must be a time with its offset, as 2026-01-31T12:00:00Z, not ${kindOf(value)}`);
}
