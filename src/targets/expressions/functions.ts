import { EvaluationFault } from './evaluation-fault.js';

/** What the functions need of the world. */
export interface World {
  /** Milliseconds since the epoch. */
  now(): number;
}

interface Known {
  /** How many values it takes. */
  readonly parts: number;
  readonly call: (world: World, values: readonly unknown[]) => unknown;
}

/** All there are. None of them reaches beyond its values, but for the time. */
export const functions: ReadonlyMap<string, Known> = new Map<string, Known>([
  ['now', { parts: 0, call: (world) => new Date(world.now()).toISOString() }],
  ['json', { parts: 1, call: (_world, [value]) => asJson(value) }],
  ['lower', { parts: 1, call: (_world, [value]) => text('lower', value).toLowerCase() }],
  ['upper', { parts: 1, call: (_world, [value]) => text('upper', value).toUpperCase() }],
  ['string', { parts: 1, call: (_world, [value]) => asText(value) }],
  ['number', { parts: 1, call: (_world, [value]) => asNumber(value) }],
  ['length', { parts: 1, call: (_world, [value]) => lengthOf(value) }],
]);

/** As it stands in a text around it. */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null ? asJson(value) : String(value);
}

/** Not every codec stays within JSON, and a writer of JSON goes only so deep. */
function asJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    throw new EvaluationFault(`${kindOf(value)} cannot be written as JSON: it holds a big integer, or is too deep`);
  }
}

function asNumber(value: unknown): number {
  const found = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof found === 'number' && Number.isFinite(found)) return found;
  throw new EvaluationFault(`number() was given ${kindOf(value)} that is no number`);
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  throw new EvaluationFault(`length() was given ${kindOf(value)}: give it a text or a list`);
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new EvaluationFault(`${name}() was given ${kindOf(value)}: give it a text`);
}

/** In words, without the value. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}
