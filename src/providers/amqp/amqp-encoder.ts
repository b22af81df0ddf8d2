import type { WireMessage } from '../../core/provider.js';

/** What goes out beside the message itself. */
export interface SendExtras {
  /** The address, for whoever gets it by a queue of many addresses. */
  readonly to?: string | undefined;
  readonly dedupeId?: string | undefined;
  /** Milliseconds since the epoch, on the broker's clock. */
  readonly deliveryTime?: number | undefined;
  /** Likewise: dropped by the broker from then on. */
  readonly expiryTime?: number | undefined;
  /** Text as a Data section instead of an AMQP string. */
  readonly asData: boolean;
}

// AMQP 1.0 part 1.6 (type codes) and part 3.2 (sections). Only the variable-width and the one-byte forms we need.
const descriptors = { header: 0x70, annotations: 0x72, properties: 0x73, applicationProperties: 0x74, data: 0x75, value: 0x77 } as const;
const types = {
  null: 0x40,
  true: 0x41,
  false: 0x42,
  ubyte: 0x50,
  byte: 0x51,
  long: 0x81,
  timestamp: 0x83,
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

const usualPriority = 4;

/**
 * The bytes of a message as we send it: header, annotations, properties, headers as strings, and the body. Lone surrogates are replaced,
 * since they have no UTF-8.
 */
export function encodedMessage(message: WireMessage, extras: SendExtras): Buffer {
  const writer = new Writer(estimate(message, extras));
  writeHeader(writer, message);
  writeAnnotations(writer, message, extras);
  writeProperties(writer, message, extras);
  writeHeaders(writer, message.headers, extras.dedupeId);
  writeBody(writer, message.body, extras.asData);
  return writer.done();
}

function writeHeader(writer: Writer, { durable, priority }: WireMessage): void {
  writer.section(descriptors.header, types.list8);
  const said = durable ? types.true : types.false;
  const level = priority === undefined || Number.isNaN(priority) ? usualPriority : Math.min(9, Math.max(0, Math.round(priority)));
  if (level === usualPriority) writer.bytes(2, 1, said);
  else writer.bytes(4, 2, said, types.ubyte, level);
}

function writeAnnotations(writer: Writer, { replyTo }: WireMessage, { deliveryTime }: SendExtras): void {
  const count = (deliveryTime === undefined ? 0 : 1) + (replyTo === undefined ? 0 : 1);
  if (count === 0) return;
  const end = writer.compound(descriptors.annotations, types.map32, 2 * count);
  if (deliveryTime !== undefined) {
    writer.text('x-opt-delivery-time', types.sym8, types.sym32);
    writer.integer(types.long, deliveryTime);
  }
  if (replyTo !== undefined) {
    // Else a JMS client takes it for a topic, as the address of the message itself most often is.
    writer.text('x-opt-jms-reply-to', types.sym8, types.sym32);
    writer.bytes(types.byte, 0);
  }
  writer.close(end);
}

/** In the order of the standard; what is absent at the end is left out. */
function writeProperties(writer: Writer, message: WireMessage, extras: SendExtras): void {
  const id = message.headers.get('tidings_id') ?? message.headers.get('cloudEvents_id');
  const { replyTo, correlationId, contentEncoding, group } = message;
  const contentType = message.contentType ?? (extras.asData && typeof message.body === 'string' ? jsonType : undefined);
  const fields = propertyCount(message, extras, { id, contentType });
  if (fields === 0) return;
  const end = writer.compound(descriptors.properties, types.list32, fields);
  // message-id, user-id, to, subject
  writer.optional(id);
  if (fields > 1) writer.bytes(types.null);
  if (fields > 2) writer.optional(extras.to);
  if (fields > 3) writer.bytes(types.null);
  // reply-to, correlation-id, content-type, content-encoding
  if (fields > 4) writer.optional(replyTo);
  if (fields > 5) writer.optional(correlationId);
  if (fields > 6) writer.symbol(contentType);
  if (fields > 7) writer.symbol(contentEncoding);
  // absolute-expiry-time, creation-time, group-id
  if (fields > 8) writer.time(extras.expiryTime);
  if (fields > 9) writer.bytes(types.null);
  if (fields > 10) writer.optional(group);
  writer.close(end);
}

function propertyCount(
  { replyTo, correlationId, contentEncoding, group }: WireMessage,
  { to, expiryTime }: SendExtras,
  { id, contentType }: { readonly id: string | undefined; readonly contentType: string | undefined },
): number {
  if (group !== undefined) return 11;
  if (expiryTime !== undefined) return 9;
  if (contentEncoding !== undefined) return 8;
  if (contentType !== undefined) return 7;
  if (correlationId !== undefined) return 6;
  if (replyTo !== undefined) return 5;
  if (to !== undefined) return 3;
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

function textLength({ contentType = '', contentEncoding = '', correlationId = '', replyTo = '', group = '' }: WireMessage): number {
  return contentType.length + contentEncoding.length + correlationId.length + replyTo.length + group.length;
}

function estimate(message: WireMessage, { to = '' }: SendExtras): number {
  const body = typeof message.body === 'string' ? message.body.length * 3 : message.body.length;
  let size = 512 + body + 3 * (textLength(message) + to.length);
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

  time(value: number | undefined): void {
    if (value === undefined) this.bytes(types.null);
    else this.integer(types.timestamp, value);
  }

  integer(type: number, value: number): void {
    this.#need(9);
    this.#buffer[this.#at] = type;
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
