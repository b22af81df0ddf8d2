import type { Codec } from '../core/codec.js';
import type { EventDescriptor } from '../core/descriptors.js';
import { describe, InvalidEventError, TidingsError, type EventFault } from '../core/errors.js';
import { ClassTransformation } from './class-transformation.js';
import { refuseForeignType } from './content-type.js';
import { InstanceMaker } from './instance-maker.js';
import { readJsonObject } from './json-reading.js';
import type { KnownFields } from './known-fields.js';
import { PlainCheck } from './plain-check.js';
import { plainFaults, writeFaults } from './write-faults.js';

export interface JsonCodecOptions {
  /**
   * The fields that validation names for a class. Where it names some, received fields that neither it nor class-transformer knows are
   * dropped.
   * @default all fields are taken
   */
  knownFields?: KnownFields;
}

/**
 * Events as JSON text. What class-transformer was told about a class is respected, where the user has that library. Refuses on sending
 * what JSON would lose without a word, and on receipt what is hostile.
 */
export class JsonCodec implements Codec {
  readonly #transformation: ClassTransformation | undefined;
  readonly #check: PlainCheck;
  readonly #maker: InstanceMaker;

  private constructor(transformation: ClassTransformation | undefined, knownFields: KnownFields) {
    this.#transformation = transformation;
    this.#check = new PlainCheck((target) => transformation?.concerns(target) === true);
    this.#maker = new InstanceMaker(transformation, knownFields);
  }

  static async create(options: JsonCodecOptions = {}): Promise<JsonCodec> {
    return new JsonCodec(await ClassTransformation.load(), options.knownFields ?? (() => undefined));
  }

  encode(event: object, descriptor: EventDescriptor): string {
    try {
      const text = this.#check.passes(event) ? JSON.stringify(event) : this.#writeWithCare(event, descriptor);
      return isObject(text) ? text : refuse(descriptor, [{ path: '', message: 'is not written as a JSON object' }]);
    } catch (error) {
      if (TidingsError.is(error)) throw error;
      return this.#explain(error, event, descriptor);
    }
  }

  decode(body: string | Uint8Array, contentType: string | undefined, descriptor: EventDescriptor): object {
    refuseForeignType(contentType, descriptor);
    return this.#maker.make(readJsonObject(body, descriptor), descriptor);
  }

  /** Fields that instances of the class have and that are not taken when received: probably a decorator was forgotten. */
  dropped(descriptor: EventDescriptor): string[] {
    return this.#maker.dropped(descriptor);
  }

  #writeWithCare(event: object, descriptor: EventDescriptor): string {
    const { faults, concerned } = writeFaults(event, this.#transformation);
    if (faults.length > 0) refuse(descriptor, faults);
    if (!concerned) return JSON.stringify(event);
    const plain = this.#transformation?.toPlain(event) as object;
    if (this.#check.passes(plain)) return JSON.stringify(plain);
    const left = plainFaults(plain);
    return left.length > 0 ? refuse(descriptor, left) : JSON.stringify(plain);
  }

  /** Something threw while the event was read: a getter, a toJSON(), a @Transform. */
  #explain(error: unknown, event: object, descriptor: EventDescriptor): never {
    const { faults } = writeFaults(event, this.#transformation);
    refuse(descriptor, faults.length > 0 ? faults : [{ path: '', message: `cannot be written: ${describe(error)}` }], { cause: error });
  }
}

/** JSON.stringify returns undefined for what JSON has no word for. */
function isObject(text: string | undefined): boolean {
  return text?.startsWith('{') === true;
}

function refuse(descriptor: EventDescriptor, faults: readonly EventFault[], options: ErrorOptions = {}): never {
  throw new InvalidEventError(descriptor.name, faults, options);
}
