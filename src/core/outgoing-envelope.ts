import type { Checked, Codec } from './codec.js';
import type { ContentMode, EventDescriptor } from './descriptors.js';
import { jsonContentType, type Envelope } from './envelope.js';
import { TidingsError } from './errors.js';
import { attributePrefix, checkedHeader, wire } from './headers.js';
import { isoTime } from './iso-time.js';
import { packed, type Packing } from './packing.js';
import type { WireMessage, Writable } from './provider.js';
import { structuredContentType, writeStructured } from './structured-mode.js';
import { dataSchemaOf, versionOf } from './versions.js';

export interface Attributes {
  readonly id: string;
  readonly tidingsId: string;
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly correlationId: string;
  readonly causationId: string | undefined;
  readonly subject: string | undefined;
  readonly priority: number | undefined;
  readonly route: Carriage | undefined;
}

/** What a request or an answer carries besides. */
export interface Carriage {
  readonly replyTo?: string;
  readonly correlationId?: string;
  readonly durable?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What all events that leave have in common. */
export interface Leaving {
  readonly maxBodyBytes: number;
  /** Absent: bodies are not packed. */
  readonly packing: Packing | undefined;
  /** Of events that do not say their own. */
  readonly contentMode: ContentMode;
  /** Whether the provider keeps events of a key together; without it a key only says what an event is about. */
  readonly grouped: boolean;
}

const encoder = new TextEncoder();
const none: ReadonlyMap<string, string> = new Map();
/** At most, for each unit of a string. */
const bytesInUtf8 = 3;

/** An event on its way out. */
export class OutgoingEnvelope implements Envelope, Checked {
  readonly event: object;
  readonly descriptor: EventDescriptor;
  readonly #attributes: Attributes;
  readonly #codec: Codec;
  /** Those of the user, once there are some. */
  #headers: Map<string, string> | undefined;
  #time: Date | undefined;
  #contentType: string;
  #encoded: string | Uint8Array | undefined;
  /** Set by a pipeline. */
  #replaced: string | Uint8Array | undefined;

  constructor(event: object, descriptor: EventDescriptor, attributes: Attributes, codec: Codec) {
    this.event = event;
    this.descriptor = descriptor;
    this.#attributes = attributes;
    this.#codec = codec;
    this.#contentType = codec.contentType(descriptor);
  }

  get id(): string {
    return this.#attributes.id;
  }

  get type(): string {
    return this.descriptor.name;
  }

  get source(): string {
    return this.#attributes.source;
  }

