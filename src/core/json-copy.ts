import { maxNesting } from './nesting.js';

/**
 * An object of its own that holds the same JSON values. Fields that are undefined are left out, as JSON does. Throws a TypeError that says
 * where something stands that a body cannot hold; it quotes no values.
 */
export function jsonCopy(value: object): Record<string, unknown> {
  const path: PropertyKey[] = [];
  if (!isPlain(value)) throw refused(path, kindOf(value));
  return copyOfObject(value, path);
}

/** `path` leads to the value: one array for the whole walk. */
function copyOf(value: unknown, path: PropertyKey[]): unknown {
  if (isScalar(value)) return value;
  if (path.length >= maxNesting) throw refused([], `nested deeper than ${String(maxNesting)} levels, or holds itself`);
  if (Array.isArray(value)) return Array.from(value as unknown[], (inner, at) => innerCopy(inner, at, path));
  if (isPlain(value)) return copyOfObject(value, path);
  throw refused(path, kindOf(value));
}

function copyOfObject(value: object, path: PropertyKey[]): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw refused([...path, key], 'no name for a field');
    const inner = (value as Record<string, unknown>)[key];
    if (inner !== undefined) copy[key] = innerCopy(inner, key, path);
  }
  return copy;
}

function innerCopy(inner: unknown, key: PropertyKey, path: PropertyKey[]): unknown {
  path.push(key);
  const copy = copyOf(inner, path);
  path.pop();
  return copy;
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}

/** Also of another realm, such as a sandbox of tests. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function kindOf(value: unknown): string {
  if (typeof value === 'number') return `${String(value)}, which JSON cannot hold`;
  if (typeof value !== 'object' || value === null) return value === undefined || value === null ? String(value) : `a ${typeof value}`;
  if (Array.isArray(value)) return 'an array';
  const { constructor: made } = Object.getPrototypeOf(value) as { readonly constructor?: unknown };
  return `an instance of ${typeof made === 'function' ? made.name : 'some class'}`;
}

function refused(path: readonly PropertyKey[], what: string): TypeError {
  const where = path.length === 0 ? 'it' : path.map(String).join('.').slice(0, 200);
  return new TypeError(`${where} is ${what}`);
}
