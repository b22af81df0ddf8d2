import { randomUUID } from 'node:crypto';
import type { Codec } from './codec.js';
import type { EventDescriptor } from './descriptors.js';
import { jsonContentType, type Envelope } from './envelope.js';
import { TidingsError } from './errors.js';
import { checkedHeader, cloudEventsAttribute, isReservedHeader, wire } from './headers.js';
import type { WireMessage } from './provider.js';

/** What makes a message one that will never be handled, however often it is tried. */
export type ReceiptFailure = 'undecodable' | 'invalid' | 'too-large' | 'unknown-event';

const encoder = new TextEncoder();

/**
 * An event on its way in. Edits of headers and body live in here only: the message itself, which a retry or the archive copies,
 * stays as it was received.
 */
export class IncomingEnvelope implements Envelope {
  readonly message: WireMessage;
  readonly id: string;
  /** Why the event cannot be read, once that was tried and failed. */
  receiptFailure: ReceiptFailure | undefined;
  /** Its run was left to others: what that comes to counts for nothing. */
  abandoned = false;
  readonly #descriptor: EventDescriptor;
  readonly #codec: Codec;
  readonly #maxBodyBytes: number;
  #body: string | Uint8Array;
  #contentType: string | undefined;
  #edited: Map<string, string> | undefined;
  #event: object | undefined;
  #time: Date | undefined;

  constructor(message: WireMessage, descriptor: EventDescriptor, codec: Codec, maxBodyBytes: number) {
    this.message = message;
    this.#descriptor = descriptor;
    this.#codec = codec;
    this.#maxBodyBytes = maxBodyBytes;
    this.#body = message.body;
    this.#contentType = message.headers.get(wire.contentType) ?? message.contentType;
    this.id = cloudEventsAttribute(message.headers, wire.id) ?? message.headers.get(wire.tidingsId) ?? message.nativeId ?? randomUUID();
  }

  get type(): string {
    return cloudEventsAttribute(this.message.headers, wire.type) ?? this.#descriptor.name;
  }

  get source(): string {
    return cloudEventsAttribute(this.message.headers, wire.source) ?? '';
  }

  /** When the sender said nothing readable: when it was first asked for here. */
  get time(): Date {
    return (this.#time ??= sentTime(this.message));
  }

  get correlationId(): string {
    return cloudEventsAttribute(this.message.headers, wire.correlationId) ?? this.message.correlationId ?? this.id;
  }

  get causationId(): string | undefined {
    return cloudEventsAttribute(this.message.headers, wire.causationId);
  }

  get contentType(): string {
    return this.#contentType ?? jsonContentType;
  }

  get event(): object {
    return (this.#event ??= this.#decode());
  }

  get body(): Uint8Array {
    return typeof this.#body === 'string' ? encoder.encode(this.#body) : this.#body;
  }

  setBody(body: Uint8Array, contentType?: string): this {
    if (this.#event !== undefined) {
      throw new TidingsError(
        'pipeline',
        `setBody() on ${this.type} after its event was read: replace the body before anything reads envelope.event`,
      );
    }
    this.#body = body;
    if (contentType !== undefined) this.#contentType = contentType;
    this.receiptFailure = undefined;
    return this;
  }

  get(name: string): string | undefined {
    return isReservedHeader(name) ? undefined : this.#current().get(name);
  }

  set(name: string, value: string): this {
    const checked = checkedHeader(name, value);
    this.#editable().set(name, checked);
    return this;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  delete(name: string): boolean {
    return this.has(name) && this.#editable().delete(name);
  }

  *headers(): IterableIterator<[string, string]> {
    for (const entry of this.#current()) if (!isReservedHeader(entry[0])) yield entry;
  }

  #current(): ReadonlyMap<string, string> {
    return this.#edited ?? this.message.headers;
  }

  #editable(): Map<string, string> {
    return (this.#edited ??= new Map(this.message.headers));
  }

  #decode(): object {
    this.#refuseForeignType();
    this.#refuseOversize();
    try {
      return this.#codec.decode(this.#body, this.#contentType, this.#descriptor);
    } catch (error) {
      this.receiptFailure = 'undecodable';
      throw error;
    }
  }

  #refuseForeignType(): void {
    const { name, options } = this.#descriptor;
    if (this.type === name || options.accepts?.includes(this.type) === true) return;
    this.receiptFailure = 'unknown-event';
    throw new TidingsError(
      'unknown-event',
      `a message of type '${this.type.slice(0, 200)}' stood on the queue of '${name}': send it to its own address, or list its type in accepts of @event('${name}')`,
    );
  }

  #refuseOversize(): void {
    const bytes = typeof this.#body === 'string' ? Buffer.byteLength(this.#body) : this.#body.byteLength;
    if (bytes <= this.#maxBodyBytes) return;
    this.receiptFailure = 'too-large';
    throw new TidingsError(
      'too-large',
      `a message of ${this.#descriptor.name} has ${String(bytes)} bytes, the limit maxBodyBytes is ${String(this.#maxBodyBytes)}`,
    );
  }
}

function sentTime(message: WireMessage): Date {
  const said = cloudEventsAttribute(message.headers, wire.time);
  if (said !== undefined) {
    // The Python binding of CloudEvents writes milliseconds since the epoch.
    const time = new Date(/^\d+$/.test(said) ? Number(said) : said);
    if (!Number.isNaN(time.getTime())) return time;
  }
  return new Date();
}
