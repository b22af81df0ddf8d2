import type { ValidationArguments, ValidatorConstraintInterface } from 'class-validator';
import { maxNesting } from './nesting.js';

export type Library = typeof import('class-validator');
type Storage = ReturnType<Library['getMetadataStorage']>;
type Rule = ReturnType<Storage['getTargetValidationMetadatas']>[number];
type Constraint = ReturnType<Storage['getTargetValidatorConstraints']>[number];
type Ask = (value: unknown, args: ValidationArguments) => unknown;
type Condition = (object: object, value: unknown) => unknown;

/** One rule of a property, as class-validator would ask it. */
interface Check {
  readonly constraint: Constraint;
  /** Absent: the container of class-validator is asked for the constraint each time, since it may not be the same each time. */
  readonly ask: Ask | undefined;
  readonly validateIf: Condition | undefined;
  readonly each: boolean;
  readonly constraints: unknown[];
}

interface Property {
  readonly name: string;
  /** Nothing but checks of the value itself, as most have: they are asked without further ado. */
  readonly plain: boolean;
  readonly conditions: readonly Condition[];
  readonly checks: readonly Check[];
  readonly nested: boolean;
  readonly resolvesPromises: boolean;
  readonly plans: ValidationPlans;
  /** Of the object that stood there last: mostly that of the next one too. */
  nestedTarget: unknown;
  nestedPlan: Plan | undefined;
}

interface Plan {
  readonly targetName: string;
  readonly properties: readonly Property[];
}

/** One validation under way. */
export interface Course {
  /** What rules promised. Rejections of those that nobody waits for any more are handled. */
  promised: Promise<unknown>[] | undefined;
  tooDeep: boolean;
  /** An object has nothing in a field named constructor, where the library looks for its class. */
  odd: boolean;
}

/**
 * The rules of class-validator, looked up once for each class. Tells whether an object keeps them as that library would, and nothing more:
 * it stops at the first one that is broken. Groups are not told apart, as in a `validate(object)` without options.
 */
export class ValidationPlans {
  readonly #storage: Storage;
  readonly #wrapper: string;
  readonly #plans = new WeakMap<object, Plan | 'none'>();

  constructor(library: Library) {
    this.#storage = library.getMetadataStorage();
    this.#wrapper = wrapperOf(library, this.#storage);
  }

  /**
   * Whether an object keeps the rules of its class, as far as is known before what was promised is there. `false` is no verdict: the
   * library has the last word. Throws what a rule throws.
   */
  keeps(object: object, course: Course): boolean {
    if (isOdd(object, course)) return false;
    const plan = this.of(object.constructor);
    return plan !== undefined && objectKept(object, plan, 1, course);
  }

  /** Undefined: the class has no rules, or such as the library stumbles over. */
  of(target: unknown): Plan | undefined {
    if (typeof target !== 'function') return undefined;
    let plan = this.#plans.get(target);
    if (plan === undefined) {
      plan = this.#made(target as new () => object) ?? 'none';
      this.#plans.set(target, plan);
    }
    return plan === 'none' ? undefined : plan;
  }

  #made(target: new () => object): Plan | undefined {
    const rules = this.#storage.getTargetValidationMetadatas(target, '', false, false);
    // An object without rules is at fault to the library; the names of what every object has it stumbles over.
    if (rules.length === 0 || rules.some(({ propertyName }) => propertyName in Object.prototype)) return undefined;
    const properties = Object.entries(this.#storage.groupByPropertyName(rules)).map(([name, own]) => this.#propertyOf(name, own));
    return { targetName: target.name, properties };
  }

  #propertyOf(name: string, rules: readonly Rule[]): Property {
    const of = (type: string) => rules.filter((rule) => rule.type === type);
    const conditions = of('conditionalValidation').map(({ constraints }) => constraints[0] as Condition);
    const checks = [...of('isDefined'), ...of('customValidation')].flatMap((rule) => this.#checksOf(rule));
    const [nested, resolvesPromises] = [of('nestedValidation').length > 0, of('promiseValidation').length > 0];
    return {
      name,
      plain: conditions.length === 0 && !nested && !resolvesPromises && checks.every(isPlain),
      conditions,
      checks,
      nested,
      resolvesPromises,
      plans: this,
      nestedTarget: undefined,
      nestedPlan: undefined,
    };
  }

  #checksOf({ constraintCls, validateIf, each, constraints }: Rule): Check[] {
    return this.#storage.getTargetValidatorConstraints(constraintCls).map((constraint) => ({
      constraint,
      ask: textOf(constraintCls) === this.#wrapper ? (constraint.instance as { validate: Ask }).validate : undefined,
      validateIf,
      each: isTrue(each),
      constraints,
    }));
  }
}

function objectKept(object: object, plan: Plan, depth: number, course: Course): boolean {
  // Cycles end here too.
  if (depth > maxNesting) {
    course.tooDeep = true;
    return false;
  }
  for (const property of plan.properties)
    if (!(property.plain ? plainKept(object, property, plan, course) : propertyKept(object, property, plan, depth, course))) return false;
  return true;
}

function plainKept(object: object, { name, checks }: Property, { targetName }: Plan, course: Course): boolean {
  const value = (object as Record<string, unknown>)[name];
  for (const { ask, constraints } of checks as readonly PlainCheck[]) {
    const answer = ask(value, { targetName, property: name, object, value, constraints });
    if (answer !== true && !granted(answer, course)) return false;
  }
  return true;
}

