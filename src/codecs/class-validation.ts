import type { Checked } from '../core/codec.js';
import type { EventClass, EventDescriptor } from '../core/descriptors.js';
import { InvalidEventError, type EventFault } from '../core/errors.js';
import { optionalPeer } from '../core/optional-peer.js';
import { ClassTransformation } from './class-transformation.js';
import { maxNesting } from './nesting.js';
import { StrictFields } from './strict-fields.js';
import { validationFaults } from './validation-faults.js';
import { ValidationPlans, type Course, type Library } from './validation-plan.js';

export interface ClassValidationOptions {
  /**
   * Fields that a class with rules does not know are faults.
   * @default false
   */
  strict?: boolean;
}

/**
 * Validation by the decorators of class-validator, where the user has that library; nothing is validated where not. A class without
 * decorators, own or inherited, is not validated. The rules of a class are looked up once.
 */
export class ClassValidation {
  readonly #library: Library | undefined;
  readonly #plans: ValidationPlans | undefined;
  readonly #strict: StrictFields | undefined;
  readonly #fields = new WeakMap<object, ReadonlySet<string>>();

  private constructor(library: Library | undefined, strict: boolean, transformation: ClassTransformation | undefined) {
    this.#library = library;
    this.#plans = library === undefined ? undefined : new ValidationPlans(library);
    this.#strict = strict ? new StrictFields((target) => this.knownFields(target), transformation) : undefined;
  }

  static async create({ strict = false }: ClassValidationOptions = {}): Promise<ClassValidation> {
    const library = await optionalPeer('class-validator', () => import('class-validator'));
    return new ClassValidation(library, strict, strict ? await ClassTransformation.load() : undefined);
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
   * A promise only where a rule gave one, or for an event that seems to be at fault: the library itself then has the last word. Throws or
   * rejects with an InvalidEventError, or with what a rule throws.
   */
  validate(checked: Checked): Promise<void> | undefined {
    const { event, descriptor } = checked;
    // Not the event's own word: a field may be named constructor.
    const target: unknown = (Object.getPrototypeOf(event) as object | null)?.constructor;
    if (this.#plans === undefined || typeof target !== 'function' || this.knownFields(target as EventClass) === undefined) return undefined;
    const course: Course = { promised: undefined, tooDeep: false, odd: false };
    const kept = this.#plans.keeps(event, course);
    if (course.tooDeep || course.odd) throw new InvalidEventError(descriptor.name, [course.tooDeep ? tooDeep : odd]);
    const unknown = this.#strict?.faults(checked) ?? noFaults;
    if (!kept || unknown.length > 0) return this.#explain(event, descriptor, unknown, course.promised);
    return course.promised === undefined ? undefined : this.#awaited(course.promised, event, descriptor);
  }

  async #awaited(promised: readonly Promise<unknown>[], event: object, descriptor: EventDescriptor): Promise<void> {
    const answers = await Promise.all(promised);
    if (!answers.every(Boolean)) await this.#explain(event, descriptor, noFaults);
  }

  async #explain(
    event: object,
    { name }: EventDescriptor,
    unknown: readonly EventFault[],
    promised: readonly Promise<unknown>[] = [],
  ): Promise<void> {
    // What these reject with is the library's answer too; but it forgets them when another rule throws meanwhile, and then nobody would hear.
    await Promise.all(promised);
    const errors = (await this.#library?.validate(event)) ?? [];
    if (errors.length === 0 && unknown.length === 0) return;
    const { faults, moreFaults } = validationFaults(event, errors);
    throw new InvalidEventError(name, [...faults, ...unknown], { moreFaults });
  }
}

const noFaults: readonly EventFault[] = [];
const odd: EventFault = {
  path: '',
  message: "has or holds a field named 'constructor' with nothing in it, where class-validator looks for a class",
};
const tooDeep: EventFault = { path: '', message: `is nested deeper than ${String(maxNesting)} levels` };

function decoratedFields(library: Library, target: EventClass): ReadonlySet<string> {
  const rules = library.getMetadataStorage().getTargetValidationMetadatas(target, '', false, false);
  return new Set(rules.map((rule) => rule.propertyName));
}
