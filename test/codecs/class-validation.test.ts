import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import {
  IsInt,
  IsOptional,
  IsPositive,
  IsString,
  IsUUID,
  Validate,
  ValidateNested,
  ValidatorConstraint,
  getMetadataStorage,
  registerDecorator,
  useContainer,
  validate,
  type ValidationArguments,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { ClassValidation } from '../../src/codecs/class-validation.js';
import { InvalidEventError } from '../../src/core/errors.js';
import { stays } from '../../src/testing/wait-until.js';
import { checked } from './fixtures.js';

const validation = await ClassValidation.create();

class Item {
  @IsString() sku = 'a';
  @IsPositive() price: unknown = 1;
}

class Order {
  @IsUUID() id = '7f3c9c1e-7b1a-4000-8000-000000000001';
  @IsInt() @IsPositive() count: unknown = 1;
  @IsOptional() @IsString() note?: unknown;
  @ValidateNested() @Type(() => Item) items: unknown = [new Item(), new Item(), new Item()];
  @ValidateNested() one: unknown = new Item();
}

async function faultsOf(event: object): Promise<unknown[]> {
  try {
    await validation.validate(checked(event, Order));
  } catch (error) {
    return [...(error as InvalidEventError).faults];
  }
  return [];
}

describe('validation by decorators', () => {
  it('lets pass at once what keeps the rules', () => {
    expect(validation.validate(checked(new Order(), Order))).toBeUndefined();
  });

  it('says how to mend a plain object where one with rules belongs', async () => {
    const message = 'is no instance of a class with rules: send one, and say @Type() on the field for those that are received';
    const fault = { message, expected: 'unknownValue', received: 'an object' };
    expect(await faultsOf(Object.assign(new Order(), { items: [{ sku: 'a', price: 1 }], one: {} }))).toEqual([
      { path: 'items[0]', ...fault },
      { path: 'one', ...fault },
    ]);
  });

  it('says nothing, and at once, of a class without rules', () => {
    class Free {
      anything = 1;
    }
    expect(validation.validate(checked(new Free(), Free))).toBeUndefined();
    expect(validation.validate(checked(Object.create(null) as object, Free))).toBeUndefined();
    expect(validation.knownFields(Free)).toBeUndefined();
  });

  it('counts the rules of base classes', async () => {
    class Derived extends Order {}
    const event = Object.assign(new Derived(), { id: 'x' });
    await expect(faultsOf(event)).resolves.toEqual([{ path: 'id', message: 'id must be a UUID', expected: 'isUuid', received: '"x"' }]);
    expect([...(validation.knownFields(Derived) ?? [])].sort()).toEqual(['count', 'id', 'items', 'note', 'one']);
  });

  it('lists every fault with its path, in nested objects and arrays too', async () => {
    const event = new Order();
    event.count = 'x';
    event.items = [new Item(), new Item(), Object.assign(new Item(), { price: -1 })];
    event.one = Object.assign(new Item(), { sku: 1, price: 0 });
    await expect(faultsOf(event)).resolves.toEqual([
      { path: 'count', message: 'count must be a positive number', expected: 'isPositive', received: '"x"' },
      { path: 'count', message: 'count must be an integer number', expected: 'isInt', received: '"x"' },
      { path: 'items[2].price', message: 'price must be a positive number', expected: 'isPositive', received: '-1' },
      { path: 'one.sku', message: 'sku must be a string', expected: 'isString', received: '1' },
      { path: 'one.price', message: 'price must be a positive number', expected: 'isPositive', received: '0' },
    ]);
  });

  it('names the path of a nested object that is of no class with rules', async () => {
    const event = new Order();
    event.items = [new Item(), { sku: 'a' }];
    event.one = 'text';
    await expect(faultsOf(event)).resolves.toMatchObject([{ path: 'items[1]' }, { path: 'one' }]);
  });

  it('rejects with an InvalidEventError that names the event, the fields, what is wrong and what was there', async () => {
    const event = Object.assign(new Order(), { id: undefined, note: 5 });
    const error: unknown = await Promise.resolve(validation.validate(checked(event, Order))).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidEventError);
    expect((error as Error).message).toBe(
      'order.placed is invalid: id: id must be a UUID (received nothing); note: note must be a string (received 5)',
    );
  });

  it('waits for asynchronous rules, said to be so or not', async () => {
    @ValidatorConstraint({ name: 'taken' })
    class Taken implements ValidatorConstraintInterface {
      async validate(value: unknown): Promise<boolean> {
        await Promise.resolve();
        return value !== 'taken';
      }
      defaultMessage(): string {
        return 'is taken';
      }
    }
    class Account {
      @Validate(Taken) name = 'taken';
      declared = 'taken';
    }
    registerDecorator({
      target: Account,
      propertyName: 'declared',
      name: 'free',
      async: true,
      options: { message: 'is taken too' },
      validator: new Taken(),
    });
    await expect(faultsOf(new Account())).resolves.toEqual([
      { path: 'name', message: 'is taken', expected: 'taken', received: '"taken"' },
      { path: 'declared', message: 'is taken too', expected: 'free', received: '"taken"' },
    ]);
    await expect(faultsOf(Object.assign(new Account(), { name: 'a', declared: 'b' }))).resolves.toEqual([]);
  });

  it('passes on what a rule throws', () => {
    @ValidatorConstraint({ name: 'broken' })
    class Broken implements ValidatorConstraintInterface {
      validate(): boolean {
        throw new Error('no luck');
      }
    }
    class Account {
      @Validate(Broken) name = 'a';
    }
    expect(() => validation.validate(checked(new Account(), Account))).toThrow('no luck');
  });
});

