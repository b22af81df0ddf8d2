import { randomUUID } from 'node:crypto';
import type { CheckedOnReceipt, Codec } from './codec.js';
import { contentOf, saidContentType, type Content } from './content.js';
import type { EventDescriptor } from './descriptors.js';
import { jsonContentType, type Envelope } from './envelope.js';
import { TidingsError } from './errors.js';
import { attributePrefix, checkedHeader, cloudEventsAttribute, isReservedHeader, traceHeaders, wire } from './headers.js';
import type { WireMessage } from './provider.js';
import { isStructured } from './structured-mode.js';
import type { Upcasters } from './upcasters.js';
import { versionIn, versionOf } from './versions.js';

/** What makes a message one that will never be handled, however often it is tried. */
export type ReceiptFailure = 'undecodable' | 'invalid' | 'too-large' | 'unknown-event' | 'unsupported-version';

/** What the envelopes of one subscription share. */
export interface Opening {
  readonly descriptor: EventDescriptor;
  readonly codec: Codec;
  readonly upcasters: Upcasters;
  readonly maxBodyBytes: number;
  /** Whatever type a message says it is taken: that of a pattern. */
  readonly anyType?: boolean;
}

const encoder = new TextEncoder();

/**
 * An event on its way in. Edits of headers and body live in here only: the message itself, which a retry or the archive copies,
 * stays as it was received.
 */
export class IncomingEnvelope implements Envelope, CheckedOnReceipt {
  readonly message: WireMessage;
  /** Why the event cannot be read, once that was tried and failed. */
  receiptFailure: ReceiptFailure | undefined;
  /** Its run was left to others: what that comes to counts for nothing. */
  abandoned = false;
  readonly #opening: Opening;
  readonly #saidType: string | undefined;
  /** In structured mode the document says what else the headers do. It is opened when somebody asks. */
  readonly #structured: boolean;
  #content: Content | TidingsError | undefined;
  #id: string | undefined;
  /** Set by a pipeline. */
  #body: Uint8Array | undefined;
  #contentType: string | undefined;
  #edited: Map<string, string> | undefined;
  #event: object | undefined;
  #time: Date | undefined;

  constructor(message: WireMessage, opening: Opening) {
    this.message = message;
    this.#opening = opening;
    this.#saidType = saidContentType(message);
    this.#structured = isStructured(this.#saidType);
  }

