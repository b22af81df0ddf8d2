import { TargetRefusal } from '../target-refusal.js';

/** Of what AMQP 0.9.1 calls a short string. */
const mostBytes = 255;

/** A text that names something at a broker. Throws a TargetRefusal. */
export function readName(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new TargetRefusal(`must be a text that is not empty, not ${kindOf(value)}`);
  if (/\p{Cc}/u.test(value)) throw new TargetRefusal('contains control characters');
  if (Buffer.byteLength(value) > mostBytes) throw new TargetRefusal(`is longer than ${String(mostBytes)} bytes`);
  return value;
}

/** In words. Numbers say themselves, others only what they are: they may be secrets. */
export function kindOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (value === null) return 'null';
  if (value === '') return 'an empty text';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'this text' : `a ${typeof value}`;
}
