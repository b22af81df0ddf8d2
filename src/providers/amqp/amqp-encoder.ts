import type { WireMessage } from '../../core/provider.js';

/** What goes out beside the message itself. */
export interface SendExtras {
  readonly dedupeId?: string | undefined;
  /** Milliseconds since the epoch, on the broker's clock. */
  readonly deliveryTime?: number | undefined;
  /** Text as a Data section instead of an AMQP string. */
  readonly asData: boolean;
}

// AMQP 1.0 part 1.6 (type codes) and part 3.2 (sections). Only the variable-width and the one-byte forms we need.
const descriptors = { header: 0x70, annotations: 0x72, properties: 0x73, applicationProperties: 0x74, data: 0x75, value: 0x77 } as const;
const types = {
  null: 0x40,
  true: 0x41,
  false: 0x42,
  long: 0x81,
  bin8: 0xa0,
  str8: 0xa1,
  sym8: 0xa3,
  bin32: 0xb0,
  str32: 0xb1,
  sym32: 0xb3,
  list8: 0xc0,
  list32: 0xd0,
  map32: 0xd1,
} as const;
const jsonType = 'application/json';
const duplicateId = '_AMQ_DUPL_ID';

/**
 * The bytes of a message as we send it: header, delivery time, ids, content type, headers as strings, and the body. Lone
 * surrogates are replaced, since they have no UTF-8.
 */
export function encodedMessage(message: WireMessage, extras: SendExtras): Buffer {
  const writer = new Writer(estimate(message));
  writer.section(descriptors.header, types.list8);
  writer.bytes(2, 1, message.durable ? types.true : types.false);
  if (extras.deliveryTime !== undefined) {
    const end = writer.compound(descriptors.annotations, types.map32, 2);
    writer.text('x-opt-delivery-time', types.sym8, types.sym32);
    writer.long(extras.deliveryTime);
    writer.close(end);
  }
  writeProperties(writer, message, extras);
  writeHeaders(writer, message.headers, extras.dedupeId);
  writeBody(writer, message.body, extras.asData);
  return writer.done();
}

function writeProperties(writer: Writer, message: WireMessage, extras: SendExtras): void {
  const id = message.headers.get('tidings_id') ?? message.headers.get('cloudEvents_id');
  const contentType = message.contentType ?? (extras.asData && typeof message.body === 'string' ? jsonType : undefined);
  const fields = propertyCount(id, message, contentType);
  if (fields === 0) return;
  // message-id, user-id, to, subject, reply-to, correlation-id, content-type, content-encoding
  const end = writer.compound(descriptors.properties, types.list32, fields);
  writer.optional(id);
  if (fields > 1) {
    writer.bytes(types.null, types.null, types.null, types.null);
    writer.optional(message.correlationId);
  }
  if (fields > 6) writer.symbol(contentType);
  if (fields > 7) writer.symbol(message.contentEncoding);
  writer.close(end);
}

/** What is absent at the end is left out. */
function propertyCount(id: string | undefined, { correlationId, contentEncoding }: WireMessage, contentType: string | undefined): number {
  if (contentEncoding !== undefined) return 8;
  if (contentType !== undefined) return 7;
  if (correlationId !== undefined) return 6;
  return id === undefined ? 0 : 1;
}

function writeHeaders(writer: Writer, headers: ReadonlyMap<string, string>, dedupeId: string | undefined): void {
  const count = headers.size + (dedupeId === undefined ? 0 : 1);
  if (count === 0) return;
  const end = writer.compound(descriptors.applicationProperties, types.map32, 2 * count);
  for (const [name, value] of headers) {
    writer.string(name);
    writer.string(value);
  }
  if (dedupeId !== undefined) {
    writer.string(duplicateId);
    writer.string(dedupeId);
  }
  writer.close(end);
}

function writeBody(writer: Writer, body: string | Uint8Array, asData: boolean): void {
  if (typeof body === 'string' && !asData) {
    writer.descriptor(descriptors.value);
    writer.string(body);
    return;
  }
  writer.descriptor(descriptors.data);
  if (typeof body === 'string') writer.text(body, types.bin8, types.bin32);
  else writer.binary(body);
}

function textLength({ contentType = '', contentEncoding = '', correlationId = '' }: WireMessage): number {
  return contentType.length + contentEncoding.length + correlationId.length;
}

function estimate(message: WireMessage): number {
  const body = typeof message.body === 'string' ? message.body.length * 3 : message.body.length;
  let size = 512 + body + 3 * textLength(message);
  for (const [name, value] of message.headers) size += 16 + 3 * (name.length + value.length);
  return size;
}

class Writer {
  #buffer: Buffer;
  #at = 0;

  constructor(size: number) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  bytes(...values: readonly number[]): void {
    this.#need(values.length);
    for (const value of values) this.#buffer[this.#at++] = value;
  }

  descriptor(code: number): void {
    this.bytes(0x00, 0x53, code);
  }

  section(code: number, type: number): void {
    this.bytes(0x00, 0x53, code, type);
  }

  /** Opens a list or map of `count` entries; what it returns is to be given to `close`. */
  compound(code: number, type: number, count: number): number {
    this.section(code, type);
    this.#need(8);
    const start = this.#at;
    this.#buffer.writeUInt32BE(count, start + 4);
    this.#at += 8;
    return start;
  }

  close(start: number): void {
    this.#buffer.writeUInt32BE(this.#at - start - 4, start);
  }

  optional(value: string | undefined): void {
    if (value === undefined) this.bytes(types.null);
    else this.string(value);
  }

  symbol(value: string | undefined): void {
    if (value === undefined) this.bytes(types.null);
    else this.text(value, types.sym8, types.sym32);
  }

  string(value: string): void {
    this.text(value, types.str8, types.str32);
  }

  text(value: string, short: number, long: number): void {
    // Three bytes for each UTF-16 unit are always enough; most texts that could be short are.
    const most = value.length * 3;
    this.#need(5 + most);
    // Node writes U+FFFD for a lone surrogate.
    if (most <= 0xff || Buffer.byteLength(value) <= 0xff) {
      const size = this.#buffer.write(value, this.#at + 2);
      this.#buffer[this.#at] = short;
      this.#buffer[this.#at + 1] = size;
      this.#at += 2 + size;
      return;
    }
    const size = this.#buffer.write(value, this.#at + 5);
    this.#buffer[this.#at] = long;
    this.#buffer.writeUInt32BE(size, this.#at + 1);
    this.#at += 5 + size;
  }

  binary(value: Uint8Array): void {
    this.#need(5 + value.length);
    this.#buffer[this.#at] = types.bin32;
    this.#buffer.writeUInt32BE(value.length, this.#at + 1);
    this.#buffer.set(value, this.#at + 5);
    this.#at += 5 + value.length;
  }

  long(value: number): void {
    this.#need(9);
    this.#buffer[this.#at] = types.long;
    this.#buffer.writeBigInt64BE(BigInt(Math.round(value)), this.#at + 1);
    this.#at += 9;
  }

  done(): Buffer {
    const used = this.#buffer.subarray(0, this.#at);
    // What waits for its confirmation must not hold three times its size.
    return this.#buffer.length > 2 * this.#at + 4096 ? Buffer.from(used) : used;
  }

  #need(more: number): void {
    if (this.#at + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#at + more));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
