import { Exclude, Expose, Transform, Type } from 'class-transformer';
import { randomFrom } from '../support/random.js';

export type Fields = Record<string, unknown>;
export type AnyClass = (new () => Fields) & { readonly prototype: object };

/** What a field of a generated class was declared to be. */
type Declared = 'untyped' | 'odd' | Said;
type Said = 'string' | 'number' | 'boolean' | 'date' | GeneratedClass;

/** Where nothing but class-transformer itself can do the work. */
type Richness = 'types only' | 'richer';

export interface GeneratedClass {
  readonly target: AnyClass;
  readonly richness: Richness;
  readonly fields: Map<string, Declared>;
}

/** Numbers of one seed, in the shapes that generators want. */
export class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }
}

class Root {
  [field: string]: unknown;
}

const names = [
  'a',
  'b',
  'id',
  'at',
  'name',
  'items',
  'price',
  '7',
  'x-y',
  'ü',
  'length',
  'prototype',
  'toString',
  'valueOf',
  'then',
  'both',
];
const sharedFunction = (): number => 1;
const fixedDate = new Date(12_345);

/** Classes that extend and hold one another, also in circles. */
export function generatedClasses(dice: Dice, count: number): GeneratedClass[] {
  const made: GeneratedClass[] = [];
  for (let index = 0; index < count; index++) made.push(generatedClass(dice, made));
  // Types of fields may be classes that came later.
  for (const one of made) declareTypes(dice, one, made);
  return made;
}

function generatedClass(dice: Dice, earlier: readonly GeneratedClass[]): GeneratedClass {
  const parent = earlier.length > 0 && dice.chance(0.3) ? dice.one(earlier) : undefined;
  const own = [...new Set(Array.from({ length: 1 + dice.below(6) }, () => dice.one(names)))];
  const other = earlier.length > 0 && dice.chance(0.03) ? dice.one(earlier).target : undefined;
  const target = classWith(parent?.target ?? Root, defaultsOf(dice, own), other);
  addMembers(dice, target);
  const fields = new Map<string, Declared>(parent?.fields);
  for (const field of own) fields.set(field, 'untyped');
  const richness = parent?.richness === 'richer' || dice.chance(0.08) ? 'richer' : 'types only';
  return { target, richness, fields };
}

function defaultsOf(dice: Dice, fields: readonly string[]): Map<string, () => unknown> {
  const makers = [(): unknown => 'default', () => 0, () => [], () => new Date(0), () => ({ kind: 'default' }), () => undefined, () => null];
  const defaults = new Map(fields.filter(() => dice.chance(0.5)).map((field) => [field, dice.one(makers)]));
  if (dice.chance(0.05)) defaults.set(dice.one(names), () => sharedFunction);
  return defaults;
}

/** `other`: the constructor gives an instance of that in place of its own. */
function classWith(parent: AnyClass, defaults: ReadonlyMap<string, () => unknown>, other: AnyClass | undefined): AnyClass {
  return class extends parent {
    constructor() {
      super();
      // Defined, as class fields are, whatever a parent has under the name.
      for (const [name, made] of defaults) {
        const value = made();
        // A function that is a field is refused when it is sent; one that is hidden still stands in the way of a received field.
        define(this, name, { value, writable: true, enumerable: typeof value !== 'function' });
      }
      if (other !== undefined) return new other();
    }
  };
}

/** A method, a getter, or an accessor that notes what was set, each under a name that fields may have too. */
function addMembers(dice: Dice, { prototype }: AnyClass): void {
  if (dice.chance(0.3)) define(prototype, dice.one(names), { value: sharedFunction, writable: true });
  if (dice.chance(0.3)) define(prototype, dice.one(names), { get: () => 'got' });
  if (dice.chance(0.1)) define(prototype, dice.one(names), { value: 'of the prototype', writable: true });
  if (dice.chance(0.3))
    define(prototype, 'both', {
      get(this: Fields) {
        return this['noted'];
      },
      set(this: Fields, value: unknown) {
        this['noted'] = value;
      },
    });
}

