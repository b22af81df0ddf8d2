import type { EventFault } from '../core/errors.js';
import { pathAlong } from './field-path.js';
import { maxNesting } from './nesting.js';

const longestPath = 200;

/**
 * Looks through what was read from a message for what nobody may get: `__proto__`, too many levels, half characters, and out of formats
 * other than JSON what JSON could not have said. Values are taken for a tree.
 */
export class ValueCheck {
  readonly #foreign: boolean;
  /** Where a fault is, from the innermost outwards. */
  readonly #path: string[] = [];
  #message = '';

  private constructor(foreign: boolean) {
    this.#foreign = foreign;
  }

  /** The first thing that is wrong with what JSON.parse gave; undefined: nothing. Quotes no value. */
  static ofJson(value: object): EventFault | undefined {
    return new ValueCheck(false).#faultIn(value);
  }

  /** The same of what another format gave. */
  static ofOthers(value: object): EventFault | undefined {
    return new ValueCheck(true).#faultIn(value);
  }

  #faultIn(value: object): EventFault | undefined {
    if (this.#passes(value, 1)) return undefined;
    // Where it is too deep the way there says nothing.
    const path = this.#path.length < maxNesting ? pathAlong(this.#path.reverse()).slice(0, longestPath) : '';
    return { path, message: this.#message };
  }

  #passes(value: unknown, depth: number): boolean {
    if (typeof value === 'string') return value.isWellFormed() || this.#fault('holds half a character, a lone surrogate');
    if (typeof value !== 'object' || value === null) return !this.#foreign || this.#isJson(value);
    if (depth > maxNesting) return this.#fault(`is nested deeper than ${String(maxNesting)} levels`);
    if (Array.isArray(value)) return this.#elementsPass(value, depth);
    if (this.#foreign && !isPlain(value)) return this.#fault(`is a ${kindOf(value)}, which JSON has no word for`);
    return this.#fieldsPass(value as Record<string, unknown>, depth);
  }

  #elementsPass(values: readonly unknown[], depth: number): boolean {
    for (let index = 0; index < values.length; index++) if (!this.#passes(values[index], depth + 1)) return this.#within(String(index));
    return true;
  }

  #fieldsPass(value: Record<string, unknown>, depth: number): boolean {
    if (Object.hasOwn(value, '__proto__')) return this.#fault("has a field named '__proto__'");
    for (const key in value) {
      if (!key.isWellFormed()) return this.#fault('has a field whose name holds half a character, a lone surrogate');
      if (!this.#passes(value[key], depth + 1)) return this.#within(key);
    }
    return true;
  }

  #isJson(value: unknown): boolean {
    if (value === null || typeof value === 'boolean') return true;
    if (typeof value === 'number') return Number.isFinite(value) || this.#fault('is not a finite number');
    return this.#fault(`is ${value === undefined ? 'undefined' : `a ${typeof value}`}, which JSON has no word for`);
  }

  #fault(message: string): false {
    this.#message = message;
    return false;
  }

  #within(key: string): false {
    this.#path.push(key);
    return false;
  }
}

/** Also of another realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}