  get id(): string {
    return (this.#id ??= this.#attribute(wire.id) ?? this.message.headers.get(wire.tidingsId) ?? this.message.nativeId ?? randomUUID());
  }

  get descriptor(): EventDescriptor {
    return this.#opening.descriptor;
  }

  get type(): string {
    return this.saidType ?? this.descriptor.name;
  }

  /** Undefined where the sender said none. */
  get saidType(): string | undefined {
    return this.#attribute(wire.type);
  }

  get source(): string {
    return this.#attribute(wire.source) ?? '';
  }

  /** When the sender said nothing readable: when it was first asked for here. */
  get time(): Date {
    return (this.#time ??= sentTime(this.#attribute(wire.time)));
  }

  get correlationId(): string {
    return this.#attribute(wire.correlationId) ?? this.message.correlationId ?? this.id;
  }

  get causationId(): string | undefined {
    return this.#attribute(wire.causationId);
  }

  get subject(): string | undefined {
    return this.#attribute(wire.subject);
  }

  get version(): number {
    try {
      return versionIn(this.#said(), this.descriptor);
    } catch (error) {
      this.receiptFailure = 'undecodable';
      throw error;
    }
  }

  get contentType(): string {
    return this.#dataType() ?? jsonContentType;
  }

  get event(): object {
    return (this.#event ??= this.#decode());
  }

  get body(): Uint8Array {
    const data = this.#data();
    return typeof data === 'string' ? encoder.encode(data) : data;
  }

  wireForm(): object {
    this.#refuseForeignType();
    const version = this.#understoodVersion();
    const { codec, upcasters, descriptor } = this.#opening;
    const body = this.#data();
    try {
      const fields = codec.read(body, this.#dataType(), descriptor);
      return version < versionOf(descriptor) ? upcasters.up(fields, version, descriptor) : fields;
    } catch (error) {
      this.receiptFailure = 'undecodable';
      throw error;
    }
  }

  take(event: object): void {
    this.#event = event;
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

  extension(name: string): string | undefined {
    return this.#attribute(attributePrefix + name);
  }

  get(name: string): string | undefined {
    if (isReservedHeader(name)) return undefined;
    const found = this.#current().get(name);
    return found === undefined && this.#edited === undefined && traceHeaders.includes(name) ? this.#foreignTrace(name) : found;
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
    if (this.#edited === undefined) yield* this.#foreignTraces();
  }

  #current(): ReadonlyMap<string, string> {
    return this.#edited ?? this.message.headers;
  }

  #editable(): Map<string, string> {
    if (this.#edited === undefined) {
      this.#edited = new Map(this.message.headers);
      for (const [name, value] of this.#foreignTraces()) this.#edited.set(name, value);
    }
    return this.#edited;
  }

  /** The trace context that came as CloudEvents attributes only. Beside a header `traceparent` it is of another span: the two are not mixed. */
  #foreignTrace(name: string): string | undefined {
    return this.message.headers.has('traceparent') ? undefined : this.extension(name);
  }

  *#foreignTraces(): IterableIterator<[string, string]> {
    for (const name of traceHeaders) {
      const value = this.message.headers.has(name) ? undefined : this.#foreignTrace(name);
      if (value !== undefined) yield [name, value];
    }
  }

  #attribute(name: string): string | undefined {
    return cloudEventsAttribute(this.#said(), name);
  }

  /** Everything that the message says of itself. */
  #said(): ReadonlyMap<string, string> {
    const content = this.#structured ? this.#opened() : undefined;
    return content === undefined || content instanceof TidingsError ? this.message.headers : content.headers;
  }

  #dataType(): string | undefined {
    if (this.#contentType !== undefined) return this.#contentType;
    const content = this.#structured ? this.#opened() : undefined;
    // What is wrong with it is told to whoever wants the body.
    if (content instanceof TidingsError) return undefined;
    return content === undefined ? this.#saidType : content.contentType;
  }

  #data(): string | Uint8Array {
    if (this.#body !== undefined) return this.#body;
    const content = this.#opened();
    return content instanceof TidingsError ? this.#refuseFor(content) : content.data;
  }

  /** Once. */
  #opened(): Content | TidingsError {
    return (this.#content ??= contentOf(this.message, this.descriptor.name, this.#opening.maxBodyBytes));
  }

  #decode(): object {
    const fields = this.wireForm();
    try {
      return this.#opening.codec.make(fields, this.descriptor);
    } catch (error) {
      this.receiptFailure = 'undecodable';
      throw error;
    }
  }

  #refuseForeignType(): void {
    const { name, options } = this.descriptor;
    if (this.#opening.anyType === true || this.type === name || options.accepts?.includes(this.type) === true) return;
    this.#refuse(
      'unknown-event',
      `a message of type '${this.type.slice(0, 200)}' stood on the queue of '${name}': send it to its own address, or list its type in accepts of @event('${name}')`,
    );
  }

  /** At most as new as the class, or taken as if it were. */
  #understoodVersion(): number {
    const { name, options } = this.descriptor;
    const { version } = this;
    const known = versionOf(this.descriptor);
    if (version <= known) return version;
    if (options.newerVersions === 'accept') return known;
    return this.#refuse(
      'unsupported-version',
      `a message of ${name} has version ${String(version)}, and this process knows ${String(known)}: bring it up to date and replay the event, or say newerVersions: 'accept'`,
    );
  }

  #refuse(failure: Exclude<ReceiptFailure, 'invalid'>, text: string): never {
    return this.#refuseFor(new TidingsError(failure, text));
  }

  #refuseFor(error: TidingsError): never {
    this.receiptFailure = error.code as ReceiptFailure;
    throw error;
  }
}

function sentTime(said: string | undefined): Date {
  if (said !== undefined) {
    // The Python binding of CloudEvents writes milliseconds since the epoch.
    const time = new Date(/^\d+$/.test(said) ? Number(said) : said);
    if (!Number.isNaN(time.getTime())) return time;
  }
  return new Date();
}
