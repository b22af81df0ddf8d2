import { types } from './amqp-types.js';

const nothing = Buffer.alloc(0);
const variable = -1;
/** By type. */
const fixedWidths = widths([
  [0, [types.null, types.true, types.false, types.uint0, types.ulong0]],
  [1, [types.ubyte, types.byte, types.smallUint, types.smallUlong, types.smallInt, types.smallLong]],
  [4, [types.uint, types.int]],
  [8, [types.ulong, types.long, types.timestamp]],
]);

/** Reads AMQP values as long as everything is as usual. Whoever reads looks at `strange` at the end: from there on nothing read counts. */
export class AmqpReader {
  protected bytes: Buffer = nothing;
  protected at = 0;
  protected strange = false;
  /** Where the bytes end that may be read. */
  protected limit = 0;
  /** Entries of the list or map that is being read. */
  protected left = 0;
  /** Where that ends. */
  #end = 0;

  protected begin(bytes: Buffer, at: number, limit: number): void {
    this.bytes = bytes;
    this.at = at;
    this.limit = limit;
    this.strange = false;
  }

  protected forget(): void {
    this.bytes = nothing;
  }

  /** Opens a list or map. */
  protected open(short: number, long: number): void {
    const type = this.byte();
    this.left = 0;
    this.#end = this.at;
    if (type === types.list0 && short === types.list8) return;
    const isShort = type === short;
    if (!isShort && type !== long) this.strange = true;
    const size = isShort ? this.byte() : this.uint32();
    this.#end = this.at + size;
    this.left = isShort ? this.byte() : this.uint32();
    if (this.#end > this.limit) this.strange = true;
  }

  protected close(): void {
    if (this.left !== 0 || this.at !== this.#end) this.strange = true;
  }

  /** Whether the list has a further entry; what is absent at its end is null. */
  protected next(): boolean {
    if (this.left === 0) return false;
    this.left--;
    return true;
  }

  /** Entries that say nothing to us. */
  protected pass(count: number): void {
    for (let i = 0; i < count && this.next(); i++) this.skip(this.byte());
  }

  /** An entry; false for null. */
  protected flag(): boolean {
    if (!this.next()) return false;
    const type = this.byte();
    if (type !== types.true && type !== types.false && type !== types.null) this.strange = true;
    return type === types.true;
  }

  /** An entry; undefined for null. */
  protected uint(): number | undefined {
    if (!this.next()) return undefined;
    const type = this.byte();
    if (type === types.null) return undefined;
    if (type === types.uint0) return 0;
    if (type === types.ubyte || type === types.smallUint) return this.byte();
    if (type === types.uint) return this.uint32();
    this.strange = true;
    return undefined;
  }

  /** What may stand where it says nothing to us: no list, map or array. */
  protected skip(type: number): void {
    const width = fixedWidths[type] ?? variable;
    this.over(width === variable ? this.size(type) : width);
  }

  /** Of a text or of bytes. */
  protected size(type: number): number {
    if (type === types.str8 || type === types.sym8 || type === types.bin8) return this.byte();
    if (type === types.str32 || type === types.sym32 || type === types.bin32) return this.uint32();
    this.strange = true;
    return 0;
  }

  /** Steps over so many bytes; where they begin. */
  protected over(size: number): number {
    const start = this.at;
    this.at += size;
    if (this.at > this.limit) this.strange = true;
    return start;
  }

  protected byte(): number {
    const byte = this.bytes[this.at++];
    if (byte !== undefined && this.at <= this.limit) return byte;
    this.strange = true;
    return 0;
  }

  protected uint32(): number {
    return ((this.byte() << 24) | (this.byte() << 16) | (this.byte() << 8) | this.byte()) >>> 0;
  }
}

function widths(known: readonly (readonly [width: number, of: readonly number[]])[]): Int8Array {
  const result = new Int8Array(256).fill(variable);
  for (const [width, of] of known) for (const type of of) result[type] = width;
  return result;
}
