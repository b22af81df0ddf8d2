import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Exclude, Expose, Transform, Type } from 'class-transformer';
import { Allow, IsInt, IsString, ValidateNested } from 'class-validator';
import { ClassValidation } from '../../src/codecs/class-validation.js';
import { EventCodec } from '../../src/codecs/event-codec.js';
import { InvalidEventError, type EventFault } from '../../src/core/errors.js';
import type { EventClass } from '../../src/core/descriptors.js';
import { described } from './fixtures.js';

const strict = await ClassValidation.create({ strict: true });
const codec = await EventCodec.create({ knownFields: (target) => strict.knownFields(target) });

class Item {
  @IsString() sku = 'a';
  @Type(() => Date) since?: Date;
}

class Free {
  anything = 1;
}

class Order {
  @IsInt() count: unknown = 1;
  @Allow() note?: string;
  @ValidateNested() @Type(() => Item) items = [new Item()];
  @Allow() @Type(() => Free) free = new Free();
  @Allow() bag: unknown = { any: 'thing' };
  @Expose({ name: 'wire_name' }) named = 'x';
  @Expose() get computed(): number {
    return this.items.length;
  }
  @Exclude() hidden?: string;
  @Transform(({ value }: { value: unknown }) => value) changed = 1;
}

async function faultsOf(check: () => void | Promise<void>): Promise<readonly EventFault[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (error instanceof InvalidEventError) return error.faults;
    throw error;
  }
}

const paths = async (check: () => void | Promise<void>) => (await faultsOf(check)).map(({ path, message }) => `${path} ${message}`);

/** As it is on receipt: made of what stands in the body, and that once more for `wireForm`. */
function received(fields: object, target: EventClass) {
  const text = JSON.stringify(fields);
  const descriptor = described(target);
  const read = () => codec.read(text, undefined, descriptor);
  return { event: codec.make(read(), descriptor), descriptor, wireForm: read };
}

function sent(event: object, target: EventClass) {
  const descriptor = described(target);
  return { event, descriptor, wireForm: () => codec.read(codec.encode(event, descriptor), undefined, descriptor) };
}

const whole = { count: 1, note: 'n', items: [{ sku: 'a', since: '2026-01-01T00:00:00Z' }], free: { a: 1 }, bag: { b: 1 }, wire_name: 'y' };

describe('strict validation', () => {
  it('lets pass what the class knows, under the names of the wire, and at once', () => {
    expect(strict.validate(received({ ...whole, computed: 2, changed: 3 }, Order))).toBeUndefined();
    expect(strict.validate(sent(Object.assign(new Order(), { hidden: 'h' }), Order))).toBeUndefined();
  });

  it('lists received fields that are not known, at the top and in nested classes with rules, with the other faults', async () => {
    const fields = { ...whole, slip: 'hunter2', count: 'x', items: [{ sku: 'a' }, { sku: 1, slop: 'hunter3' }] };
    const faults = await faultsOf(() => strict.validate(received(fields, Order)));
    expect(faults.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'count count must be an integer number',
      'items[1].sku sku must be a string',
      'slip is not known',
      'items[1].slop is not known',
    ]);
    expect(JSON.stringify(faults)).not.toMatch(/hunter[23]/);
  });

  it('lists own fields of a sent event that its receivers would drop', async () => {
    const event = Object.assign(new Order(), {
      slip: 1,
      unset: undefined,
      items: [Object.assign(new Item(), { slop: 1, unset: undefined })],
    });
    expect(await paths(() => strict.validate(sent(event, Order)))).toEqual(['slip is not known', 'items[0].slop is not known']);
  });

  it('lists what cannot be written beside it', async () => {
    const event = Object.assign(new Order(), { count: 'x', bag: 1n });
    expect(await paths(() => strict.validate(sent(event, Order)))).toEqual([
      'count count must be an integer number',
      expect.stringMatching(/^bag is a bigint/),
    ]);
  });

  it('asks nothing of a class without rules', () => {
    expect(strict.validate(received({ a: 1, b: { c: 1 } }, Free))).toBeUndefined();
  });

  it('goes round circles once', async () => {
    class Node {
      @Allow() n = 0;
      @Allow() self: unknown = this;
    }
    class Holder {
      @Allow() @Type(() => Node) node = new Node();
    }
    expect(await paths(() => strict.validate(received({ node: { n: 1, slip: 1 } }, Holder)))).toEqual(['node.slip is not known']);
  });

  it('is off unless asked for', async () => {
    const lenient = await ClassValidation.create();
    expect(lenient.validate(received({ ...whole, slip: 1 }, Order))).toBeUndefined();
  });
});
