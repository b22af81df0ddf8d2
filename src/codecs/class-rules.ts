import { Buffer } from 'node:buffer';

export type Newable = new () => object;

/** How much class-transformer was told about a field: nothing, the class of its value, or more (what is written, and whether). */
export type Told = 'nothing' | 'type' | 'more';

/** What one `@Type` says. */
export interface TypeNote {
  readonly typeFunction?: ((options?: unknown) => unknown) | undefined;
  /** What TypeScript itself wrote of the field, where it was told to. */
  readonly reflectedType?: unknown;
  readonly options?: { readonly discriminator?: unknown } | undefined;
}

type Notes<T> = ReadonlyMap<unknown, ReadonlyMap<string | undefined, T>>;

/** What the decorators of class-transformer wrote: by class, then by field, where undefined stands for the whole class. */
export interface Storage {
  readonly _typeMetadatas: Notes<TypeNote>;
  readonly _transformMetadatas: Notes<unknown>;
  readonly _exposeMetadatas: Notes<unknown>;
  readonly _excludeMetadatas: Notes<unknown>;
}

/**
 * What class-transformer makes of a value in a field with `@Type`: a primitive, a date, an instance of a class; 'any': as if nothing was
 * said; 'library': it has to be asked itself.
 */
export type Kind = 'string' | 'number' | 'boolean' | 'date' | 'any' | 'library' | ClassRules;

/** A field that carries `@Type` and nothing else. */
export class DeclaredType {
  readonly #note: TypeNote;
  readonly #rulesOf: (target: Newable) => ClassRules;
  #kind: Kind | undefined;

  constructor(note: TypeNote, rulesOf: (target: Newable) => ClassRules) {
    this.#note = note;
    this.#rulesOf = rulesOf;
  }

  /** To be asked when a value is met, not before: by then modules that import one another are all loaded. Throws what the user's function throws. */
  get kind(): Kind {
    return this.#kind ?? this.#resolve();
  }

  get type(): unknown {
    return this.#note.typeFunction?.();
  }

  #resolve(): Kind {
    const { type } = this;
    // Not for ever: it may be there the next time.
    if (type === undefined || type === null) return 'any';
    this.#kind = primitives.get(type) ?? (typeof type === 'function' && type !== Buffer ? this.#rulesOf(type as Newable) : 'library');
    return this.#kind;
  }
}

const primitives = new Map<unknown, Kind>([
  [String, 'string'],
  [Number, 'number'],
  [Boolean, 'boolean'],
  [Date, 'date'],
]);

/** What the decorators say of one class and those that it extends. */
export interface ClassRules {
  readonly target: Newable;
  /** Whether they say anything. */
  readonly any: boolean;
  /** Whether they say nothing but `@Type`: then values can be written and made without class-transformer. */
  readonly typesOnly: boolean;
  /** The fields with `@Type`; empty where more is said. */
  readonly types: ReadonlyMap<string, DeclaredType>;
  readonly told: ReadonlyMap<string, Told>;
  /** Of the fields that carry no decorator. */
  readonly others: Told;
}

/** Where the notes cannot be found everything has to be expected. */
export function unknownRules(target: Newable): ClassRules {
  return { target, any: true, typesOnly: false, types: new Map(), told: new Map(), others: 'type' };
}

export function rulesIn(storage: Storage, target: Newable, rulesOf: (target: Newable) => ClassRules): ClassRules {
  const classes = lineage(target);
  const types = typeNotes(storage, classes);
  const { _transformMetadatas, _exposeMetadatas, _excludeMetadatas } = storage;
  const more = [_transformMetadatas, _exposeMetadatas, _excludeMetadatas].flatMap((notes) => said(notes, classes));
  const typesOnly = more.length === 0 && isOrdinary(target) && [...types.values()].every(isSimple);
  const told = new Map<string, Told>();
  for (const field of types.keys()) told.set(field, 'type');
  for (const field of more) if (field !== undefined) told.set(field, 'more');
  return {
    target,
    any: types.size > 0 || more.length > 0,
    typesOnly,
    types: new Map(typesOnly ? [...types].map(([field, note]) => [field, new DeclaredType(note, rulesOf)]) : []),
    told,
    // A whole class that is excluded writes what it exposes only.
    others: said(_excludeMetadatas, classes).includes(undefined) ? 'more' : 'nothing',
  };
}

function said(notes: Notes<unknown>, classes: readonly object[]): (string | undefined)[] {
  return classes.flatMap((one) => [...(notes.get(one)?.keys() ?? [])]);
}

/** The nearest class has the word. */
function typeNotes(storage: Storage, classes: readonly object[]): Map<string, TypeNote> {
  const found = new Map<string, TypeNote>();
  for (const one of classes)
    for (const [field, note] of storage._typeMetadatas.get(one) ?? []) if (field !== undefined && !found.has(field)) found.set(field, note);
  return found;
}

/** Whether its type is the same for all values, and arrays in it stay arrays. */
function isSimple({ typeFunction, reflectedType, options }: TypeNote): boolean {
  return asksNothing(typeFunction) && options?.discriminator === undefined && !isCollection(reflectedType);
}

const withoutParameters = /^(?:\(\s*\)\s*=>|function\s*[\w$]*\s*\(\s*\))/;

/** Class-transformer gives it the object. Its length does not tell: parameters with a default, `...rest` and `arguments` do not count. */
function asksNothing(typeFunction: TypeNote['typeFunction']): boolean {
  if (typeFunction?.length !== 0) return false;
  const text = Function.prototype.toString.call(typeFunction);
  return withoutParameters.test(text) && !text.includes('arguments') && !text.includes('[native code]');
}

/** What class-transformer fills in another way than field by field: Map, Set, classes of lists; Array is what it would take anyway. */
function isCollection(type: unknown): boolean {
  if (typeof type !== 'function' || type === Array) return false;
  const prototype = type.prototype as object | undefined;
  return (
    type === Map || type === Set || prototype instanceof Map || prototype instanceof Set || (prototype !== undefined && 'push' in prototype)
  );
}

/** A class that says of its instances that they are its own. */
function isOrdinary(target: Newable): boolean {
  return (target.prototype as { constructor?: unknown } | undefined)?.constructor === target && !isCollection(target);
}

function lineage(target: object): object[] {
  const classes: object[] = [];
  for (let one: unknown = target; typeof one === 'function' && one !== Function.prototype; one = Object.getPrototypeOf(one))
    classes.push(one);
  return classes;
}
