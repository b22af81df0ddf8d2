import type { Socket } from 'node:net';
import { AmqpReader } from './amqp-reader.js';
import { types } from './amqp-types.js';
import { acceptedState } from './rhea-message.js';

/** As rhea shows a transfer, with the fields that it looks at. */
export interface TransferFrame {
  readonly channel: number;
  readonly performative: {
    readonly handle: number;
    readonly delivery_id: number | undefined;
    readonly delivery_tag: Buffer | undefined;
    readonly message_format: number | undefined;
    readonly settled: boolean;
    readonly more: boolean;
    readonly state: undefined;
  };
  readonly payload: Buffer | undefined;
}

/** Likewise the word of a receiver that it has accepted messages. */
export interface AcceptedFrame {
  readonly channel: number;
  readonly performative: {
    readonly role: true;
    readonly first: number;
    readonly last: number | undefined;
    readonly settled: true;
    readonly state: unknown;
  };
}

const transferCode = 0x14;
const dispositionCode = 0x15;
const acceptedCode = 0x24;
/** In words of four bytes: there is no extended header. */
const usualOffset = 2;
const amqpFrame = 0;

/** Reads the two kinds of frames that come for every message, in the form that Artemis writes. */
export class FrameReader extends AmqpReader {
  #channel = 0;

  /** The frame of `size` bytes at `at`; undefined where it is another, or of another form. */
  read(bytes: Buffer, at: number, size: number): TransferFrame | AcceptedFrame | undefined {
    this.begin(bytes, at + 4, at + size);
    if (this.byte() !== usualOffset || this.byte() !== amqpFrame) return undefined;
    this.#channel = (this.byte() << 8) | this.byte();
    const code = this.#descriptor();
    const frame = code === transferCode ? this.#transfer() : code === dispositionCode ? this.#accepted() : undefined;
    this.forget();
    return this.strange ? undefined : frame;
  }

  #descriptor(): number {
    if (this.byte() !== 0 || this.byte() !== types.smallUlong) this.strange = true;
    return this.byte();
  }

  #transfer(): TransferFrame | undefined {
    this.open(types.list8, types.list32);
    const handle = this.uint();
    const delivery_id = this.uint();
    const delivery_tag = this.#binary();
    const message_format = this.uint();
    const [settled, more] = [this.flag(), this.flag()];
    // rcv-settle-mode, state
    this.#absent(2);
    // resume, aborted, batchable
    const [resume, aborted] = [this.flag(), this.flag()];
    this.flag();
    this.close();
    if (handle === undefined || resume || aborted) return undefined;
    const performative = { handle, delivery_id, delivery_tag, message_format, settled, more, state: undefined };
    return { channel: this.#channel, performative, payload: this.at < this.limit ? this.bytes.subarray(this.at, this.limit) : undefined };
  }

  #accepted(): AcceptedFrame | undefined {
    this.open(types.list8, types.list32);
    const role = this.flag();
    const first = this.uint();
    const last = this.uint();
    const settled = this.flag();
    const accepted = this.next() && this.#descriptor() === acceptedCode && this.#emptyList();
    // batchable
    this.flag();
    this.close();
    if (!role || first === undefined || !settled || !accepted || this.at !== this.limit) return undefined;
    return { channel: this.#channel, performative: { role, first, last, settled, state: acceptedState } };
  }

  #binary(): Buffer | undefined {
    if (!this.next()) return undefined;
    const type = this.byte();
    if (type === types.null) return undefined;
    if (type !== types.bin8 && type !== types.bin32) this.strange = true;
    const size = this.size(type);
    const start = this.over(size);
    return this.bytes.subarray(start, start + size);
  }

  #absent(count: number): void {
    for (let i = 0; i < count && this.next(); i++) if (this.byte() !== types.null) this.strange = true;
  }

  #emptyList(): boolean {
    const type = this.byte();
    return type === types.list0 || (type === types.list8 && this.byte() === 1 && this.byte() === 0);
  }
}

