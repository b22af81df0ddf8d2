import type { BodyCodec, Codec } from '../core/codec.js';
import type { EventDescriptor } from '../core/descriptors.js';
import { jsonContentType } from '../core/envelope.js';
import { ConfigurationError, describe, InvalidEventError } from '../core/errors.js';
import { BodyCodecs } from './body-codecs.js';
import { ClassTransformation } from './class-transformation.js';
import { refuseForeignType } from './content-type.js';
import { InstanceMaker } from './instance-maker.js';
import { readJsonObject, safeObject } from './json-reading.js';
import { JsonWriter } from './json-writer.js';
import type { KnownFields } from './known-fields.js';
import { undecodable } from './undecodable.js';

export interface EventCodecOptions {
  /**
   * The fields that validation names for a class. Where it names some, received fields that neither it nor class-transformer knows are
   * dropped.
   * @default all fields are taken
   */
  knownFields?: KnownFields | undefined;
  /** Formats of bodies beside JSON. */
  codecs?: readonly BodyCodec[] | undefined;
  /**
   * Of the format that is written, where the event does not say its own.
   * @default JSON
   */
  contentType?: string | undefined;
}

/**
 * Events as bodies of messages: JSON text by itself, other formats through their codecs. Refuses on sending what JSON would lose without a
 * word, whatever the format, and on receipt what is hostile.
 */
export class EventCodec implements Codec {
  readonly #bodies: BodyCodecs;
  readonly #contentType: string;
  readonly #writer: JsonWriter;
  readonly #maker: InstanceMaker;
  /** Of events with a schema, which says by itself how they look as JSON: nothing else is asked. */
  readonly #plainWriter = new JsonWriter(undefined);
  readonly #plainMaker = new InstanceMaker(undefined, () => undefined);

  private constructor(transformation: ClassTransformation | undefined, options: EventCodecOptions) {
    this.#bodies = new BodyCodecs(options.codecs ?? []);
    this.#contentType = options.contentType ?? jsonContentType;
    this.#writer = new JsonWriter(transformation);
    this.#maker = new InstanceMaker(transformation, options.knownFields ?? (() => undefined));
  }

  static async create(options: EventCodecOptions = {}): Promise<EventCodec> {
    return new EventCodec(await ClassTransformation.load(), options);
  }

  contentType({ name, options }: EventDescriptor): string {
    const type = options.contentType ?? this.#contentType;
    // Found at start for what is listened to; events that are only sent are in no catalog.
    const mistake = type === jsonContentType ? undefined : this.#bodies.mistake(type);
    if (mistake !== undefined) throw new ConfigurationError(`${name} cannot be sent`, [mistake]);
    return type;
  }

  encode(event: object, descriptor: EventDescriptor): string | Uint8Array {
    const writer = descriptor.options.schema === undefined ? this.#writer : this.#plainWriter;
    const text = writer.write(event, descriptor);
    const codec = this.#bodies.find(this.contentType(descriptor));
    // Whatever the format, it holds what JSON would: an event is the same to all its receivers.
    return codec === undefined ? text : encoded(codec, JSON.parse(text) as object, descriptor);
  }

  read(body: string | Uint8Array, contentType: string | undefined, descriptor: EventDescriptor): object {
    const codec = this.#bodies.find(contentType);
    if (codec !== undefined) return safeObject(decoded(codec, body, descriptor), descriptor);
    refuseForeignType(contentType, descriptor);
    return readJsonObject(body, descriptor);
  }

  make(fields: object, descriptor: EventDescriptor): object {
    if (descriptor.options.schema === undefined) return this.#maker.make(fields as Record<string, unknown>, descriptor);
    refuseNoFields(fields, descriptor);
    if (descriptor.kind === 'definition' || fields instanceof descriptor.target) return fields;
    return this.#plainMaker.make(fields as Record<string, unknown>, descriptor);
  }

  /** Fields that instances of the class have and that are not taken when received: probably a decorator was forgotten. */
  dropped(descriptor: EventDescriptor): string[] {
    return descriptor.options.schema === undefined ? this.#maker.dropped(descriptor) : [];
  }
}

/** A schema may make anything of what was received. */
function refuseNoFields(output: unknown, descriptor: EventDescriptor): void {
  const kind = Array.isArray(output) ? 'array' : output === null ? 'null' : typeof output;
  if (kind !== 'object')
    throw undecodable(descriptor, `its schema made ${kind === 'null' ? 'null' : `a value of type ${kind}`} of it, not an object`);
}

function encoded(codec: BodyCodec, fields: object, { name }: EventDescriptor): string | Uint8Array {
  const format = codec.contentTypes[0];
  let body: unknown;
  try {
    body = codec.encode(fields);
  } catch (error) {
    throw new InvalidEventError(name, [{ path: '', message: `cannot be written as ${format}: ${describe(error)}` }], { cause: error });
  }
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  throw new InvalidEventError(name, [{ path: '', message: `cannot be written: the codec of ${format} gave neither text nor bytes` }]);
}

function decoded(codec: BodyCodec, body: string | Uint8Array, descriptor: EventDescriptor): unknown {
  try {
    return codec.decode(body);
  } catch {
    // Not as the cause: messages of decoders may quote the body.
    throw undecodable(descriptor, `its body is not valid ${codec.contentTypes[0]}`);
  }
}
