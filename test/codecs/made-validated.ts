import {
  Allow,
  ArrayMinSize,
  ArrayNotEmpty,
  ArrayUnique,
  Contains,
  IsArray,
  IsBoolean,
  IsDate,
  IsDefined,
  IsEmail,
  IsIn,
  IsInt,
  IsISO8601,
  IsNotEmpty,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  Min,
  MinDate,
  registerDecorator,
  Validate,
  ValidateIf,
  ValidateNested,
  ValidatePromise,
  ValidatorConstraint,
  type ValidationArguments,
  type ValidationOptions,
  type ValidatorConstraintInterface,
} from 'class-validator';

type Random = () => number;
type Target = new () => Record<string, unknown>;

/** A class with random rules, and values for it. */
export interface MadeClass {
  readonly target: Target;
  readonly fields: ReadonlyMap<string, (random: Random) => unknown>;
  /** Classes inside one another, itself included. */
  readonly depth: number;
}

/** Values that keep the rules, and the rules; any of them may stand together. */
interface Kind {
  readonly value: (random: Random) => unknown;
  readonly rules: readonly ((options?: ValidationOptions) => PropertyDecorator)[];
}

@ValidatorConstraint({ name: 'quiet' })
class Quiet implements ValidatorConstraintInterface {
  validate(value: unknown, { object, property, constraints }: ValidationArguments): boolean {
    if (value === 'boom') throw new Error(`${property} of ${object.constructor.name} went off`);
    return value !== 'loud' && (constraints as unknown[] | undefined)?.includes(value) !== true;
  }
  defaultMessage({ targetName, value }: ValidationArguments): string {
    return `$property of ${targetName} is ${typeof value}`;
  }
}

@ValidatorConstraint({ async: true })
class Later implements ValidatorConstraintInterface {
  async validate(value: unknown): Promise<boolean> {
    await Promise.resolve();
    return value !== 'loud' && value !== 13;
  }
}

/** Not known to the library: never asked. */
class Unregistered implements ValidatorConstraintInterface {
  validate(): boolean {
    return false;
  }
}

/** A rule given as an object, which answers at once, with what counts as an answer, with a promise, or with something that is like one. */
function given(how: 'now' | 'oddly' | 'promise' | 'thenable', options?: ValidationOptions): PropertyDecorator {
  return (target, propertyName) => {
    const validate = (value: unknown, { constraints }: ValidationArguments): boolean | Promise<boolean> => {
      const kept = !(constraints as unknown[]).includes(value);
      if (how === 'now') return kept;
      if (how === 'oddly') return (kept ? 'yes' : 0) as unknown as boolean;
      if (how === 'promise') return Promise.resolve(kept);
      return { then: (tell: (answer: boolean) => unknown) => Promise.resolve(tell(kept)) } as unknown as Promise<boolean>;
    };
    const place = { target: target.constructor, propertyName: propertyName as string, constraints: ['loud', 13, null] };
    registerDecorator({ ...place, name: `given-${how}`, async: how === 'promise', ...(options && { options }), validator: { validate } });
  };
}

const customs: Kind['rules'] = [
  (options) => Validate(Quiet, options),
  (options) => Validate(Quiet, ['loud', 13], options),
  (options) => Validate(Later, options),
  (options) => Validate(Unregistered, options),
  (options) => given('now', options),
  (options) => given('oddly', options),
  (options) => given('promise', options),
  (options) => given('thenable', options),
  (options) => IsDefined(options),
  (options) => Allow(options),
];

const kinds: readonly Kind[] = [
  {
    value: (random) => `a${String(Math.floor(random() * 1e6))}`,
    rules: [
      IsString,
      IsNotEmpty,
      (o) => Length(2, 20, o),
      (o) => Matches(/^a\d+$/, o),
      (o) => Contains('a', o),
      (o) => Matches('^A', 'i', o),
    ],
  },
  { value: () => '7f3c9c1e-7b1a-4000-8000-000000000001', rules: [(o) => IsUUID(undefined, o), (o) => IsUUID('4', o), IsString] },
  { value: (random) => `a${String(Math.floor(random() * 9))}@example.org`, rules: [(o) => IsEmail({ require_tld: true }, o), IsString] },
  { value: (random) => Math.ceil(random() * 99), rules: [IsInt, IsPositive, (o) => Min(1, o), (o) => Max(100, o)] },
  { value: (random) => Math.ceil(random() * 99) / 4, rules: [(o) => IsNumber({ maxDecimalPlaces: 2 }, o), (o) => Min(0, o)] },
  { value: () => NaN, rules: [(o) => IsNumber({ allowNaN: true }, o)] },
  { value: (random) => random() < 0.5, rules: [IsBoolean, (o) => IsIn([true, false], o)] },
  { value: () => new Date(1e12), rules: [IsDate, (o) => MinDate(new Date(0), o), (o) => MinDate(() => new Date(1), o)] },
  { value: () => '2020-01-01T00:00:00Z', rules: [(o) => IsISO8601({ strict: true }, o), IsString] },
  { value: (random) => [1, 'b', random()], rules: [IsArray, (o) => ArrayUnique(undefined, o), (o) => ArrayMinSize(2, o), ArrayNotEmpty] },
  { value: () => 1, rules: [IsDefined, Allow] },
  { value: () => ({ a: 1 }), rules: [(o) => IsObject(o), IsNotEmpty] },
];