function define(target: object, name: string, property: PropertyDescriptor): void {
  Object.defineProperty(target, name, { configurable: true, ...property });
}

function declareTypes(dice: Dice, one: GeneratedClass, all: readonly GeneratedClass[]): void {
  const { target, fields, richness } = one;
  const first = [...fields.keys()][0]!;
  for (const field of fields.keys()) if (field === first || dice.chance(0.6)) declareType(dice, one, field, all);
  if (richness === 'richer') {
    const decorate = dice.one([Expose({ name: 'exposed' }), Exclude(), Transform(({ value }) => value as unknown)]);
    decorate(target.prototype, dice.one([...fields.keys()]));
  }
}

function declareType(dice: Dice, { target, fields }: GeneratedClass, field: string, all: readonly GeneratedClass[]): void {
  // As TypeScript does with emitDecoratorMetadata.
  if (dice.chance(0.15))
    Reflect.defineMetadata('design:type', dice.one([Array, Object, String, Set, Map, dice.one(all).target]), target.prototype, field);
  const said = (declared: Declared, type: (...options: unknown[]) => unknown, options = {}): void => {
    Type(type as () => AnyClass, options)(target.prototype, field);
    fields.set(field, declared);
  };
  const roll = dice.below(20);
  if (roll < 2) said('string', () => String);
  else if (roll < 4) said('number', () => Number);
  else if (roll < 5) said('boolean', () => Boolean);
  else if (roll < 8) said('date', () => Date);
  else if (roll < 17) declareClass(dice.one(all), said);
  else declareOdd(dice, all, said);
}

function declareClass(other: GeneratedClass, said: (declared: Declared, type: () => unknown) => void): void {
  said(other, () => other.target);
}

function declareOdd(
  dice: Dice,
  all: readonly GeneratedClass[],
  said: (declared: Declared, type: (...options: unknown[]) => unknown, options?: object) => void,
): void {
  const other = dice.one(all);
  const roll = dice.below(12);
  if (roll === 0) said(other, (options) => (options === undefined ? Date : other.target));
  else if (roll === 1)
    said(other, () => Object, { discriminator: { property: 'kind', subTypes: [{ name: 'default', value: other.target }] } });
  else {
    const type = dice.one([Object, Array, Map, Set, Buffer, BigInt, Promise, undefined, null, class Tags extends Set {}]);
    said('odd', () => type);
  }
}

/** Values for generated classes: mostly what was declared, often enough not. */
export class Values {
  readonly #dice: Dice;
  readonly #classes: readonly GeneratedClass[];
  /** Objects that it may still make: events must not grow without bound. */
  #left = 8;
  #isClean = true;

  constructor(dice: Dice, classes: readonly GeneratedClass[]) {
    this.#dice = dice;
    this.#classes = classes;
  }

  /** Whether no value was made that JSON or class-transformer do not treat as one might think. */
  get isClean(): boolean {
    return this.#isClean;
  }

