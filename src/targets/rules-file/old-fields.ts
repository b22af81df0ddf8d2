import { escaped } from './old-texts.js';
import type { Located, LocatedField, LocatedFields, Path, Place } from './located.js';

/** What is told of an old file. */
export interface OldBook {
  note(at: Place | undefined, old: string, next: string): void;
  mistaken(path: Path, at: Place | undefined, what: string): void;
}

/** Fields of an old file, while they become new ones. */
export class OldFields {
  readonly #fields: Map<string, LocatedField>;
  readonly #of: LocatedFields;
  readonly #path: Path;
  readonly #book: OldBook;
  /** As it is told. */
  #taken = '';

  constructor(of: LocatedFields, path: Path, book: OldBook) {
    this.#of = of;
    this.#fields = new Map(of.fields);
    this.#path = path;
    this.#book = book;
  }

  done(): LocatedFields {
    return { ...this.#of, fields: this.#fields };
  }

  get at(): Place | undefined {
    return this.#of.at;
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  get(name: string): Located | undefined {
    return this.#fields.get(name)?.value;
  }

  /** Another name for the same. */
  rename(old: string, next: string): void {
    this.take(old, ({ at, value }) => {
      this.put(next, value, at, next);
    });
  }

  /** Goes, and `use` says what comes in its place. */
  take(name: string, use: (field: LocatedField) => void): void {
    const field = this.#fields.get(name);
    if (field === undefined) return;
    this.#fields.delete(name);
    this.#taken = name;
    use(field);
  }

  /** Each field of an object goes, and `become` says what comes in its place; those that it does not know are mistakes. */
  inside(name: string, become: Readonly<Record<string, (name: string, field: LocatedField) => void>>): void {
    this.take(name, ({ at, value }) => {
      const known = Object.keys(become).join(', ');
      if (value.kind !== 'fields') this.mistaken(name, at, `must be an object; there are ${known}`);
      else
        for (const [inner, field] of value.fields) {
          this.#taken = `${name}.${inner}`;
          if (Object.hasOwn(become, inner)) become[inner]?.(inner, field);
          else this.mistaken(this.#taken, field.at, `has no new form: leave it out; of these there are ${known}`);
        }
    });
  }

  /** A new field, in place of the one that was taken. */
  put(name: string, value: Located, at: Place | undefined, shown: string): void {
    if (this.#fields.has(name)) this.mistaken(this.#taken, at, `says the same as ${name}, which is there too: leave ${this.#taken} out`);
    else {
      this.#fields.set(name, { at, value });
      this.note(at, this.#taken, shown);
    }
  }

  replace(name: string, value: Located): void {
    const field = this.#fields.get(name);
    this.#fields.set(name, { at: field?.at ?? value.at, value });
  }

  drop(name: string, why: string): void {
    this.take(name, ({ at }) => {
      this.note(at, name, why);
    });
  }

  note(at: Place | undefined, old: string, next: string): void {
    this.#book.note(at, old, next);
  }

  mistaken(field: string, at: Place | undefined, what: string): void {
    this.#book.mistaken([...this.#path, ...field.split('.')], at, what);
  }
}

export function text(located: Located | undefined): string | undefined {
  return located?.kind === 'value' && typeof located.value === 'string' ? located.value : undefined;
}

/** As it was where nothing was filled in: braces are doubled. */
export function unfilled(located: Located): Located {
  if (located.kind === 'list') return { ...located, items: located.items.map(unfilled) };
  if (located.kind === 'fields')
    return { ...located, fields: new Map([...located.fields].map(([name, field]) => [name, { ...field, value: unfilled(field.value) }])) };
  return typeof located.value === 'string' ? { ...located, value: escaped(located.value) } : located;
}

export function valueOf(given: string | number | boolean, at: Place | undefined): Located {
  return { kind: 'value', value: given, at };
}

export function fieldsOf(entries: Readonly<Record<string, Located>>, at: Place | undefined): LocatedFields {
  return { kind: 'fields', fields: new Map(Object.entries(entries).map(([name, each]) => [name, { at: each.at, value: each }])), at };
}
