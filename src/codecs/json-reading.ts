import type { EventDescriptor } from '../core/descriptors.js';
import { maxNesting } from './nesting.js';
import { undecodable } from './undecodable.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const byteOrderMark = 0xfeff;

/** The JSON object that a body holds, safe to be walked: no `__proto__`, not too deep. Throws 'undecodable'. */
export function readJsonObject(body: string | Uint8Array, descriptor: EventDescriptor): Record<string, unknown> {
  const text = textOf(body, descriptor);
  const value = parsed(text, descriptor);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw undecodable(descriptor, `its body is a JSON ${kindOf(value)}, not an object`);
  }
  if (mayBeHostile(text)) refuseHostile(value, 1, descriptor);
  return value as Record<string, unknown>;
}

function textOf(body: string | Uint8Array, descriptor: EventDescriptor): string {
  if (body.length === 0) throw undecodable(descriptor, 'its body is empty');
  if (typeof body === 'string') return body.charCodeAt(0) === byteOrderMark ? body.slice(1) : body;
  try {
    return utf8.decode(body);
  } catch {
    throw undecodable(descriptor, 'its body is not valid UTF-8');
  }
}

function parsed(text: string, descriptor: EventDescriptor): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Not as the cause: the message of V8 quotes the text.
    throw undecodable(descriptor, `its body is not valid JSON${placeIn((error as Error).message)}`);
  }
}

/** Only where the message of V8 ends with the position does it quote nothing. */
function placeIn(message: string): string {
  if (message === 'Unexpected end of JSON input') return ': it ends too early';
  const position = / at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message)?.[1];
  return position === undefined ? '' : `: mistake at position ${position}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** A look at the text, so that the walk over the values is paid by suspects only. Every character of `__proto__` escaped begins with `\u00`. */
function mayBeHostile(text: string): boolean {
  return text.includes('__proto__') || text.includes('\\u00') || mayBeDeep(text);
}

/** Each level is closed somewhere: as many closing brackets as levels are needed at least. */
function mayBeDeep(text: string): boolean {
  if (text.length < 2 * maxNesting) return false;
  let closings = 0;
  for (const bracket of ['}', ']']) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) if (++closings > maxNesting) return true;
  }
  return false;
}

function refuseHostile(value: object, depth: number, descriptor: EventDescriptor): void {
  if (depth > maxNesting) throw undecodable(descriptor, `its body is nested deeper than ${String(maxNesting)} levels`);
  if (Object.hasOwn(value, '__proto__')) throw undecodable(descriptor, "its body has a field named '__proto__'");
  for (const key in value) {
    const inner = (value as Record<string, unknown>)[key];
    if (typeof inner === 'object' && inner !== null) refuseHostile(inner, depth + 1, descriptor);
  }
}