  /** As a program makes it before it is sent. */
  event(of: GeneratedClass): Fields {
    this.#left--;
    const event = new of.target();
    for (const [field, declared] of of.fields)
      if (this.#dice.chance(0.8)) define(event, field, { value: this.#sent(declared), writable: true, enumerable: true });
    return event;
  }

  /** As it is received: JSON values, and the undefined that an upcaster may leave. */
  received(of: GeneratedClass): Fields {
    this.#left--;
    const fields: Fields = {};
    for (const [field, declared] of of.fields) if (this.#dice.chance(0.8)) fields[field] = this.#arrived(declared);
    if (this.#dice.chance(0.1)) fields[this.#dice.one([...names, 'constructor', 'hasOwnProperty', 'exposed'])] = this.#json();
    return fields;
  }

  #sent(declared: Declared): unknown {
    if (this.#dice.chance(0.1)) return this.#dice.one([null, undefined]);
    if (declared === 'untyped' || declared === 'odd' || this.#dice.chance(0.04)) return this.#anything();
    if (this.#dice.chance(0.2)) return Array.from({ length: this.#dice.below(4) }, () => this.#declaredToSend(declared));
    return this.#declaredToSend(declared);
  }

  #declaredToSend(declared: Said): unknown {
    if (typeof declared === 'string') return declared === 'date' ? new Date(this.#dice.below(1e9)) : this.#primitive(declared);
    if (this.#left <= 0) return undefined;
    const roll = this.#dice.below(10);
    if (roll === 0) return { ...this.event(declared) };
    return this.event(roll === 1 ? this.#dice.one(this.#classes) : declared);
  }

  #primitive(kind: string): unknown {
    if (kind === 'number') return this.#dice.one([0, -0, 1.5, -7, 1e300]);
    return kind === 'boolean' ? this.#dice.chance(0.5) : this.#dice.one(['', 'text', '5', 'ü😀"\\', '2020-01-02T00:00:00.000Z']);
  }

  #anything(): unknown {
    if (this.#dice.chance(0.04)) return this.#oddity();
    if (this.#left > 0 && this.#dice.chance(0.1)) return this.event(this.#dice.one(this.#classes));
    return this.#dice.chance(0.1) ? new Date(this.#dice.below(1e9)) : this.#json();
  }

  #oddity(): unknown {
    this.#isClean = false;
    const oddities: (() => unknown)[] = [
      () => NaN,
      () => 5n,
      () => new Map([['a', 1]]),
      () => new Set([1]),
      () => Buffer.from('x'),
      () => sharedFunction,
      () => new Date(NaN),
      () =>
        new (class Day extends Date {
          override toISOString(): string {
            return 'a day';
          }
        })(5),
      () => new URL('http://a.b/c'),
      () => Object.assign(Object.create(null) as object, { bare: fixedDate }),
      () => JSON.parse('{"__proto__":1,"a":2}') as unknown,
      () => ({ constructor: 'x', a: 1 }),
      () => ({ a: { toJSON: () => 'x' } }),
      // eslint-disable-next-line no-sparse-arrays -- that is the point
      () => [1, , 3],
      () => [undefined, 1],
      () =>
        new (class List extends Array {
          toJSON(): string {
            return 'a list';
          }
        })(),
      () => Object.assign([1], { extra: 1 }),
      () => ({ then: 'x' }),
      () =>
        new (class Later {
          a = 1;
          then(): void {
            return undefined;
          }
        })(),
      () => Object.create({ constructor: undefined, lent: 1 }) as unknown,
      () => Object.create(Array.prototype) as unknown,
    ];
    return this.#dice.one(oddities)();
  }

  #arrived(declared: Declared): unknown {
    if (this.#dice.chance(0.1)) return this.#dice.one([null, undefined]);
    if (declared === 'untyped' || declared === 'odd' || this.#dice.chance(0.06)) return this.#json();
    if (this.#dice.chance(0.2)) return Array.from({ length: this.#dice.below(4) }, () => this.#arrived(declared));
    if (typeof declared !== 'string') return this.#left <= 0 ? null : this.received(declared);
    if (declared !== 'date') return this.#primitive(this.#dice.chance(0.2) ? 'string' : declared);
    return this.#dice.chance(0.05) ? 'no date' : this.#dice.one([0, '2020-01-02T00:00:00.000Z', '2021-05-06']);
  }

  #json(): unknown {
    const roll = this.#dice.below(this.#left <= 0 ? 6 : 9);
    if (roll < 5) return this.#primitive(this.#dice.one(['string', 'number', 'boolean']));
    if (roll === 5) return null;
    this.#left--;
    if (roll === 6) return Array.from({ length: this.#dice.below(3) }, () => this.#json());
    const keys = [...names, 'constructor', 'hasOwnProperty', '__defineGetter__'];
    return Object.fromEntries(Array.from({ length: this.#dice.below(4) }, () => [this.#dice.one(keys), this.#json()]));
  }
}
