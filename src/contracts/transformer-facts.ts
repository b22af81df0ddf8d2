import { optionalPeer } from '../core/optional-peer.js';

interface TypeFact {
  readonly typeFunction: () => unknown;
  readonly reflectedType: unknown;
  readonly options?: { readonly discriminator?: { readonly subTypes?: readonly { readonly value: unknown }[] } };
}

interface Directed {
  readonly options?: { readonly name?: string; readonly toClassOnly?: boolean };
}

/** The storage of class-transformer, which is not public there. */
interface Storage {
  findTypeMetadata(target: unknown, field: string): TypeFact | undefined;
  findExposeMetadata(target: unknown, field: string): Directed | undefined;
  findExcludeMetadata(target: unknown, field: string): Directed | undefined;
  findTransformMetadatas(target: unknown, field: string, type: number): readonly unknown[];
  getStrategy(target: unknown): string;
  readonly _typeMetadatas: ReadonlyMap<unknown, ReadonlyMap<string, unknown>>;
  readonly _exposeMetadatas: ReadonlyMap<unknown, ReadonlyMap<string | undefined, unknown>>;
}

const classToPlain = 1;

/** What class-transformer was told of fields, as they are written. Knows nothing where the user does not have it. */
export class TransformerFacts {
  readonly #storage: Storage | undefined;

  private constructor(storage: Storage | undefined) {
    this.#storage = storage;
  }

  static async load(): Promise<TransformerFacts> {
    const library = await optionalPeer('class-transformer', () => import('class-transformer'));
    if (library === undefined) return new TransformerFacts(undefined);
    // In a variable: bundlers would put in a second copy, whose storage stays empty.
    const path = 'class-transformer/cjs/storage.js';
    const { defaultMetadataStorage } = (await import(path)) as { defaultMetadataStorage: Storage };
    return new TransformerFacts(defaultMetadataStorage);
  }

  /** The fields of a class, or of one that it extends, of which something was told. */
  fields(target: unknown): string[] {
    const storage = this.#storage;
    if (storage === undefined) return [];
    const fields = lineage(target).flatMap((one) =>
      [storage._typeMetadatas, storage._exposeMetadatas].flatMap((map) => keysOf(map.get(one))),
    );
    return [...new Set(fields)];
  }

  /** Its name on the wire; undefined for a field that is not written. */
  wireName(target: unknown, field: string): string | undefined {
    const storage = this.#storage;
    if (storage === undefined) return field;
    const exposed = storage.findExposeMetadata(target, field);
    const written = exposed?.options?.toClassOnly !== true ? exposed : undefined;
    const excluded = storage.findExcludeMetadata(target, field);
    if (excluded !== undefined && excluded.options?.toClassOnly !== true) return undefined;
    if (written === undefined && storage.getStrategy(target) === 'excludeAll') return undefined;
    return written?.options?.name ?? field;
  }

  /** Whether a function makes what is written of it. */
  isTransformed(target: unknown, field: string): boolean {
    return (this.#storage?.findTransformMetadatas(target, field, classToPlain).length ?? 0) > 0;
  }

  /** The classes that a value may be of; undefined where none was told. */
  typesOf(target: unknown, field: string): readonly unknown[] | undefined {
    const fact = this.#storage?.findTypeMetadata(target, field);
    if (fact === undefined) return undefined;
    const subTypes = fact.options?.discriminator?.subTypes?.map(({ value }) => value) ?? [];
    try {
      return subTypes.length > 0 ? subTypes : [fact.typeFunction()];
    } catch {
      // It wants the object that is being read: there is none.
      return [];
    }
  }
}

function keysOf(fields: ReadonlyMap<string | undefined, unknown> | undefined): string[] {
  return [...(fields?.keys() ?? [])].filter((field) => field !== undefined);
}

function lineage(target: unknown): unknown[] {
  const classes: unknown[] = [];
  for (let one = target; typeof one === 'function' && one !== Function.prototype; one = Object.getPrototypeOf(one)) classes.push(one);
  return classes;
}
