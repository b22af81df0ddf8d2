import { types } from 'node:util';
import type { EventClass, EventDescriptor } from '../core/descriptors.js';
import type { ClassRules, DeclaredType } from './class-rules.js';
import type { ClassTransformation } from './class-transformation.js';
import { pathAlong } from './field-path.js';
import { Hydration } from './hydration.js';
import type { KnownFields } from './known-fields.js';
import { undecodable } from './undecodable.js';

type Fields = Record<string, unknown>;

interface Selection {
  /** The fields that are taken, all of them settable; undefined: all that can be set. */
  readonly taken: ReadonlySet<string> | undefined;
  readonly unsettable: ReadonlySet<string>;
}

/** What is decided once for each event. */
interface Plan extends Selection {
  /** The received fields as the class declares them. */
  readonly hydrate: (plain: Fields) => Fields;
  readonly create: ((fields: Fields) => object) | undefined;
}

/** Makes instances of event classes out of received fields. */
export class InstanceMaker {
  readonly #plans = new WeakMap<EventDescriptor, Plan>();
  readonly #transformation: ClassTransformation | undefined;
  readonly #knownFields: KnownFields;
  readonly #hydration: Hydration | undefined;

  constructor(transformation: ClassTransformation | undefined, knownFields: KnownFields) {
    this.#transformation = transformation;
    this.#knownFields = knownFields;
    this.#hydration = transformation && new Hydration(transformation, knownFields);
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

  /** Fields that a new instance has and that would not be received, those of nested classes included. */
  dropped({ target, options }: EventDescriptor): string[] {
    return options.create === undefined ? this.#droppedIn(target, newOf(target), [], new Set()) : [];
  }

  #droppedIn(target: EventClass, instance: object, path: readonly string[], seen: Set<unknown>): string[] {
    seen.add(target);
    const selection = this.#selection(target);
    const own = Object.keys(instance).filter((field) => !selection.unsettable.has(field) && !takes(selection, field));
    const types = [...(this.#transformation?.rules(target)?.types ?? [])];
    const nested = types.flatMap(([field, type]) => {
      const held = exampleOf(type);
      if (held === undefined || seen.has(held.target)) return [];
      return this.#droppedIn(held.target, held.instance, [...path, field], seen);
    });
    return [...own.map((field) => pathAlong([...path, field])), ...nested];
  }

  #plan(descriptor: EventDescriptor): Plan {
    let plan = this.#plans.get(descriptor);
    if (plan === undefined) {
      const { target, options } = descriptor;
      plan = { hydrate: this.#hydrate(descriptor), ...this.#selection(target), create: options.create };
      this.#plans.set(descriptor, plan);
    }
    return plan;
  }

  #selection(target: EventClass): Selection {
    const known = this.#hydration === undefined ? this.#knownFields(target) : this.#hydration.known(target);
    const unsettable = unsettableNames(target);
    return { taken: known && new Set([...known].filter((field) => !unsettable.has(field))), unsettable };
  }

  #hydrate(descriptor: EventDescriptor): Plan['hydrate'] {
    const { target } = descriptor;
    const rules = this.#transformation?.rules(target);
    const hydration = this.#hydration;
    if (hydration === undefined || rules?.any !== true) return (plain) => plain;
    const validated = this.#knownFields(target);
    return (plain) => {
      const fields = hydrated(hydration, rules, plain, descriptor);
      if (hydration.doubtful) refuseInvalidDates(fields, validated, descriptor);
      return fields;
    };
  }
}

function takes({ taken, unsettable }: Selection, field: string): boolean {
  return taken === undefined ? !unsettable.has(field) : taken.has(field);
}

function newOf(target: EventClass): object {
  return new (target as unknown as new () => object)();
}

/** What a field holds, where that is a class. Undefined too where it throws: what is received is refused then, and the reason said. */
function exampleOf(type: DeclaredType): { target: EventClass; instance: object } | undefined {
  try {
    const { kind } = type;
    return typeof kind === 'string' ? undefined : { target: kind.target, instance: newOf(kind.target) };
  } catch {
    return undefined;
  }
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
  for (const field in fields) {
    const value = fields[field];
    if (value !== undefined && takes(plan, field)) (instance as Fields)[field] = value;
  }
  return instance;
}

function hydrated(hydration: Hydration, rules: ClassRules, plain: Fields, descriptor: EventDescriptor): Fields {
  try {
    return hydration.fields(rules, plain);
  } catch (error) {
    throw undecodable(descriptor, `${descriptor.target.name} could not be made of its fields by what its decorators say`, error);
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
