import { types } from 'node:util';
import type { EventClass, EventDescriptor } from '../core/descriptors.js';
import type { ClassTransformation } from './class-transformation.js';
import { pathAlong } from './field-path.js';
import type { KnownFields } from './known-fields.js';
import { undecodable } from './undecodable.js';

type Fields = Record<string, unknown>;

/** What is decided once for each event. A faster way for a class gets its place here. */
interface Plan {
  /** The received fields as the class declares them. */
  readonly hydrate: (plain: Fields) => Fields;
  readonly takes: (field: string) => boolean;
  readonly create: ((fields: Fields) => object) | undefined;
}

/** Makes instances of event classes out of received fields. */
export class InstanceMaker {
  readonly #plans = new WeakMap<EventDescriptor, Plan>();
  readonly #transformation: ClassTransformation | undefined;
  readonly #knownFields: KnownFields;

  constructor(transformation: ClassTransformation | undefined, knownFields: KnownFields) {
    this.#transformation = transformation;
    this.#knownFields = knownFields;
  }

  /** `plain` is consumed. Throws 'undecodable' when the class, or its `create`, does not take the fields. */
  make(plain: Fields, descriptor: EventDescriptor): object {
    const plan = this.#plan(descriptor);
    const fields = plan.hydrate(plain);
    try {
      return plan.create === undefined ? filled(newOf(descriptor.target), fields, plan) : created(plan.create, fields, plan);
    } catch (error) {
      throw undecodable(descriptor, `${descriptor.target.name} could not be made of its fields`, error);
    }
  }

  /** Fields that a new instance has and that would not be received. */
  dropped(descriptor: EventDescriptor): string[] {
    if (descriptor.options.create !== undefined) return [];
    const plan = this.#plan(descriptor);
    const unsettable = unsettableNames(descriptor.target);
    return Object.keys(newOf(descriptor.target)).filter((field) => !unsettable.has(field) && !plan.takes(field));
  }

  #plan(descriptor: EventDescriptor): Plan {
    let plan = this.#plans.get(descriptor);
    if (plan === undefined) {
      const { target, options } = descriptor;
      plan = { hydrate: this.#hydration(descriptor), takes: this.#selection(target), create: options.create };
      this.#plans.set(descriptor, plan);
    }
    return plan;
  }

  #hydration(descriptor: EventDescriptor): Plan['hydrate'] {
    const { target } = descriptor;
    const transformation = this.#transformation;
    if (transformation?.concerns(target) !== true) return (plain) => plain;
    const validated = this.#knownFields(target);
    return (plain) => {
      const fields = hydrated(transformation, plain, descriptor);
      refuseInvalidDates(fields, validated, descriptor);
      return fields;
    };
  }

  #selection(target: EventClass): Plan['takes'] {
    const unsettable = unsettableNames(target);
    const validated = this.#knownFields(target);
    const declared = this.#transformation === undefined ? [] : this.#transformation.fields(target);
    if (validated === undefined || declared === undefined) return (field) => !unsettable.has(field);
    const known = new Set([...validated, ...declared].filter((field) => !unsettable.has(field)));
    return (field) => known.has(field);
  }
}

function newOf(target: EventClass): object {
  return new (target as unknown as new () => object)();
}

function created(create: (fields: Fields) => object, fields: Fields, plan: Plan): object {
  const taken = filled({}, fields, plan);
  const instance = create(taken);
  if (typeof (instance as unknown) !== 'object' || (instance as unknown) === null) throw new TypeError('create() did not return an object');
  // One that froze itself had all that it wants.
  return Object.isFrozen(instance) ? instance : filled(instance, taken, plan);
}

/** What was not received keeps the value that the constructor gave it. */
function filled<T extends object>(instance: T, fields: Fields, plan: Plan): T {
  for (const field of Object.keys(fields)) {
    const value = fields[field];
    if (value !== undefined && plan.takes(field)) (instance as Fields)[field] = value;
  }
  return instance;
}

function hydrated(transformation: ClassTransformation, plain: Fields, descriptor: EventDescriptor): Fields {
  try {
    return transformation.hydrate(descriptor.target, plain) as Fields;
  } catch (error) {
    throw undecodable(descriptor, `class-transformer could not make ${descriptor.target.name} of its fields`, error);
  }
}

/** Names that must not be set, or cannot: methods, accessors without a setter, and what leads to prototypes. */
function unsettableNames(target: EventClass): ReadonlySet<string> {
  const unsettable = new Set(['__proto__', 'constructor', 'prototype']);
  const seen = new Set<string>(unsettable);
  for (let one = target.prototype as object | null; one !== null; one = Object.getPrototypeOf(one) as object | null) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(one))) {
      if (!seen.has(name) && !isSettable(property)) unsettable.add(name);
      seen.add(name);
    }
  }
  return unsettable;
}

function isSettable(property: PropertyDescriptor): boolean {
  if (property.get !== undefined || property.set !== undefined) return property.set !== undefined;
  return property.writable === true && typeof property.value !== 'function';
}

/** Where validation looks at a field, it is the one to speak. */
function refuseInvalidDates(fields: Fields, validated: ReadonlySet<string> | undefined, descriptor: EventDescriptor): void {
  const seen = new Set<object>();
  for (const field of Object.keys(fields)) {
    const keys = validated?.has(field) === true ? undefined : invalidDate(fields[field], seen);
    if (keys !== undefined) throw undecodable(descriptor, `${pathAlong([field, ...keys])} is no date`);
  }
}

/** The keys that lead to an invalid date. `seen`: classes may point back to what holds them. */
function invalidDate(value: unknown, seen: Set<object>): readonly string[] | undefined {
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? [] : undefined;
  seen.add(value);
  for (const key of Object.keys(value)) {
    const keys = invalidDate((value as Fields)[key], seen);
    if (keys !== undefined) return [key, ...keys];
  }
  return undefined;
}
