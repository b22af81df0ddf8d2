import { types } from 'node:util';
import type { ClassRules, DeclaredType } from './class-rules.js';
import { maxNesting } from './nesting.js';

/** Of a class whose values are written field by field: the types of its fields, where any are declared. */
type Fields = ReadonlyMap<string, DeclaredType> | 'untyped';
type Shape = Fields | 'date' | 'other';

/** What class-transformer was told of a class; undefined: there is nothing that it could be told. */
export type RulesOf = (target: unknown) => ClassRules | undefined;

/**
 * Tells in little time whether `JSON.stringify(event)` writes all of an event as it is, and the same as class-transformer would have it
 * written: whether each value already is what `@Type` says of its field. It runs for every event sent, so it is written for speed: no
 * closure, no key list, and what depends on a class only is decided once.
 */
export class PlainCheck {
  readonly #shapes = new WeakMap<object, Shape>();
  readonly #rulesOf: RulesOf;

  constructor(rulesOf: RulesOf) {
    this.#rulesOf = rulesOf;
  }

  /** `false` is no verdict: it means only that a closer look is due. Throws what getters throw. */
  passes(event: object): boolean {
    return this.#object(event, undefined, 1);
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
        return value === null || this.#object(value, undefined, depth);
      default:
        return false;
    }
  }

  #typed(value: unknown, type: DeclaredType, depth: number): boolean {
    const { kind } = type;
    if (value === null || value === undefined) return true;
    if (Array.isArray(value)) return this.#array(value, type, depth);
    switch (kind) {
      case 'string':
      case 'boolean':
        return typeof value === kind;
      case 'number':
        return Number.isFinite(value);
      case 'date':
        return this.#date(value);
      case 'any':
        return this.#value(value, depth);
      case 'library':
        return false;
      default:
        return this.#declared(value, kind, depth);
    }
  }

  /** What is no object passes through class-transformer as it is. */
  #declared(value: unknown, rules: ClassRules, depth: number): boolean {
    if (!rules.typesOnly) return false;
    return typeof value === 'object' ? this.#object(value as object, rules.types, depth) : this.#value(value, depth);
  }

  /** `declared`: what stands here in place of what the value's own class says. */
  #object(value: object, declared: Fields | undefined, depth: number): boolean {
    // Cycles end here too.
    if (depth > maxNesting) return false;
    if (Array.isArray(value)) return this.#array(value, undefined, depth);
    const shape = this.#shape(value);
    switch (shape) {
      case 'date':
        return !Number.isNaN((value as Date).getTime());
      case 'other':
        return false;
      default:
        return this.#fields(value as Record<string, unknown>, declared ?? shape, depth);
    }
  }

  /** Class-transformer leaves out what was never put in an array, and JSON says null: hence no undefined. */
  #array(values: readonly unknown[], type: DeclaredType | undefined, depth: number): boolean {
    if (depth > maxNesting || Object.getPrototypeOf(values) !== Array.prototype) return false;
    for (const value of values) {
      if (value === undefined) return false;
      if (!(type === undefined ? this.#value(value, depth + 1) : this.#typed(value, type, depth + 1))) return false;
    }
    return true;
  }

  #fields(value: Record<string, unknown>, fields: Fields, depth: number): boolean {
    // for-in also shows what a prototype lends, at worst that costs the closer look.
    for (const key in value) {
      // Class-transformer takes it for the class of the value, and never writes it.
      if (key === 'constructor' || key === '__proto__') return false;
      const type = fields === 'untyped' ? undefined : fields.get(key);
      if (!(type === undefined ? this.#value(value[key], depth + 1) : this.#typed(value[key], type, depth + 1))) return false;
    }
    return true;
  }

  #date(value: unknown): boolean {
    return typeof value === 'object' && this.#shape(value as object) === 'date' && !Number.isNaN((value as Date).getTime());
  }

  #shape(value: object): Shape {
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === null || prototype === Object.prototype) return 'untyped';
    let shape = this.#shapes.get(prototype);
    if (shape === undefined) {
      shape = this.#shapeOf(value, prototype);
      this.#shapes.set(prototype, shape);
    }
    return shape;
  }

  #shapeOf(value: object, prototype: object): Shape {
    if (types.isDate(value)) return prototype === Date.prototype ? 'date' : 'other';
    // Map, Set, Promise, bytes, boxed numbers and the like say what they are; class-transformer waits for what has a then().
    if (Object.prototype.toString.call(value) !== '[object Object]' || 'toJSON' in value || 'then' in value) return 'other';
    const rules = this.#rulesOf(prototype.constructor);
    if (rules?.any !== true) return isClass(prototype.constructor) ? 'untyped' : 'other';
    return rules.typesOnly ? rules.types : 'other';
  }
}

/** Of others class-transformer makes nothing. */
function isClass(target: unknown): boolean {
  return typeof target === 'function' && typeof (target.prototype as { constructor?: unknown } | undefined)?.constructor === 'function';
}