/** A rule that answers as told. */
function Answering(validate: (value: unknown, args: ValidationArguments) => boolean | Promise<boolean>, name = 'answering') {
  return (target: object, propertyName: string): void => {
    registerDecorator({ name, target: target.constructor, propertyName, validator: { validate } });
  };
}

describe('the plan behind it', () => {
  it('gives rules the arguments that the library gives', async () => {
    const seen: ValidationArguments[] = [];
    class Seen {
      @Validate(constraintOf((_, args) => seen.push(args) > 0), [1, 'b']) a = 'x';
      @Answering((_, args) => seen.push(args) > 0) b = 'y';
    }
    const event = new Seen();
    expect(validation.validate(checked(event, Seen))).toBeUndefined();
    const ours = seen.splice(0);
    await validate(event);
    expect(ours).toEqual(seen);
    expect(ours[0]).toMatchObject({ targetName: 'Seen', property: 'a', object: event, value: 'x', constraints: [1, 'b'] });
  });

  it('asks the container of the user for a rule each time', () => {
    const asked: unknown[] = [];
    const constraint = constraintOf(() => true);
    class Asked {
      @Validate(constraint) @IsString() a = 'x';
    }
    useContainer({ get: (target: unknown) => asked.push(target) > 0 && { validate: () => asked.length > 0 } }, { fallback: true });
    try {
      for (let time = 0; time < 3; time++) expect(validation.validate(checked(new Asked(), Asked))).toBeUndefined();
    } finally {
      useContainer({ get: () => undefined }, { fallback: true });
    }
    expect(asked.filter((one) => one === constraint)).toHaveLength(3);
  });

  it('returns a promise only where a rule gave one, and rejects with what that rejects with', async () => {
    class Later {
      @Answering((value) => Promise.resolve(value === 'x')) a = 'x';
    }
    const right = validation.validate(checked(new Later(), Later));
    expect(right).toBeInstanceOf(Promise);
    await expect(right).resolves.toBeUndefined();
    await expect(faultsOf(Object.assign(new Later(), { a: 'y' }))).resolves.toMatchObject([{ path: 'a', received: '"y"' }]);
    class Broken {
      @Answering(() => Promise.reject(new Error('no luck'))) a = 'x';
    }
    await expect(validation.validate(checked(new Broken(), Broken))).rejects.toThrow('no luck');
  });

  it('leaves no rejection unhandled when another rule is broken at once', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const later = () => new Promise<boolean>((_, reject) => void setImmediate(() => reject(new Error('no luck'))));
    class Both {
      @Answering(later) a = 'x';
      @IsString() b = 1;
      // The library forgets what it waits for when this throws.
      @IsString({ message: ({ value }) => (value as { none: { more: string } }).none.more }) c = 1;
    }
    await expect(validation.validate(checked(new Both(), Both))).rejects.toThrow('no luck');
    await stays(() => unhandled.length === 0, { windowMs: 50 });
    process.off('unhandledRejection', note);
  });

  it('lists a hundred faults and counts the others', async () => {
    const items = Array.from({ length: 80 }, () => Object.assign(new Item(), { sku: 1, price: 0 }));
    const event = Object.assign(new Order(), { items });
    const error: unknown = await Promise.resolve(validation.validate(checked(event, Order))).catch((reason: unknown) => reason);
    expect((error as InvalidEventError).faults).toHaveLength(100);
    expect((error as InvalidEventError).faults.at(-1)?.path).toBe('items[49].price');
    expect((error as InvalidEventError).moreFaults).toBe(60);
    expect((error as InvalidEventError).message).toMatch(/ \(and 150 more\)$/);
  });

  it('leaves the last word to the library', async () => {
    const answers = [false, true];
    class Fickle {
      @Answering(() => answers.shift() ?? true) a = 'x';
    }
    await expect(validation.validate(checked(new Fickle(), Fickle))).resolves.toBeUndefined();
  });

  it('refuses circles and what is nested too deeply, where the library would fall over', async () => {
    class Node {
      @ValidateNested() next?: unknown;
    }
    const nodes = (count: number): Node => {
      let node = new Node();
      for (let index = 1; index < count; index++) node = Object.assign(new Node(), { next: index % 2 === 0 ? node : [node] });
      return node;
    };
    const circle = new Node();
    circle.next = new Map([['a', circle]]);
    const tooDeep = [{ path: '', message: 'is nested deeper than 1000 levels' }];
    await expect(faultsOf(circle)).resolves.toEqual(tooDeep);
    await expect(faultsOf(nodes(700))).resolves.toEqual(tooDeep);
    expect(validation.validate(checked(nodes(600), Node))).toBeUndefined();
  });

  it('fares as the library with names that every object has', async () => {
    class Odd {
      @IsString() toString = 1 as never;
    }
    const theirs: unknown = await Promise.resolve()
      .then(() => validate(new Odd()))
      .catch(String);
    const ours: unknown = await Promise.resolve(validation.validate(checked(new Odd(), Odd))).catch(String);
    expect(ours).toBe(theirs);
    expect(ours).toMatch(/TypeError/);
  });

  it.each([null, undefined])('refuses a field named constructor that holds %s, over which the library would fall', async (value) => {
    class Own {
      @IsString() a = 'x';
      @ValidateNested() within: unknown = new Item();
    }
    const odd = [
      { path: '', message: "has or holds a field named 'constructor' with nothing in it, where class-validator looks for a class" },
    ];
    await expect(faultsOf(Object.assign(new Own(), { constructor: value }))).resolves.toEqual(odd);
    await expect(faultsOf(Object.assign(new Own(), { within: [{ constructor: value }] }))).resolves.toEqual(odd);
  });

  it('takes a field named constructor for what the library takes it', async () => {
    class Own {
      @IsString() a = 1;
    }
    const event = Object.assign(new Own(), { constructor: Item });
    await expect(faultsOf(event)).resolves.toMatchObject(await faultsOfLibrary(event));
  });
});

describe('what class-validator keeps', () => {
  it('does not grow with the number of managers', async () => {
    const noted = () =>
      (getMetadataStorage() as unknown as { readonly validationMetadatas: ReadonlyMap<unknown, unknown> }).validationMetadatas.size;
    const before = noted();
    await ClassValidation.create();
    await ClassValidation.create();
    expect(noted()).toBe(before);
  });
});

async function faultsOfLibrary(event: object): Promise<object[]> {
  const errors = await validate(event);
  return errors.flatMap(({ property, constraints }) => Object.values(constraints ?? {}).map((message) => ({ path: property, message })));
}

function constraintOf(answer: (value: unknown, args: ValidationArguments) => boolean): new () => ValidatorConstraintInterface {
  @ValidatorConstraint({ name: 'made' })
  class Made implements ValidatorConstraintInterface {
    validate(value: unknown, args: ValidationArguments): boolean {
      return answer(value, args);
    }
  }
  return Made;
}
