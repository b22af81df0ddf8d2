import type { EventDescriptor } from '../core/descriptors.js';
import type { EventFault } from '../core/errors.js';
import { maxNesting } from './nesting.js';
import { undecodable } from './undecodable.js';
import { ValueCheck } from './value-check.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const byteOrderMark = 0xfeff;

/** The JSON object that a body holds, safe to be walked: no `__proto__`, not too deep, no half characters. Throws 'undecodable'. */
export function readJsonObject(body: string | Uint8Array, descriptor: EventDescriptor): Record<string, unknown> {
  const text = textOf(body, descriptor);
  const value = parsed(text, descriptor);
  if (!isObject(value)) throw undecodable(descriptor, `its body is a JSON ${kindOf(value)}, not an object`);
  return mayBeHostile(text) ? faultless(value, ValueCheck.ofJson(value), descriptor) : value;
}

/** The same of what another format gave. Throws 'undecodable'. */
export function safeObject(value: unknown, descriptor: EventDescriptor): Record<string, unknown> {
  if (!isObject(value)) throw undecodable(descriptor, `its body is no object, but of the type ${kindOf(value)}`);
  return faultless(value, ValueCheck.ofOthers(value), descriptor);
}

function faultless(value: Record<string, unknown>, fault: EventFault | undefined, descriptor: EventDescriptor): Record<string, unknown> {
  if (fault === undefined) return value;
  throw undecodable(descriptor, `${fault.path === '' ? 'its body' : fault.path} ${fault.message}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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

/** Every character of `__proto__` escaped begins with `\u00`, every surrogate with `\ud`. */
const suspectEscape = /\\u(?:00|[dD][89a-fA-F])/;

/** A look at the text, so that the walk over the values is paid by suspects only. */
function mayBeHostile(text: string): boolean {
  return text.includes('__proto__') || (text.includes('\\u') && suspectEscape.test(text)) || mayBeDeep(text);
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