function propertyKept(object: object, property: Property, { targetName }: Plan, depth: number, course: Course): boolean {
  const { name, conditions, checks } = property;
  const value = (object as Record<string, unknown>)[name];
  if (property.resolvesPromises && value instanceof Promise) return false;
  if (conditions.length > 0 && !allowed(object, value, conditions)) return true;
  for (const check of checks) {
    if (check.validateIf !== undefined && !isTrue(check.validateIf(object, value))) continue;
    const args: ValidationArguments = { targetName, property: name, object, value, constraints: check.constraints };
    if (!(check.each && isCollection(value) ? eachKept(check, value, args, course) : kept(check, value, args, course))) return false;
  }
  return !property.nested || value === undefined || nestedKept(value, property, depth, course);
}

function nestedKept(value: unknown, property: Property, depth: number, course: Course): boolean {
  if (Array.isArray(value)) return elementsKept(value, property, depth, course);
  if (value instanceof Set) return elementsKept(Array.from(value), property, depth, course);
  if (value instanceof Map) return entriesKept(value, property, depth, course);
  // What comes from elsewhere or has no prototype is no object to the library either.
  if (!(value instanceof Object)) return false;
  if (isOdd(value, course)) return false;
  const plan = planAt(property, value.constructor);
  return plan !== undefined && objectKept(value, plan, depth + 1, course);
}

function isOdd(object: object, course: Course): boolean {
  if ((object.constructor as unknown) !== null && (object.constructor as unknown) !== undefined) return false;
  course.odd = true;
  return true;
}

function elementsKept(values: readonly unknown[], property: Property, depth: number, course: Course): boolean {
  if (depth >= maxNesting) {
    course.tooDeep = true;
    return false;
  }
  for (const value of values) if (value !== undefined && !nestedKept(value, property, depth + 1, course)) return false;
  return true;
}

function entriesKept(values: ReadonlyMap<unknown, unknown>, property: Property, depth: number, course: Course): boolean {
  // The library makes a text of each key, which not every key allows.
  for (const key of values.keys()) if (typeof key === 'object' || typeof key === 'function' || key === undefined) return false;
  return elementsKept(Array.from(values.values()), property, depth, course);
}

function planAt(property: Property, target: unknown): Plan | undefined {
  if (property.nestedTarget !== target) {
    property.nestedPlan = property.plans.of(target);
    property.nestedTarget = target;
  }
  return property.nestedPlan;
}

/** Nothing but the value itself is asked. */
type PlainCheck = Check & { readonly ask: Ask };

function isPlain({ ask, validateIf, each }: Check): boolean {
  return ask !== undefined && validateIf === undefined && !each;
}

function isTrue(value: unknown): boolean {
  return Boolean(value);
}

/** Every condition is asked, whatever the others say. */
function allowed(object: object, value: unknown, conditions: readonly Condition[]): boolean {
  let all = true;
  for (const condition of conditions) if (!isTrue(condition(object, value))) all = false;
  return all;
}

type Collection = readonly unknown[] | ReadonlySet<unknown> | ReadonlyMap<unknown, unknown>;

function isCollection(value: unknown): value is Collection {
  return Array.isArray(value) || value instanceof Set || value instanceof Map;
}

function kept({ ask, constraint }: Check, value: unknown, args: ValidationArguments, course: Course): boolean {
  return granted(ask === undefined ? constraint.instance.validate(value, args) : ask(value, args), course);
}

/** A promise is taken for a yes until it is there. */
function granted(answer: unknown, course: Course): boolean {
  if (typeof answer !== 'object' || answer === null || typeof (answer as { then?: unknown }).then !== 'function') return isTrue(answer);
  const promise = Promise.resolve(answer);
  // Another rule may be broken, and this one waited for by nobody.
  promise.catch(ignore);
  (course.promised ??= []).push(promise);
  return true;
}

function ignore(): void {
  // Whoever waits for it sees the rejection.
}

function eachKept(check: Check, values: Collection, args: ValidationArguments, course: Course): boolean {
  const elements = Array.isArray(values) ? (values as readonly unknown[]) : Array.from(values.values());
  for (let index = 0; index < elements.length; index++) {
    // The library passes over holes.
    if (index in elements && !kept(check, elements[index], args, course)) return false;
  }
  return true;
}

/** Found once: the library keeps what is asked of it to find out. */
const wrappers = new WeakMap<Storage, string>();

/**
 * The class that class-validator makes around a rule given as an object, as all of its own are: without state and without `this`, so that its
 * function will do. Told by its text, since it has no name of its own.
 */
function wrapperOf(library: Library, storage: Storage): string {
  const known = wrappers.get(storage);
  if (known !== undefined) return known;
  class Probe {}
  library.registerDecorator({ name: 'probe', target: Probe, propertyName: 'probe', validator: { validate: () => true } });
  const text = textOf(storage.getTargetValidationMetadatas(Probe, '', false, false)[0]?.constraintCls);
  wrappers.set(storage, text);
  return text;
}

function textOf(constraintClass: unknown): string {
  const prototype = (constraintClass as { prototype?: Partial<ValidatorConstraintInterface> } | undefined)?.prototype;
  return String(prototype?.validate);
}