const junk: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => '',
  () => 'loud',
  () => 'boom',
  () => 'boom',
  () => 'boom',
  () => 13,
  () => -1.5,
  () => Infinity,
  () => true,
  () => new Date(NaN),
  () => [],
  () => [undefined, null, 'loud'],
  () => ({}),
  () => Object.create(null) as object,
  () => ({ constructor: 'a' }),
  () => () => 1,
  () => Symbol('a'),
  () => new Map<unknown, unknown>([[1, 'loud']]),
  () => new Map<unknown, unknown>([[{}, new Date()]]),
  () => new Set([13]),
  // eslint-disable-next-line no-sparse-arrays -- holes are what is tried
  () => [, 'a', ,],
  () => Promise.resolve('loud'),
  () => new (class Bare {})(),
];

const oddNames = ['0', '12', 'a-b', 'with blank', 'ö', 'length', 'name'];

export function pick<T>(from: readonly T[], random: Random): T {
  return from[Math.floor(random() * from.length)] as T;
}

/** `others`: classes made before, for what is nested and for bases. */
export function madeClass(number: number, others: readonly MadeClass[], random: Random): MadeClass {
  const base = others.length > 0 && random() < 0.25 ? pick(others, random) : undefined;
  const target = { [`Made${String(number)}`]: class extends (base?.target ?? Object) {} }[`Made${String(number)}`] as unknown as Target;
  const fields = new Map(base?.fields);
  const inner = pick(others.length === 0 ? [undefined] : others, random);
  const count = 1 + Math.floor(random() * 5);
  for (let index = 0; index < count; index++) {
    const inherited = base !== undefined && random() < 0.3 ? pick([...base.fields.keys()], random) : undefined;
    const field = inherited ?? (random() < 0.1 ? pick(oddNames, random) : `f${String(index)}`);
    const value = ruled(target, field, inner, random);
    fields.set(field, value);
    // Rules on what is computed.
    if (random() < 0.05) computed(target, field, value(random));
  }
  return { target, fields, depth: Math.max(base?.depth ?? 1, 1 + (inner?.depth ?? 0)) };
}

function computed(target: Target, field: string, value: unknown): void {
  // A generated class may come to the same field twice.
  Object.defineProperty(target.prototype, field, { get: () => value, set: () => undefined, configurable: true });
}

function ruled(target: Target, field: string, inner: MadeClass | undefined, random: Random): (random: Random) => unknown {
  const apply = (decorator: PropertyDecorator) => {
    decorator(target.prototype as object, field);
  };
  if (random() < 0.15) apply(IsOptional());
  if (random() < 0.1) apply(ValidateIf((object: Record<string, unknown>, value) => value !== 'boom' && object['f0'] !== null));
  if (random() < 0.08) apply(ValidatePromise());
  if (random() < 0.3) apply(pick(customs, random)(options(random)));
  if (inner !== undefined && random() < 0.3) return nested(apply, inner, random);
  const kind = pick(kinds, random);
  const each = random() < 0.25;
  for (let index = 0; index <= random() * 3; index++) apply(pick(kind.rules, random)({ ...options(random), each }));
  return each ? (more) => collected(() => kind.value(more), more) : kind.value;
}

function nested(apply: (decorator: PropertyDecorator) => void, { target, fields }: MadeClass, random: Random) {
  apply(ValidateNested(options(random)));
  if (random() < 0.2) apply(ValidateNested({ each: true, message: 'again' }));
  const make = (more: Random) => filled(target, fields, more, 0.01);
  return (more: Random) => (more() < 0.5 ? make(more) : collected(() => (more() < 0.1 ? [make(more)] : make(more)), more));
}

function collected(value: () => unknown, random: Random): unknown {
  const values = Array.from({ length: Math.floor(random() * 4) }, value);
  if (random() < 0.6) return values;
  return random() < 0.5 ? new Set(values) : new Map(values.map((one, index) => [index % 2 === 0 ? index : `k${String(index)}`, one]));
}

function options(random: Random): ValidationOptions {
  return {
    ...(random() < 0.1 && { groups: ['some'] }),
    ...(random() < 0.1 && { always: random() < 0.5 }),
    ...(random() < 0.1 && { message: '$value is wrong in $target.$property, $constraint1' }),
    ...(random() < 0.1 && { message: (args: ValidationArguments) => `${args.property} ${typeof args.value} ${String(args.constraints)}` }),
    ...(random() < 0.1 && { context: { told: true } }),
    ...(random() < 0.1 && { validateIf: (_object: unknown, value: unknown) => value !== 13 }),
  };
}

function filled(target: Target, fields: MadeClass['fields'], random: Random, wrong: number): Record<string, unknown> {
  const made = new target();
  for (const [field, value] of fields) {
    const given = random() < wrong ? pick(junk, random)() : value(random);
    made[field] = random() < 0.003 ? Promise.resolve(given) : given;
  }
  return made;
}

/** An instance, as wrong as `wrong` says: 0 to 1. */
export function madeValue({ target, fields }: MadeClass, random: Random, wrong: number): Record<string, unknown> {
  return filled(target, fields, random, wrong);
}
