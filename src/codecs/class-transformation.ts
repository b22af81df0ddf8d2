import { types } from 'node:util';
import { optionalPeer } from '../core/optional-peer.js';
import { rulesIn, unknownRules, type ClassRules, type Newable, type Storage, type Told } from './class-rules.js';

type Library = typeof import('class-transformer');
type Transformer = InstanceType<Library['ClassTransformer']>;

/** What does the work in class-transformer, for one direction. */
interface Executor {
  transform(source: object | undefined, value: unknown, target: unknown): unknown;
}

interface KeyedExecutor extends Executor {
  getKeys(target: unknown, value: object, isMap: boolean | undefined): string[];
}

/** Whether a field of a class is taken when it is received. */
export type Takes = (target: unknown, field: string) => boolean;

/** What class-transformer keeps to itself, hence looked at with care. */
interface Internals {
  readonly storage: Storage & { findExposeMetadataByCustomName(target: unknown, name: string): { propertyName: string } | undefined };
  readonly Executor: new (direction: number, options: object) => KeyedExecutor;
}

/** class-transformer, where the user has it. The only file that knows that library. */
export class ClassTransformation {
  readonly #library: Library;
  readonly #transformer: Transformer;
  /** Undefined: cannot be found (bundled, or another version). Then every class is treated as a decorated one. */
  readonly #internals: Internals | undefined;
  #reader: ClassReader | undefined;
  readonly #rules = new WeakMap<object, ClassRules>();
  readonly #rulesOf = (target: Newable): ClassRules => this.#rulesFor(target);

  private constructor(library: Library, internals: Internals | undefined) {
    this.#library = library;
    this.#transformer = new library.ClassTransformer();
    this.#internals = internals;
  }

  /** Undefined where class-transformer is not installed. */
  static async load(load: () => Promise<Library> = () => import('class-transformer')): Promise<ClassTransformation | undefined> {
    const library = await optionalPeer('class-transformer', load);
    return library === undefined ? undefined : new ClassTransformation(library, await internalsOf(library));
  }

  /** Undefined: this is no class of which anything could be said. */
  rules(target: unknown): ClassRules | undefined {
    return typeof target === 'function' && target !== Object ? this.#rulesFor(target as Newable) : undefined;
  }

  /** Whether class-transformer knows anything of a class. */
  concerns(target: unknown): boolean {
    return this.rules(target)?.any === true;
  }

  told(target: unknown, field: string): Told {
    const rules = this.rules(target);
    return rules === undefined ? 'nothing' : (rules.told.get(field) ?? rules.others);
  }

  /** The fields of a class that carry a decorator of class-transformer. Undefined: not known. */
  fields(target: unknown): readonly string[] | undefined {
    return this.#internals === undefined ? undefined : [...(this.rules(target)?.told.keys() ?? [])];
  }

  /** The received fields under the names of the class, none passed over. `plain` is consumed. */
  hydrate(target: object, plain: object): object {
    return (this.#reader ??= this.reader(() => true)).fields(target, plain);
  }

  toPlain(event: object): unknown {
    return this.#transformer.instanceToPlain(event);
  }

  /** What makes values of classes out of received ones by class-transformer itself; fields that are not taken are passed over. */
  reader(takes: Takes): ClassReader {
    const direction = this.#library.TransformationType.PLAIN_TO_CLASS;
    // What its own functions take where nothing is said; what is not named is off.
    const options = { exposeUnsetFields: true };
    if (this.#internals !== undefined) return new ClassReader(new (selective(this.#internals, takes))(direction, options));
    const transformer = this.#transformer;
    return new ClassReader({
      transform: (source, value, target) =>
        source === undefined
          ? transformer.plainToInstance(target as Newable, value)
          : transformer.plainToClassFromExist(source, value as object),
    });
  }

  /** Decided once for each class. */
  #rulesFor(target: Newable): ClassRules {
    let rules = this.#rules.get(target);
    if (rules === undefined) {
      rules = this.#internals === undefined ? unknownRules(target) : rulesIn(this.#internals.storage, target, this.#rulesOf);
      this.#rules.set(target, rules);
    }
    return rules;
  }
}

/** Reading by class-transformer itself. Throws what it throws. */
export class ClassReader {
  readonly #executor: Executor;
  readonly #bags = new WeakMap<object, object>();

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /**
   * The received fields under the names of the class, each as what the class declares: dates, nested classes, arrays of them.
   * `plain` is consumed.
   */
  fields(target: object, plain: object): object {
    forgetConstructors(plain);
    const bag = this.#bagFor(target);
    this.#executor.transform(bag, plain, undefined);
    return bag;
  }

  /** What a field with this type holds. `value` is consumed. */
  value(type: unknown, value: unknown): unknown {
    forgetConstructors(value);
    return this.#executor.transform(undefined, value, type);
  }

  /** Something empty that says it is of the class. Not an instance: its default objects would be filled in place, and those may be shared. */
  #bagFor(target: object): object {
    let prototype = this.#bags.get(target);
    if (prototype === undefined) {
      prototype = Object.assign(Object.create(null) as object, { constructor: target });
      this.#bags.set(target, prototype);
    }
    return Object.create(prototype) as object;
  }
}

/** An executor that passes over fields that are not taken: the library asks it for the keys of each value, with the class that it becomes. */
function selective({ storage, Executor }: Internals, takes: Takes): Internals['Executor'] {
  return class extends Executor {
    override getKeys(target: unknown, value: object, isMap: boolean | undefined): string[] {
      const keys = super.getKeys(target, value, isMap);
      if (target === undefined || isMap === true) return keys;
      return keys.filter((key) => takes(target, storage.findExposeMetadataByCustomName(target, key)?.propertyName ?? key));
    }
  };
}

async function internalsOf(library: Library): Promise<Internals | undefined> {
  const storage = await internal<Internals['storage']>('storage', 'defaultMetadataStorage');
  const executor = await internal<Internals['Executor']>('TransformOperationExecutor', 'TransformOperationExecutor');
  const whole =
    storage !== undefined &&
    executor !== undefined &&
    isWhole(storage) &&
    typeof (executor.prototype as Partial<KeyedExecutor>).getKeys === 'function';
  return whole && belongsTo(library, storage) ? { storage, Executor: executor } : undefined;
}

async function internal<T>(file: string, name: string): Promise<T | undefined> {
  // In a variable: bundlers would put in a second copy, whose storage stays empty.
  const path = `class-transformer/cjs/${file}.js`;
  const module = (await import(path).catch(() => undefined)) as Record<string, T> | undefined;
  return module?.[name];
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
  const found = storage._exposeMetadatas.get(Probe)?.has('probe') === true;
  // Else there would be one more for each manager.
  (storage._exposeMetadatas as Map<unknown, unknown>).delete(Probe);
  return found;
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
