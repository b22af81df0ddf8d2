import type { Checked, Codec } from './codec.js';
import type { ContentMode, EventDescriptor } from './descriptors.js';
import { jsonContentType, type Envelope } from './envelope.js';
import { TidingsError } from './errors.js';
import { attributePrefix, checkedHeader, wire } from './headers.js';
import { packed, type Packing } from './packing.js';
import type { WireMessage } from './provider.js';
import { structuredContentType, writeStructured } from './structured-mode.js';
import { dataSchemaOf, versionOf } from './versions.js';

export interface Attributes {
  readonly id: string;
  readonly tidingsId: string;
  readonly source: string;
  readonly time: Date;
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

/** An event on its way out. */
export class OutgoingEnvelope implements Envelope, Checked {
  readonly event: object;
  readonly descriptor: EventDescriptor;
  readonly #attributes: Attributes;
  readonly #codec: Codec;
  readonly #headers = new Map<string, string>();
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
    return this.#attributes.time;
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
    return this.#headers.get(name);
  }

  set(name: string, value: string): this {
    this.#headers.set(name, checkedHeader(name, value));
    return this;
  }

  has(name: string): boolean {
    return this.#headers.has(name);
  }

  delete(name: string): boolean {
    return this.#headers.delete(name);
  }

  headers(): IterableIterator<[string, string]> {
    return this.#headers.entries();
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
    const structured = (this.descriptor.options.contentMode ?? contentMode) === 'structured';
    const body = structured ? writeStructured(headers, data, this.#contentType) : data;
    const contentType = structured ? structuredContentType : this.#contentType;
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
    if (bytes > maxBodyBytes) {
      throw new TidingsError(
        'too-large',
        `${this.type} has a body of ${String(bytes)} bytes, the limit maxBodyBytes is ${String(maxBodyBytes)}: send a reference instead, or raise it on both sides`,
      );
    }
    const json = contentType === jsonContentType;
    const smaller = packing === undefined ? undefined : packed(body, packing);
    if (smaller !== undefined) headers.set(wire.contentEncoding, packing?.encoding as string);
    if (!json) headers.set(wire.contentType, contentType);
    return {
      body: smaller ?? body,
      headers,
      durable: route?.durable ?? this.descriptor.options.durable ?? true,
      correlationId: route?.correlationId ?? correlationId,
      ...(subject === undefined || !grouped ? undefined : { group: subject }),
      ...(priority === undefined ? undefined : { priority }),
      ...(route?.replyTo === undefined ? undefined : { replyTo: route.replyTo }),
      ...(json && smaller === undefined ? undefined : { contentType }),
      ...(smaller === undefined ? undefined : { contentEncoding: packing?.encoding as string }),
    };
  }

  #encode(): string | Uint8Array {
    return (this.#encoded ??= this.#codec.encode(this.event, this.descriptor));
  }

  /** The user's, the attributes, and who it is. */
  #wireHeaders(): Map<string, string> {
    const { id, tidingsId, source, time, correlationId, causationId, subject } = this.#attributes;
    const { version } = this.descriptor.options;
    const headers = new Map(this.#headers);
    headers.set(wire.id, id);
    headers.set(wire.source, source);
    headers.set(wire.type, this.type);
    headers.set(wire.time, time.toISOString());
    headers.set(wire.specversion, '1.0');
    headers.set(wire.correlationId, correlationId);
    if (causationId !== undefined) headers.set(wire.causationId, causationId);
    if (subject !== undefined) headers.set(wire.subject, subject);
    if (version !== undefined) {
      headers.set(wire.version, String(version));
      headers.set(wire.dataSchema, dataSchemaOf(this.type, version));
    }
    if (this.#headers.size > 0) this.#setTrace(headers);
    headers.set(wire.tidingsId, tidingsId);
    return headers;
  }

  #setTrace(headers: Map<string, string>): void {
    const [traceparent, tracestate] = [this.#headers.get('traceparent'), this.#headers.get('tracestate')];
    if (traceparent === undefined || traceparent === '') return;
    headers.set(wire.traceparent, traceparent);
    if (tracestate !== undefined && tracestate !== '') headers.set(wire.tracestate, tracestate);
  }
}