/** A message on its way out, in one frame. */
export interface OutgoingTransfer {
  readonly channel: number;
  readonly handle: number;
  readonly id: number;
  readonly tag: Buffer;
  readonly payload: Buffer;
}

/** Frame header, descriptor, list, handle, delivery-id and message-format; the tag comes besides. */
const headSize = 8 + 3 + 3 + 5 + 5 + 2 + 1;
const fields = 4;
/** Larger payloads are handed to the socket as they are; smaller ones are cheaper copied together. */
const largePayload = 8_192;

/** Writes frames one after the other, in as few pieces as pay. */
export function writeTransfers(transfers: readonly OutgoingTransfer[], socket: Pick<Socket, 'write'>): void {
  let size = 0;
  for (const { tag, payload } of transfers) size += headSize + tag.length + (payload.length < largePayload ? payload.length : 0);
  const bytes = Buffer.allocUnsafe(size);
  let from = 0;
  let at = 0;
  for (const transfer of transfers) {
    const { payload } = transfer;
    at = writeHead(bytes, at, transfer);
    if (payload.length < largePayload) {
      bytes.set(payload, at);
      at += payload.length;
      continue;
    }
    socket.write(bytes.subarray(from, at));
    socket.write(payload);
    from = at;
  }
  if (from < at) socket.write(bytes.subarray(from, at));
}

function writeHead(bytes: Buffer, start: number, { channel, handle, id, tag, payload }: OutgoingTransfer): number {
  const list = headSize - 8 - 3 - 2 + tag.length;
  let at = writeStart(bytes, start, headSize + tag.length + payload.length, channel);
  bytes[at++] = transferCode;
  bytes[at++] = types.list8;
  bytes[at++] = list;
  bytes[at++] = fields;
  bytes[at++] = types.uint;
  at = bytes.writeUInt32BE(handle, at);
  bytes[at++] = types.uint;
  at = bytes.writeUInt32BE(id, at);
  bytes[at++] = types.bin8;
  bytes[at++] = tag.length;
  for (const byte of tag) bytes[at++] = byte;
  bytes[at++] = types.uint0;
  return at;
}

/** The frame header, and the begin of the descriptor, whose code comes next. */
function writeStart(bytes: Buffer, start: number, size: number, channel: number): number {
  let at = bytes.writeUInt32BE(size, start);
  bytes[at++] = usualOffset;
  bytes[at++] = amqpFrame;
  bytes[at++] = channel >>> 8;
  bytes[at++] = channel;
  bytes[at++] = 0;
  bytes[at++] = types.smallUlong;
  return at;
}

/** Deliveries of one session that were accepted, from the first to the last. */
export interface Acceptance {
  readonly channel: number;
  readonly first: number;
  readonly last: number;
}

/** Frame header, descriptor, list, role, first, last, settled and state. */
const acceptanceSize = 8 + 3 + 3 + 1 + 5 + 5 + 1 + 4;
const acceptanceFields = 5;

/** As a receiver says it: settled, with the outcome accepted. */
export function writeAccepted(acceptances: readonly Acceptance[]): Buffer {
  const bytes = Buffer.allocUnsafe(acceptances.length * acceptanceSize);
  let at = 0;
  for (const { channel, first, last } of acceptances) {
    at = writeStart(bytes, at, acceptanceSize, channel);
    bytes[at++] = dispositionCode;
    bytes[at++] = types.list8;
    bytes[at++] = acceptanceSize - 8 - 3 - 2;
    bytes[at++] = acceptanceFields;
    bytes[at++] = types.true;
    bytes[at++] = types.uint;
    at = bytes.writeUInt32BE(first, at);
    bytes[at++] = types.uint;
    at = bytes.writeUInt32BE(last, at);
    bytes[at++] = types.true;
    bytes[at++] = 0;
    bytes[at++] = types.smallUlong;
    bytes[at++] = acceptedCode;
    bytes[at++] = types.list0;
  }
  return bytes;
}
