import type { EventClass } from '../core/descriptors.js';
import type { ClassRules, DeclaredType } from './class-rules.js';
import type { ClassReader, ClassTransformation } from './class-transformation.js';
import type { KnownFields } from './known-fields.js';

type Fields = Record<string, unknown>;

/** How the fields of one class are filled. */
interface Shape {
  readonly rules: ClassRules;
  /** By the names of the fields that are taken as they are, have a type, or are never set. */
  readonly fields: ReadonlyMap<string, Filling>;
  /** Of the others. */
  readonly others: 'take' | 'skip';
}

const everyObjectHas = new Set(Object.getOwnPropertyNames(Object.prototype));

type Filling = DeclaredType | 'take' | 'skip';

/**
 * Makes of received fields what classes declare, as class-transformer does, but for its price: what a class declares is read once. Where it
 * declares more than types, class-transformer is asked itself.
 */
export class Hydration {
  readonly #transformation: ClassTransformation;
  readonly #knownFields: KnownFields;
  readonly #reader: ClassReader;
  readonly #known = new WeakMap<object, ReadonlySet<string> | 'all'>();
  readonly #shapes = new WeakMap<ClassRules, Shape>();
  #doubtful = false;

  constructor(transformation: ClassTransformation, knownFields: KnownFields) {
    this.#transformation = transformation;
    this.#knownFields = knownFields;
    this.#reader = transformation.reader((target, field) => this.known(target)?.has(field) !== false);
  }

  /** Whether an invalid date may have been made since `fields()` began. */
  get doubtful(): boolean {
    return this.#doubtful;
  }

  /** The fields that are taken, where validation names any; undefined: all. */
  known(target: unknown): ReadonlySet<string> | undefined {
    if (typeof target !== 'function') return undefined;
    let known = this.#known.get(target);
    if (known === undefined) {
      const validated = this.#knownFields(target as EventClass);
      const declared = this.#transformation.fields(target);
      known = validated === undefined || declared === undefined ? 'all' : new Set([...validated, ...declared]);
      this.#known.set(target, known);
    }
    return known === 'all' ? undefined : known;
  }

  /** The fields of an event. `plain` is consumed. Throws what constructors, setters and class-transformer throw. */
  fields(rules: ClassRules, plain: Fields): Fields {
    this.#doubtful = !rules.typesOnly;
    if (!rules.typesOnly) return this.#reader.fields(rules.target, plain) as Fields;
    const shape = this.#shape(rules);
    for (const field in plain) {
      const filling = shape.fields.get(field) ?? shape.others;
      const value = plain[field];
      if (filling === 'take') {
        if (typeof value === 'object') plain[field] = this.#untyped(value);
      } else {
        // Undefined fields are not taken.
        plain[field] = filling === 'skip' ? undefined : this.#typed(filling, value);
      }
    }
    return plain;
  }

  #typed(type: DeclaredType, value: unknown): unknown {
    const { kind } = type;
    if (value === null || value === undefined) return value;
    if (Array.isArray(value) && kind !== 'library') {
      for (let index = 0; index < value.length; index++) value[index] = this.#typed(type, value[index]);
      return value;
    }
    switch (kind) {
      case 'string':
        // eslint-disable-next-line @typescript-eslint/no-base-to-string -- as class-transformer does
        return String(value);
      case 'number':
        return Number(value);
      case 'boolean':
        return Boolean(value);
      case 'date':
        return this.#date(value as string);
      case 'any':
        return typeof value === 'object' ? this.#untyped(value) : value;
      case 'library':
        return this.#byLibrary(type.type, value);
      default:
        return this.#instance(kind, value);
    }
  }

  #date(value: string): Date {
    const date = new Date(value);
    if (Number.isNaN(date.getTime())) this.#doubtful = true;
    return date;
  }

  /** What is no object is left as it is: to say so is the business of validation. */
  #instance(rules: ClassRules, value: unknown): unknown {
    if (typeof value !== 'object') return value;
    if (!rules.typesOnly || !isPlain(value as object)) return this.#byLibrary(rules.target, value);
    const instance = new rules.target() as Fields;
    // Some constructors give something else.
    if (instance.constructor !== rules.target) return this.#byLibrary(rules.target, value);
    this.#fill(instance, value as Fields, this.#shape(rules));
    return instance;
  }

  #fill(instance: Fields, values: Fields, shape: Shape): void {
    for (const field in values) {
      const filling = shape.fields.get(field) ?? shape.others;
      if (filling === 'skip' || typeof instance[field] === 'function') continue;
      const value = values[field];
      if (filling === 'take') instance[field] = typeof value === 'object' ? this.#untyped(value) : value;
      else instance[field] = this.#typed(filling, value);
    }
  }

  /** Left as it was received, but for names that every object has. */
  #untyped(value: object | null): unknown {
    if (value === null) return value;
    if (Array.isArray(value)) return this.#untypedElements(value);
    if (!isPlain(value)) return this.#byLibrary(undefined, value);
    const fields = value as Fields;
    for (const field in fields) {
      const inner = fields[field];
      if (everyObjectHas.has(field)) Reflect.deleteProperty(fields, field);
      else if (typeof inner === 'object') fields[field] = this.#untyped(inner);
    }
    return fields;
  }

  #untypedElements(values: unknown[]): unknown[] {
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      if (typeof value === 'object') values[index] = this.#untyped(value);
    }
    return values;
  }

  #byLibrary(type: unknown, value: unknown): unknown {
    this.#doubtful = true;
    return this.#reader.value(type, value);
  }

  #shape(rules: ClassRules): Shape {
    let shape = this.#shapes.get(rules);
    if (shape === undefined) {
      const known = this.known(rules.target);
      const fields = new Map<string, Filling>([...(known ?? [])].map((field) => [field, 'take']));
      for (const [field, type] of rules.types) fields.set(field, type);
      for (const field of neverSet(rules.target.prototype as object)) fields.set(field, 'skip');
      shape = { rules, fields, others: known === undefined ? 'take' : 'skip' };
      this.#shapes.set(rules, shape);
    }
    return shape;
  }
}

/** What class-transformer passes over: what the class itself defines, accessors with a setter aside, and what leads to prototypes. */
function neverSet(prototype: object): string[] {
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype));
  return ['__proto__', 'constructor', ...own.filter(([, property]) => property.set === undefined).map(([name]) => name)];
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}
