import type { ValidationError } from 'class-validator';
import type { Validator } from '../core/codec.js';
import type { EventClass, EventDescriptor } from '../core/descriptors.js';
import { InvalidEventError, type EventFault } from '../core/errors.js';
import { fieldPath } from './field-path.js';
import { optionalPeer } from '../core/optional-peer.js';

type Library = typeof import('class-validator');

/**
 * Validation by the decorators of class-validator, where the user has that library; nothing is validated where not. The only file that
 * knows it. A class without decorators, own or inherited, is not validated.
 */
export class ClassValidation implements Validator {
  readonly #library: Library | undefined;
  readonly #fields = new WeakMap<object, ReadonlySet<string>>();

  private constructor(library: Library | undefined) {
    this.#library = library;
  }

  static async create(): Promise<ClassValidation> {
    return new ClassValidation(await optionalPeer('class-validator', () => import('class-validator')));
  }

  /** The fields that carry a decorator; undefined where none does. Asked once for each class. */
  knownFields(target: EventClass): ReadonlySet<string> | undefined {
    if (this.#library === undefined) return undefined;
    let fields = this.#fields.get(target);
    if (fields === undefined) {
      fields = decoratedFields(this.#library, target);
      this.#fields.set(target, fields);
    }
    return fields.size === 0 ? undefined : fields;
  }

  /**
   * Always a promise where there is something to check: whether a rule is asynchronous is known only when it has run, and the
   * synchronous form of class-validator passes over those. What a rule throws is passed on.
   */
  validate(event: object, descriptor: EventDescriptor): void | Promise<void> {
    // Not the event's own word: a field may be named constructor.
    const target: unknown = (Object.getPrototypeOf(event) as object | null)?.constructor;
    if (this.#library === undefined || typeof target !== 'function' || this.knownFields(target as EventClass) === undefined)
      return undefined;
    return refuseInvalid(this.#library, event, descriptor);
  }
}

function decoratedFields(library: Library, target: EventClass): ReadonlySet<string> {
  const rules = library.getMetadataStorage().getTargetValidationMetadatas(target, '', false, false);
  return new Set(rules.map((rule) => rule.propertyName));
}

async function refuseInvalid(library: Library, event: object, descriptor: EventDescriptor): Promise<void> {
  const errors = await library.validate(event);
  if (errors.length > 0)
    throw new InvalidEventError(
      descriptor.name,
      errors.flatMap((error) => faultsIn(error, '')),
    );
}

function faultsIn(error: ValidationError, parent: string): EventFault[] {
  // Without a property: an object of a class that has no rules.
  const path = (error.property as string | undefined) === undefined ? parent : fieldPath(parent, error.property);
  const own = Object.values(error.constraints ?? {}).map((message) => ({ path, message }));
  return [...own, ...(error.children ?? []).flatMap((child) => faultsIn(child, path))];
}