  get time(): Date {
    return (this.#time ??= new Date(this.#attributes.at));
  }

  get correlationId(): string {
    return this.#attributes.correlationId;
  }

  get causationId(): string | undefined {
    return this.#attributes.causationId;
  }

  get subject(): string | undefined {
    return this.#attributes.subject;
  }

  get version(): number {
    return versionOf(this.descriptor);
  }

  get contentType(): string {
    return this.#contentType;
  }

  get body(): Uint8Array {
    const encoded = this.#replaced ?? this.#encode();
    return typeof encoded === 'string' ? encoder.encode(encoded) : encoded;
  }

  setBody(body: Uint8Array, contentType = this.#contentType): this {
    this.#replaced = body;
    this.#contentType = contentType;
    return this;
  }

  extension(name: string): string | undefined {
    return this.#wireHeaders().get(attributePrefix + name);
  }

  get(name: string): string | undefined {
    return this.#headers?.get(name);
  }

  set(name: string, value: string): this {
    const checked = checkedHeader(name, value);
    (this.#headers ??= new Map()).set(name, checked);
    return this;
  }

  has(name: string): boolean {
    return this.#headers?.has(name) === true;
  }

  delete(name: string): boolean {
    return this.#headers?.delete(name) === true;
  }

  headers(): IterableIterator<[string, string]> {
    return (this.#headers ?? none).entries();
  }

  wireForm(): object {
    return this.#codec.read(this.#encode(), this.#codec.contentType(this.descriptor), this.descriptor);
  }

  /**
   * The message as it travels. Throws 'too-large' above `maxBodyBytes` and what the codec throws. `expiresAt`: milliseconds since the
   * epoch, after which it shall not be handled.
   */
  toWire({ maxBodyBytes, packing, contentMode, grouped }: Leaving, expiresAt?: number): WireMessage {
    const { subject, priority, route, correlationId } = this.#attributes;
    const headers = this.#wireHeaders();
    if (expiresAt !== undefined) headers.set(wire.expiresAt, new Date(expiresAt).toISOString());
    for (const name in route?.headers) headers.set(name, route.headers[name] as string);
    const data = this.#replaced ?? this.#encode();
    // Whoever transmits it keeps it until it is confirmed. Two of a large body would be dear.
    this.#encoded = undefined;
    const structured = (this.descriptor.options.contentMode ?? contentMode) === 'structured';
    const body = structured ? writeStructured(headers, data, this.#contentType) : data;
    const contentType = structured ? structuredContentType : this.#contentType;
    if (body.length * bytesInUtf8 > maxBodyBytes) this.#refuseOversize(body, maxBodyBytes);
    const json = contentType === jsonContentType;
    const smaller = packing === undefined ? undefined : packed(body, packing);
    if (smaller !== undefined) headers.set(wire.contentEncoding, packing?.encoding as string);
    if (!json) headers.set(wire.contentType, contentType);
    const durable = route?.durable ?? this.descriptor.options.durable ?? true;
    const message = new OutgoingMessage(smaller ?? body, headers, durable);
    message.correlationId = route?.correlationId ?? correlationId;
    if (subject !== undefined && grouped) message.group = subject;
    if (priority !== undefined) message.priority = priority;
    if (route?.replyTo !== undefined) message.replyTo = route.replyTo;
    if (!json || smaller !== undefined) message.contentType = contentType;
    if (smaller !== undefined) message.contentEncoding = packing?.encoding as string;
    return message;
  }

  #refuseOversize(body: string | Uint8Array, maxBodyBytes: number): void {
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
    if (bytes > maxBodyBytes)
      throw new TidingsError(
        'too-large',
        `${this.type} has a body of ${String(bytes)} bytes, the limit maxBodyBytes is ${String(maxBodyBytes)}: send a reference instead, or raise it on both sides`,
      );
  }

  #encode(): string | Uint8Array {
    return (this.#encoded ??= this.#codec.encode(this.event, this.descriptor));
  }

  /** The user's, the attributes, and who it is. */
  #wireHeaders(): Map<string, string> {
    const { id, tidingsId, source, at, correlationId, causationId, subject } = this.#attributes;
    const { version } = this.descriptor.options;
    const headers = this.#headers === undefined ? new Map<string, string>() : new Map(this.#headers);
    headers.set(wire.id, id);
    headers.set(wire.source, source);
    headers.set(wire.type, this.type);
    headers.set(wire.time, isoTime(at));
    headers.set(wire.specversion, '1.0');
    headers.set(wire.correlationId, correlationId);
    if (causationId !== undefined) headers.set(wire.causationId, causationId);
    if (subject !== undefined) headers.set(wire.subject, subject);
    if (version !== undefined) {
      headers.set(wire.version, String(version));
      headers.set(wire.dataSchema, dataSchemaOf(this.type, version));
    }
    if (this.#headers !== undefined) setTrace(headers, this.#headers);
    headers.set(wire.tidingsId, tidingsId);
    return headers;
  }
}

class OutgoingMessage implements Writable<WireMessage> {
  body: string | Uint8Array;
  headers: ReadonlyMap<string, string>;
  durable: boolean;
  declare correlationId?: string;
  declare group?: string;
  declare priority?: number;
  declare replyTo?: string;
  declare contentType?: string;
  declare contentEncoding?: string;

  constructor(body: string | Uint8Array, headers: ReadonlyMap<string, string>, durable: boolean) {
    this.body = body;
    this.headers = headers;
    this.durable = durable;
  }
}

function setTrace(headers: Map<string, string>, users: ReadonlyMap<string, string>): void {
  const traceparent = users.get('traceparent');
  if (traceparent === undefined || traceparent === '') return;
  headers.set(wire.traceparent, traceparent);
  const tracestate = users.get('tracestate');
  if (tracestate !== undefined && tracestate !== '') headers.set(wire.tracestate, tracestate);
}
