import { types } from 'node:util';
import type { Checked } from '../core/codec.js';
import { InvalidEventError, type EventFault } from '../core/errors.js';
import type { ClassTransformation } from './class-transformation.js';
import { pathAlong } from './field-path.js';
import type { KnownFields } from './known-fields.js';
import { classOf } from './redaction.js';

/**
 * Finds fields that the classes of an event do not know: in the event those that its receivers would drop, below it those of objects
 * whose class has rules. Faults of such fields tell no value, as one with a slip in its name may be secret.
 */
export class StrictFields {
  readonly #rules: KnownFields;
  readonly #transformation: ClassTransformation | undefined;
  readonly #known = new WeakMap<object, ReadonlySet<string> | 'all'>();

  constructor(rules: KnownFields, transformation: ClassTransformation | undefined) {
    this.#rules = rules;
    this.#transformation = transformation;
  }

  /** The event is read, or written and read again. */
  faults(checked: Checked): EventFault[] {
    let fields: object;
    try {
      fields = checked.wireForm();
    } catch (error) {
      // What cannot be written is listed with the rest.
      if (error instanceof InvalidEventError) return [...error.faults];
      throw error;
    }
    const { target } = checked.descriptor;
    // Fields may have other names on the wire than in the class, and what is below may be of classes too.
    const made = this.#transformation?.concerns(target) === true ? this.#transformation.hydrate(target, fields) : fields;
    return [...this.#own(made, target, []), ...this.#below(made, [], new Set([made]))];
  }

  #below(holder: object, keys: readonly string[], seen: Set<object>): EventFault[] {
    return entriesOf(holder).flatMap(([key, value]) => {
      if (typeof value !== 'object' || value === null || seen.has(value)) return [];
      seen.add(value);
      const place = [...keys, key];
      return [...this.#own(value, classOf(value), place), ...this.#below(value, place, seen)];
    });
  }

  #own(object: object, target: unknown, keys: readonly string[]): EventFault[] {
    const known = this.#knownOf(target);
    if (known === 'all') return [];
    return entriesOf(object).flatMap(([field, value]) => (value === undefined || known.has(field) ? [] : [notKnown([...keys, field])]));
  }

  #knownOf(target: unknown): ReadonlySet<string> | 'all' {
    if (typeof target !== 'function') return 'all';
    let known = this.#known.get(target);
    if (known === undefined) {
      const validated = this.#rules(target as never);
      const declared = this.#transformation === undefined ? [] : this.#transformation.fields(target);
      known = validated === undefined || declared === undefined ? 'all' : new Set([...validated, ...declared]);
      this.#known.set(target, known);
    }
    return known;
  }
}

function notKnown(keys: readonly string[]): EventFault {
  return { path: pathAlong(keys), message: 'is not known' };
}

function entriesOf(value: object): (readonly [string, unknown])[] {
  if (types.isMap(value)) return Array.from(value, ([key, inner]) => [String(key), inner]);
  if (types.isSet(value)) return Array.from(value, (inner, index) => [String(index), inner]);
  return ArrayBuffer.isView(value) ? [] : Object.entries(value);
}
