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
  registerDecorator,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { ClassValidation } from '../../src/codecs/class-validation.js';
import { InvalidEventError } from '../../src/core/errors.js';
import { described } from './fixtures.js';

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
    await validation.validate(event, described(Order));
  } catch (error) {
    return [...(error as InvalidEventError).faults];
  }
  return [];
}

describe('validation by decorators', () => {
  it('lets pass what keeps the rules', async () => {
    await expect(validation.validate(new Order(), described(Order))).resolves.toBeUndefined();
  });

  it('says nothing, and at once, of a class without rules', () => {
    class Free {
      anything = 1;
    }
    expect(validation.validate(new Free(), described(Free))).toBeUndefined();
    expect(validation.validate(Object.create(null) as object, described(Free))).toBeUndefined();
    expect(validation.knownFields(Free)).toBeUndefined();
  });

  it('counts the rules of base classes', async () => {
    class Derived extends Order {}
    const event = Object.assign(new Derived(), { id: 'x' });
    await expect(faultsOf(event)).resolves.toEqual([{ path: 'id', message: 'id must be a UUID' }]);
    expect([...(validation.knownFields(Derived) ?? [])].sort()).toEqual(['count', 'id', 'items', 'note', 'one']);
  });

  it('lists every fault with its path, in nested objects and arrays too', async () => {
    const event = new Order();
    event.count = 'x';
    event.items = [new Item(), new Item(), Object.assign(new Item(), { price: -1 })];
    event.one = Object.assign(new Item(), { sku: 1, price: 0 });
    await expect(faultsOf(event)).resolves.toEqual([
      { path: 'count', message: 'count must be a positive number' },
      { path: 'count', message: 'count must be an integer number' },
      { path: 'items[2].price', message: 'price must be a positive number' },
      { path: 'one.sku', message: 'sku must be a string' },
      { path: 'one.price', message: 'price must be a positive number' },
    ]);
  });

  it('names the path of a nested object that is of no class with rules', async () => {
    const event = new Order();
    event.items = [new Item(), { sku: 'a' }];
    event.one = 'text';
    await expect(faultsOf(event)).resolves.toMatchObject([{ path: 'items[1]' }, { path: 'one' }]);
  });

  it('rejects with an InvalidEventError that names the event and quotes no value', async () => {
    const event = Object.assign(new Order(), { id: 'hunter2', note: 5 });
    const error: unknown = await Promise.resolve(validation.validate(event, described(Order))).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidEventError);
    expect((error as Error).message).toMatch(/^order\.placed is invalid: id: .*; note: /);
    expect((error as Error).message).not.toContain('hunter2');
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
      { path: 'name', message: 'is taken' },
      { path: 'declared', message: 'is taken too' },
    ]);
    await expect(faultsOf(Object.assign(new Account(), { name: 'a', declared: 'b' }))).resolves.toEqual([]);
  });

  it('passes on what a rule throws', async () => {
    @ValidatorConstraint({ name: 'broken' })
    class Broken implements ValidatorConstraintInterface {
      validate(): boolean {
        throw new Error('no luck');
      }
    }
    class Account {
      @Validate(Broken) name = 'a';
    }
    await expect(validation.validate(new Account(), described(Account))).rejects.toThrow('no luck');
  });
});
