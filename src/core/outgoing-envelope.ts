import type { Codec } from './codec.js';
import type { EventDescriptor } from './descriptors.js';
import { jsonContentType, type Envelope } from './envelope.js';
import { TidingsError } from './errors.js';
import { checkedHeader, wire } from './headers.js';
import type { WireMessage } from './provider.js';

export interface Attributes {
  readonly id: string;
  readonly tidingsId: string;
  readonly source: string;
  readonly time: Date;
  readonly correlationId: string;
  readonly causationId: string | undefined;
}

const encoder = new TextEncoder();

/** An event on its way out. */
export class OutgoingEnvelope implements Envelope {
  readonly event: object;
  readonly descriptor: EventDescriptor;
  readonly #attributes: Attributes;
  readonly #codec: Codec;
  readonly #headers = new Map<string, string>();
  #contentType = jsonContentType;
  #encoded: string | Uint8Array | undefined;

  constructor(event: object, descriptor: EventDescriptor, attributes: Attributes, codec: Codec) {
    this.event = event;
    this.descriptor = descriptor;
    this.#attributes = attributes;
    this.#codec = codec;
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

  get contentType(): string {
    return this.#contentType;
  }

  get body(): Uint8Array {
    const encoded = this.#encode();
    return typeof encoded === 'string' ? encoder.encode(encoded) : encoded;
  }

  setBody(body: Uint8Array, contentType = this.#contentType): this {
    this.#encoded = body;
    this.#contentType = contentType;
    return this;
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

  /** The message as it travels. Throws 'too-large' above `maxBodyBytes` and what the codec throws. */
  toWire(maxBodyBytes: number): WireMessage {
    const body = this.#encode();
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
    if (bytes > maxBodyBytes) {
      throw new TidingsError(
        'too-large',
        `${this.type} has a body of ${String(bytes)} bytes, the limit maxBodyBytes is ${String(maxBodyBytes)}: send a reference instead, or raise it on both sides`,
      );
    }
    const json = this.#contentType === jsonContentType;
    return {
      body,
      headers: this.#wireHeaders(json),
      durable: this.descriptor.options.durable ?? true,
      correlationId: this.#attributes.correlationId,
      ...(json ? undefined : { contentType: this.#contentType }),
    };
  }

  #encode(): string | Uint8Array {
    return (this.#encoded ??= this.#codec.encode(this.event, this.descriptor));
  }

  #wireHeaders(json: boolean): Map<string, string> {
    const { id, tidingsId, source, time, correlationId, causationId } = this.#attributes;
    const headers = new Map(this.#headers);
    headers.set(wire.id, id);
    headers.set(wire.source, source);
    headers.set(wire.type, this.type);
    headers.set(wire.time, time.toISOString());
    headers.set(wire.specversion, '1.0');
    headers.set(wire.correlationId, correlationId);
    if (causationId !== undefined) headers.set(wire.causationId, causationId);
    headers.set(wire.tidingsId, tidingsId);
    if (!json) headers.set(wire.contentType, this.#contentType);
    return headers;
  }
}
