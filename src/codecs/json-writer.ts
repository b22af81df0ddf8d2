import type { EventDescriptor } from '../core/descriptors.js';
import { describe, InvalidEventError, TidingsError, type EventFault } from '../core/errors.js';
import type { ClassTransformation } from './class-transformation.js';
import { PlainCheck } from './plain-check.js';
import { holdsHalfPair, plainFaults, writeFaults } from './write-faults.js';

/** How JSON.stringify begins half of a surrogate pair, and nothing else but a backslash before `ud`. */
const surrogateStart = '\\ud';
const halfPair = /(?:^|[^\\])(?:\\\\)*\\ud/;

const openingBrace = 0x7b;

/**
 * Events as JSON text. What class-transformer was told about a class is respected, where the user has that library. Refuses what JSON would
 * lose without a word.
 */
export class JsonWriter {
  readonly #transformation: ClassTransformation | undefined;
  readonly #check: PlainCheck;

  constructor(transformation: ClassTransformation | undefined) {
    this.#transformation = transformation;
    this.#check = new PlainCheck((target) => transformation?.rules(target));
  }

  /** Throws an InvalidEventError with the path of what cannot be written. */
  write(event: object, descriptor: EventDescriptor): string {
    try {
      const source = this.#check.passes(event) ? event : this.#withCare(event, descriptor);
      const text = JSON.stringify(source);
      if (!isObject(text)) refuse(descriptor, [{ path: '', message: 'is not written as a JSON object' }]);
      if (text.includes(surrogateStart)) this.#refuseHalves(text, source, event, descriptor);
      return text;
    } catch (error) {
      if (TidingsError.is(error)) throw error;
      return this.#explain(error, event, descriptor);
    }
  }

  /** What JSON.stringify has to write: the event, or what class-transformer made of it. */
  #withCare(event: object, descriptor: EventDescriptor): object {
    const { faults, concerned } = writeFaults(event, this.#transformation);
    if (faults.length > 0) refuse(descriptor, faults);
    if (!concerned) return event;
    const plain = this.#transformation?.toPlain(event) as object;
    if (this.#check.passes(plain)) return plain;
    const left = plainFaults(plain);
    return left.length > 0 ? refuse(descriptor, left) : plain;
  }

  /** No UTF-8 can hold them, and receivers would refuse the body. */
  #refuseHalves(text: string, source: object, event: object, descriptor: EventDescriptor): void {
    if (!halfPair.test(text)) return;
    const faults = source === event ? writeFaults(event, this.#transformation).faults : plainFaults(source);
    refuse(descriptor, faults.length > 0 ? faults : [{ path: '', message: holdsHalfPair }]);
  }

  /** Something threw while the event was read: a getter, a toJSON(), a @Transform. */
  #explain(error: unknown, event: object | null | undefined, descriptor: EventDescriptor): never {
    if (event === null || event === undefined) refuse(descriptor, [{ path: '', message: `is ${String(event)}, not an object` }]);
    const { faults } = writeFaults(event, this.#transformation);
    refuse(descriptor, faults.length > 0 ? faults : [{ path: '', message: `cannot be written: ${describe(error)}` }], { cause: error });
  }
}

/** JSON.stringify returns undefined for what JSON has no word for. */
function isObject(text: string | undefined): text is string {
  return text?.charCodeAt(0) === openingBrace;
}

function refuse(descriptor: EventDescriptor, faults: readonly EventFault[], options: ErrorOptions = {}): never {
  throw new InvalidEventError(descriptor.name, faults, options);
}
