import { inField } from '../in-field.js';
import { kindOf, readName } from '../links/names.js';
import { TargetRefusal } from '../target-refusal.js';

/** What headers of AMQP 0.9.1 may be here: all clients read these. */
export type HeaderValue = string | number | boolean;

const mostKeyBytes = 255;

/** May be empty: some exchanges do not look at it. */
export function readRoutingKey(value: unknown): string {
  if (typeof value !== 'string') throw new TargetRefusal(`must be a text, not ${kindOf(value)}`);
  if (Buffer.byteLength(value) > mostKeyBytes) throw new TargetRefusal(`is longer than ${String(mostKeyBytes)} bytes`);
  return value;
}

export function readHeaders(value: unknown): Readonly<Record<string, HeaderValue>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TargetRefusal(`must be an object, not ${kindOf(value)}`);
  for (const [name, each] of Object.entries(value)) {
    inField(JSON.stringify(name), () => readName(name));
    if (!isHeaderValue(each)) throw new TargetRefusal(`${name}: must be a text, a number, true or false, not ${kindOf(each)}`);
  }
  return value as Record<string, HeaderValue>;
}

function isHeaderValue(value: unknown): value is HeaderValue {
  return typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}
