import { forbiddenField, mostDepth, mostValues, type Located, type Path } from './located.js';
import type { Mistakes } from './mistakes.js';

/** Rules given as plain data. Undefined where they cannot be read. */
export function readObject(value: unknown, mistakes: Mistakes): Located | undefined {
  let left = mostValues;
  const read = (given: unknown, path: Path): Located => {
    if (--left < 0 || path.length > mostDepth) return nothing(path, tooMuch);
    if (Array.isArray(given)) return { kind: 'list', items: given.map((each, index) => read(each, [...path, index])), at: undefined };
    if (typeof given === 'string' || typeof given === 'boolean' || given === null) return { kind: 'value', value: given, at: undefined };
    if (typeof given === 'number' && Number.isFinite(given)) return { kind: 'value', value: given, at: undefined };
    if (!isPlain(given)) return nothing(path, 'must be plain data: texts, numbers, true, false, null, lists and objects');
    const fields = Object.entries(given).filter(([name, each]) => {
      if (name === forbiddenField) mistakes.add([...path, name], undefined, 'is no name for a field: leave it out');
      // As an option that is given as undefined is one that is not given.
      return name !== forbiddenField && each !== undefined;
    });
    return {
      kind: 'fields',
      fields: new Map(fields.map(([name, each]) => [name, { at: undefined, value: read(each, [...path, name]) }])),
      at: undefined,
    };
  };
  const nothing = (path: Path, what: string): Located => {
    if (left !== exhausted) mistakes.add(path, undefined, what);
    if (what === tooMuch) left = exhausted;
    return { kind: 'value', value: null, at: undefined };
  };
  const located = read(value, []);
  return left === exhausted ? undefined : located;
}

const exhausted = Number.NEGATIVE_INFINITY;
const tooMuch = `is too much: at most ${String(mostValues)} values, nested ${String(mostDepth)} deep, none of which holds itself`;

/** Also of another realm, such as a sandbox of tests. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
