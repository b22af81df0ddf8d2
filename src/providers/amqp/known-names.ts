/** The name of a property, with what is remembered of it. */
export interface KnownName<Kind> {
  readonly text: string;
  readonly kind: Kind;
  /** What it said last, where that is short and ASCII: many say the same in each message. */
  last: string;
}

const places = 256;
/** Of longer texts nothing is remembered. */
export const longestKnown = 64;

/**
 * Names of properties repeat from message to message: comparing bytes with a name that is known is cheaper than making a text of them, and
 * what is looked up later is one text for all. Bounded: each name has one place, and gives way to the next that has the same.
 */
export class KnownNames<Kind> {
  readonly #names = new Array<KnownName<Kind> | undefined>(places).fill(undefined);
  readonly #kindOf: (text: string) => Kind;

  constructor(kindOf: (text: string) => Kind) {
    this.#kindOf = kindOf;
  }

  /** The bytes must be there. */
  at(bytes: Buffer, start: number, size: number): KnownName<Kind> {
    if (size === 0 || size > longestKnown) return this.#made(bytes, start, size);
    const end = start + size - 1;
    // Most begin alike and end differently.
    const place = (size ^ ((bytes[end] ?? 0) << 3) ^ ((bytes[end - (size >> 2)] ?? 0) << 1) ^ (bytes[end - (size >> 1)] ?? 0)) % places;
    const known = this.#names[place];
    return known !== undefined && saysTheSame(known.text, bytes, start, size)
      ? known
      : (this.#names[place] = this.#made(bytes, start, size));
  }

  #made(bytes: Buffer, start: number, size: number): KnownName<Kind> {
    const text = bytes.toString('utf8', start, start + size);
    return { text, kind: this.#kindOf(text), last: '' };
  }
}

/** Only a text of ASCII can say the same: that of others has another length, or characters that are no bytes. */
export function saysTheSame(text: string, bytes: Buffer, start: number, size: number): boolean {
  if (text.length !== size) return false;
  for (let i = 0; i < size; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
