import { types } from 'node:util';
import { maxNesting } from './nesting.js';

type Kind = 'fields' | 'date' | 'other';

/**
 * Tells in little time whether `JSON.stringify(event)` writes all of an event as it is. It runs for every event sent, so it is written
 * for speed: no closure, no key list, and what depends on a class only is decided once.
 */
export class PlainCheck {
  readonly #kinds = new WeakMap<object, Kind>();
  readonly #concerns: (target: unknown) => boolean;

  /** `concerns`: whether a class has to be written by something else than JSON.stringify. */
  constructor(concerns: (target: unknown) => boolean) {
    this.#concerns = concerns;
  }

  /** `false` is no verdict: it means only that a closer look is due. Throws what getters throw. */
  passes(event: object): boolean {
    return this.#object(event, 1);
  }

  #value(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'string':
      case 'boolean':
      case 'undefined':
        return true;
      case 'number':
        return Number.isFinite(value);
      case 'object':
        return value === null || this.#object(value, depth);
      default:
        return false;
    }
  }

  #object(value: object, depth: number): boolean {
    // Cycles end here too.
    if (depth > maxNesting) return false;
    if (Array.isArray(value)) return this.#array(value, depth);
    switch (this.#kind(value)) {
      case 'fields':
        return this.#fields(value as Record<string, unknown>, depth);
      case 'date':
        return !Number.isNaN((value as Date).getTime());
      default:
        return false;
    }
  }

  #array(values: readonly unknown[], depth: number): boolean {
    for (const value of values) if (!this.#value(value, depth + 1)) return false;
    return true;
  }

  #fields(value: Record<string, unknown>, depth: number): boolean {
    // for-in also shows what a prototype lends, at worst that costs the closer look.
    for (const key in value) if (!this.#value(value[key], depth + 1)) return false;
    return true;
  }

  #kind(value: object): Kind {
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === null || prototype === Object.prototype) return 'fields';
    let kind = this.#kinds.get(prototype);
    if (kind === undefined) {
      kind = this.#kindOf(value, prototype);
      this.#kinds.set(prototype, kind);
    }
    return kind;
  }

  #kindOf(value: object, prototype: object): Kind {
    if (types.isDate(value)) return (value as { toJSON?: unknown }).toJSON === Date.prototype.toJSON ? 'date' : 'other';
    // Map, Set, Promise, bytes, boxed numbers and the like say what they are.
    const special = Object.prototype.toString.call(value) !== '[object Object]' || 'toJSON' in value;
    return special || this.#concerns(prototype.constructor) ? 'other' : 'fields';
  }
}
