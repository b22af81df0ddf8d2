import { types } from 'node:util';
import type { EventClass } from '../core/descriptors.js';
import { optionalPeer } from '../core/optional-peer.js';

type Library = typeof import('class-transformer');
type Transformer = InstanceType<Library['ClassTransformer']>;
type Metadata = ReadonlyMap<unknown, ReadonlyMap<string | undefined, unknown>>;

/** What the decorators of class-transformer wrote. Not public there, hence looked at with care. */
interface Storage {
  readonly _typeMetadatas: Metadata;
  readonly _transformMetadatas: Metadata;
  readonly _exposeMetadatas: Metadata;
  readonly _excludeMetadatas: Metadata;
}

/** How much class-transformer was told about a field: nothing, the class of its value, or more (what is written, and whether). */
export type Told = 'nothing' | 'type' | 'more';

/** What the decorators say of one class and those that it extends. */
interface Rules {
  readonly fields: ReadonlyMap<string, Told>;
  /** Of the fields that carry no decorator. */
  readonly others: Told;
}

/** class-transformer, where the user has it. The only file that knows that library. */
export class ClassTransformation {
  readonly #transformer: Transformer;
  /** Undefined: cannot be found (bundled, or another version). Then every class is treated as a decorated one. */
  readonly #storage: Storage | undefined;
  readonly #rules = new WeakMap<object, Rules | 'none'>();
  readonly #bags = new WeakMap<object, object>();

  private constructor(transformer: Transformer, storage: Storage | undefined) {
    this.#transformer = transformer;
    this.#storage = storage;
  }

  /** Undefined where class-transformer is not installed. */
  static async load(load: () => Promise<Library> = () => import('class-transformer')): Promise<ClassTransformation | undefined> {
    const library = await optionalPeer('class-transformer', load);
    return library === undefined ? undefined : new ClassTransformation(new library.ClassTransformer(), await storageOf(library));
  }

  /** Whether class-transformer knows anything of a class. */
  concerns(target: unknown): boolean {
    return this.#rulesOf(target) !== 'none';
  }

  told(target: unknown, field: string): Told {
    const rules = this.#rulesOf(target);
    return rules === 'none' ? 'nothing' : (rules.fields.get(field) ?? rules.others);
  }

  /** The fields of a class that carry a decorator of class-transformer. Undefined: not known. */
  fields(target: EventClass): readonly string[] | undefined {
    const rules = this.#rulesOf(target);
    if (rules === 'none') return [];
    return this.#storage === undefined ? undefined : [...rules.fields.keys()];
  }

  toPlain(event: object): unknown {
    return this.#transformer.instanceToPlain(event);
  }

  /**
   * The received fields under the names of the class, each as what the class declares: dates, nested classes, arrays of them.
   * `plain` is consumed. Throws what class-transformer throws.
   */
  hydrate(target: EventClass, plain: object): object {
    forgetConstructors(plain);
    const bag = this.#bagFor(target);
    this.#transformer.plainToClassFromExist(bag, plain);
    return bag;
  }

  /** Something empty that says it is of the class. Not an instance: its default objects would be filled in place, and those may be shared. */
  #bagFor(target: EventClass): Record<string, unknown> {
    let prototype = this.#bags.get(target);
    if (prototype === undefined) {
      prototype = Object.assign(Object.create(null) as object, { constructor: target });
      this.#bags.set(target, prototype);
    }
    return Object.create(prototype) as Record<string, unknown>;
  }

  /** Decided once for each class. */
  #rulesOf(target: unknown): Rules | 'none' {
    if (typeof target !== 'function' || target === Object) return 'none';
    let rules = this.#rules.get(target);
    if (rules === undefined) {
      rules = this.#storage === undefined ? { fields: new Map(), others: 'type' } : rulesIn(this.#storage, lineage(target));
      this.#rules.set(target, rules);
    }
    return rules;
  }
}

function rulesIn(storage: Storage, classes: readonly object[]): Rules | 'none' {
  const said = (metadata: Metadata) => classes.flatMap((one) => [...(metadata.get(one)?.keys() ?? [])]);
  const typed = said(storage._typeMetadatas);
  const more = [storage._transformMetadatas, storage._exposeMetadatas, storage._excludeMetadatas].flatMap(said);
  if (typed.length === 0 && more.length === 0) return 'none';
  const fields = new Map<string, Told>();
  for (const field of typed) if (field !== undefined) fields.set(field, 'type');
  for (const field of more) if (field !== undefined) fields.set(field, 'more');
  // A whole class that is excluded writes what it exposes only.
  return { fields, others: said(storage._excludeMetadatas).includes(undefined) ? 'more' : 'nothing' };
}

async function storageOf(library: Library): Promise<Storage | undefined> {
  // In a variable: bundlers would put in a second copy, whose storage stays empty.
  const path = 'class-transformer/cjs/storage.js';
  const module = (await import(path).catch(() => undefined)) as { defaultMetadataStorage?: Storage } | undefined;
  const storage = module?.defaultMetadataStorage;
  return storage !== undefined && isWhole(storage) && belongsTo(library, storage) ? storage : undefined;
}

function isWhole(storage: Storage): boolean {
  return [storage._typeMetadatas, storage._transformMetadatas, storage._exposeMetadatas, storage._excludeMetadatas].every((one) =>
    types.isMap(one),
  );
}

/** Whether it is the storage that the library's decorators write to. */
function belongsTo(library: Library, storage: Storage): boolean {
  class Probe {}
  library.Expose()(Probe.prototype, 'probe');
  return storage._exposeMetadatas.get(Probe)?.has('probe') === true;
}

function lineage(target: object): object[] {
  const classes: object[] = [];
  for (let one: unknown = target; typeof one === 'function' && one !== Function.prototype; one = Object.getPrototypeOf(one))
    classes.push(one);
  return classes;
}

/**
 * class-transformer takes `value.constructor` of a received object for its class, and remembers it for ever. It never takes a
 * field of that name itself, so nothing is lost.
 */
function forgetConstructors(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Object.hasOwn(value, 'constructor')) delete (value as { constructor?: unknown }).constructor;
  for (const key in value) forgetConstructors((value as Record<string, unknown>)[key]);
}
