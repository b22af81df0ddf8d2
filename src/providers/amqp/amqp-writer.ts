import { types } from './amqp-types.js';

const usualSize = 65_536;
/** A binding of Node's costs more than writing so many characters one by one. */
const shortText = 64;

/** Writes one message after the other into the same memory; each is taken out of it in the size that it came to. */
export class AmqpWriter {
  #buffer = Buffer.allocUnsafeSlow(usualSize);
  #at = 0;

  begin(): void {
    this.#at = 0;
  }

  /** What was written since `begin`. */
  taken(): Buffer {
    const taken = Buffer.allocUnsafe(this.#at);
    this.#buffer.copy(taken, 0, 0, this.#at);
    // One that was large does not take memory for ever.
    if (this.#buffer.length > 4 * usualSize) this.#buffer = Buffer.allocUnsafeSlow(usualSize);
    return taken;
  }

  byte(value: number): void {
    this.#need(1);
    this.#buffer[this.#at++] = value;
  }

  /** The descriptor of a section, and the type of what it holds. */
  section(code: number, type: number): void {
    this.descriptor(code);
    this.byte(type);
  }

  descriptor(code: number): void {
    this.#need(3);
    this.#buffer[this.#at++] = 0x00;
    this.#buffer[this.#at++] = types.smallUlong;
    this.#buffer[this.#at++] = code;
  }

  /** Opens a list or map of `count` entries; what it returns is to be given to `close`. */
  compound(code: number, type: number, count: number): number {
    this.section(code, type);
    this.#need(8);
    const start = this.#at;
    this.#uint32(start + 4, count);
    this.#at += 8;
    return start;
  }

  close(start: number): void {
    this.#uint32(start, this.#at - start - 4);
  }

  optional(value: string | undefined): void {
    if (value === undefined) this.byte(types.null);
    else this.string(value);
  }

  symbol(value: string | undefined): void {
    if (value === undefined) this.byte(types.null);
    else this.text(value, types.sym8, types.sym32);
  }

  string(value: string): void {
    this.text(value, types.str8, types.str32);
  }

  text(value: string, short: number, long: number): void {
    if (value.length <= shortText && this.#ascii(value, short)) return;
    // Three bytes for each UTF-16 unit are always enough, but much for a long text.
    const most = value.length > usualSize ? Buffer.byteLength(value) : 3 * value.length;
    this.#need(5 + most);
    // Node writes U+FFFD for a lone surrogate.
    const size = this.#buffer.write(value, this.#at + 5);
    this.#buffer[this.#at] = long;
    this.#uint32(this.#at + 1, size);
    this.#at += 5 + size;
  }

  binary(value: Uint8Array): void {
    this.#need(5 + value.length);
    this.#buffer[this.#at] = types.bin32;
    this.#uint32(this.#at + 1, value.length);
    this.#buffer.set(value, this.#at + 5);
    this.#at += 5 + value.length;
  }

  time(value: number | undefined): void {
    if (value === undefined) this.byte(types.null);
    else this.integer(types.timestamp, value);
  }

  integer(type: number, value: number): void {
    this.#need(9);
    this.#buffer[this.#at] = type;
    this.#buffer.writeBigInt64BE(BigInt(Math.round(value)), this.#at + 1);
    this.#at += 9;
  }

  /** False where it is not ASCII: nothing was written then. */
  #ascii(value: string, type: number): boolean {
    const { length } = value;
    this.#need(2 + length);
    const buffer = this.#buffer;
    const start = this.#at + 2;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      buffer[start + i] = code;
    }
    buffer[start - 2] = type;
    buffer[start - 1] = length;
    this.#at = start + length;
    return true;
  }

  #uint32(at: number, value: number): void {
    this.#buffer[at] = value >>> 24;
    this.#buffer[at + 1] = value >>> 16;
    this.#buffer[at + 2] = value >>> 8;
    this.#buffer[at + 3] = value;
  }

  #need(more: number): void {
    if (this.#at + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#at + more));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
