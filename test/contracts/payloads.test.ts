import { describe, expect, test } from '@jest/globals';
import { Ajv, type ValidateFunction } from 'ajv';
import { type } from 'arktype';
import { IsString } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import * as v from 'valibot';
import { z } from 'zod';
import { ClassValidation } from '../../src/codecs/class-validation.js';
import { EventCodec } from '../../src/codecs/event-codec.js';
import { describeEvents } from '../../src/contracts/describe-events.js';
import { defineEvent } from '../../src/core/define-event.js';
import type { Checked } from '../../src/core/codec.js';
import type { EventClass, EventDescriptor } from '../../src/core/descriptors.js';
import { event } from '../../src/core/event.js';
import { eventDescriptor } from '../../src/core/registry.js';
import { randomFrom } from '../support/random.js';
import { Colour, Item, Money, OrderPlaced, Paid, Plain, Size, Tree } from './fixtures.js';

type Json = Record<string, unknown>;

async function schemasOf(...events: EventClass[]): Promise<Json> {
  const { components } = await describeEvents({ title: 'T', version: '1', events, listeners: [] });
  return components.schemas;
}

function checkOf(schemas: Json, name: string): ValidateFunction {
  const ajv = new Ajv({ strict: false, allErrors: true });
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  ajv.addFormat('email', /^[^@\s]+@[^@\s]+$/);
  ajv.addSchema({ $id: 'doc', components: { schemas } });
  return ajv.compile({ $ref: `doc#/components/schemas/${name}` });
}

class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  whole(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  one<T>(of: readonly T[]): T {
    return of[this.whole(0, of.length - 1)]!;
  }

  text(least: number, most: number): string {
    return Array.from({ length: this.whole(least, most) }, () => this.one(['a', 'Z', '7', 'é', '😀', '"', '\\', ' '])).join('');
  }

  list<T>(least: number, make: () => T): T[] {
    return Array.from({ length: this.whole(least, least + 2) }, make);
  }

  uuid(): string {
    const hex = (length: number): string => Array.from({ length }, () => this.whole(0, 15).toString(16)).join('');
    return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
  }

  date(): Date {
    return new Date(this.whole(0, 4_000_000_000_000));
  }

  money(): Money {
    return new Money(this.#random() * 1000 + 0.01, this.one(['EUR', 'USD']));
  }

  item(depth = 0): Item {
    const parts = this.one([undefined, depth < 3 ? this.list(0, () => this.item(depth + 1)) : undefined]);
    return new Item(this.text(1, 9), this.whole(1, 99), this.money(), parts);
  }

  order(): OrderPlaced {
    return Object.assign(new OrderPlaced(), {
      orderId: this.uuid(),
      colour: this.one(Object.values(Colour)),
      size: this.one([Size.Small, Size.Large]),
      items: this.list(1, () => this.item()),
      note: this.one([undefined, null, this.text(2, 20)]),
      second: this.one([undefined, null, Colour.Red]),
      at: this.date(),
      due: this.one([undefined, this.date()]),
      day: this.one(['2026-01-31', '2026-01-31T12:00', '2026-01-31T12:00:00+01:00', '2026-W05']),
      tags: this.list(0, () => this.text(0, 4)),
      code: `${this.one(['AB', 'XY'])}${String(this.whole(0, 999))}`,
      loose: this.one(['abc', 'ABC']),
      dotted: `${this.text(0, 3)}a.b${this.text(0, 3)}`,
      three: 3,
      conditional: this.one([undefined, null, 7, 'x']),
      email: `${this.one(['a', 'b'])}@example.com`,
      gift: this.one([true, false]),
      length: this.whole(1, 9),
      untold: this.one([undefined, this.date()]),
    });
  }
}

const rounds = 100;

function checkedAs(event: object, descriptor: EventDescriptor): Checked {
  return { event, descriptor, wireForm: () => event };
}

describe('the schema of a class', () => {
  test('takes every body that is written of a valid event', async () => {
    const [codec, rules, schemas] = [await EventCodec.create(), await ClassValidation.create(), await schemasOf(OrderPlaced)];
    const descriptor = eventDescriptor(OrderPlaced)!;
    const valid = checkOf(schemas, descriptor.name);
    for (let seed = 0; seed < rounds; seed++) {
      const order = new Dice(seed).order();
      await rules.validate(checkedAs(order, descriptor));
      const body = JSON.parse(codec.encode(order, descriptor) as string) as Json;
      expect({ seed, valid: valid(body), errors: valid.errors }).toMatchObject({ seed, valid: true });
    }
  });

  // What stands for the field on the wire, and something that its rule refuses.
  const wrong: [field: keyof OrderPlaced, name: string, values: unknown[]][] = [
    ['orderId', 'orderId', [undefined, null, 1, 'no-uuid']],
    ['colour', 'colour', [undefined, null, 'blue', 1]],
    ['size', 'size', [undefined, null, 2]],
    [
      'items',
      'items',
      [undefined, null, [], {}, [{ article: '', count: 1 }], [{ article: 'a', count: 100 }], [{ article: 'a', count: 1.5 }]],
    ],
    ['note', 'note', ['x', 'x'.repeat(21), 1]],
    ['second', 'second', ['blue']],
    ['day', 'day', [undefined, null, 1]],
    ['tags', 'tags', [undefined, [1]]],
    ['code', 'code', [undefined, 'ab1']],
    ['loose', 'loose', [undefined, 1]],
    ['dotted', 'dotted', [undefined, 'aXb']],
    ['three', 'three', [undefined, 4]],
    ['gift', 'is_gift', [undefined, null, 'yes']],
  ];

  test.each(wrong)('refuses of the field %s what its rules refuse', async (field, name, values) => {
    const [codec, rules, schemas] = [await EventCodec.create(), await ClassValidation.create(), await schemasOf(OrderPlaced)];
    const descriptor = eventDescriptor(OrderPlaced)!;
    const valid = checkOf(schemas, descriptor.name);
    const order = new Dice(1).order();
    const body = JSON.parse(codec.encode(order, descriptor) as string) as Json;
    for (const value of values) {
      const made = field === 'items' && Array.isArray(value) ? value.map((item: object) => Object.assign(new Item(), item)) : value;
      const refused = await Promise.resolve(
        rules.validate(checkedAs(Object.assign(new Dice(1).order(), { [field]: made }), descriptor)),
      ).then(
        () => 'taken',
        () => 'refused',
      );
      expect([value, refused]).toEqual([value, 'refused']);
      // A missing field is undefined in JavaScript, and not there in JSON.
      expect([value, valid(JSON.parse(JSON.stringify({ ...body, [name]: value })))]).toEqual([value, false]);
    }
  });

  test('has nested classes as components, which all events share', async () => {
    const schemas = await schemasOf(OrderPlaced, Paid, Plain);
    expect(Object.keys(schemas)).toEqual(['Item', 'Money', 'contracts.order.placed', 'contracts.paid', 'contracts.plain']);
    expect(schemas['Item']).toMatchObject({ properties: { parts: { items: { $ref: '#/components/schemas/Item' } } } });
    expect(schemas['contracts.plain']).toEqual({ type: 'object' });
  });

  test('says which field is secret, what is not written, and what nobody can say', async () => {
    const { properties } = (await schemasOf(OrderPlaced))['contracts.order.placed'] as { properties: Json };
    expect(properties['email']).toEqual({ type: 'string', format: 'email', 'x-secret': true });
    expect(properties['size']).toEqual({ enum: [0, 1] });
    expect(properties).not.toHaveProperty('internal');
    expect(properties).not.toHaveProperty('gift');
    expect(properties['length']).toEqual({ $comment: 'a @Transform makes it' });
    expect(properties['conditional']).toEqual({ $comment: 'checked under a condition only' });
  });
});

test('what @JSONSchema() says is laid over what the rules say', async () => {
  @JSONSchema({ description: 'By hand' })
  class ByHand {
    @IsString() @JSONSchema({ format: 'iban', description: 'An account' }) readonly account: string = 'x';
  }
  event('contracts.by-hand')(ByHand);
  expect((await schemasOf(ByHand))['contracts.by-hand']).toEqual({
    type: 'object',
    description: 'By hand',
    properties: { account: { type: 'string', format: 'iban', description: 'An account' } },
    required: ['account'],
  });
});

test('a class may hold itself', async () => {
  const schemas = await schemasOf(Tree);
  expect(Object.keys(schemas)).toEqual(['contracts.tree']);
  const valid = checkOf(schemas, 'contracts.tree');
  expect(valid({ name: 'a', children: [{ name: 'b', children: [] }] })).toBe(true);
  expect(valid({ name: 'a', children: [{ name: 'b', children: [{ name: 1, children: [] }] }] })).toBe(false);
});

describe('the schema of a definition', () => {
  const Node = z.object({
    value: z.number(),
    get next() {
      return Node.optional();
    },
  });
  const Card = z.object({
    number: z.string().meta({ secret: true, examples: ['4711-secret'], default: '4711-secret' }),
    at: z.coerce.date(),
    count: z.int().min(1).default(5),
    node: Node,
    form: z.discriminatedUnion('kind', [z.object({ kind: z.literal('a'), x: z.string() }), z.object({ kind: z.literal('b') })]),
    note: z.string().nullable(),
  });

  test('of zod takes what is written of it, and refuses what it refuses', async () => {
    const Paying = defineEvent('contracts.paying', Card);
    const codec = await EventCodec.create();
    const descriptor = eventDescriptor(Paying)!;
    const valid = checkOf(await schemasOf(Paying), 'contracts.paying');
    for (let seed = 0; seed < rounds; seed++) {
      const dice = new Dice(seed);
      const next = dice.one([undefined, { value: 1, next: { value: 2.5 } }]);
      const fields = {
        number: dice.text(0, 5),
        at: dice.date(),
        count: dice.one([undefined, 3]),
        node: { value: dice.whole(-9, 9), next },
        form: dice.one([{ kind: 'a' as const, x: 'y' }, { kind: 'b' as const }]),
        note: dice.one([null, 'x']),
      };
      const body = JSON.parse(codec.encode(new Paying(fields), descriptor) as string) as Json;
      expect({ seed, valid: valid(body), errors: valid.errors }).toMatchObject({ seed, valid: true });
      expect(Card.safeParse(body).success).toBe(true);
      for (const bad of [
        { ...body, count: 0 },
        { ...body, node: { value: 'x' } },
        { ...body, form: { kind: 'c' } },
        { ...body, note: 1 },
      ])
        expect([valid(bad), Card.safeParse(bad).success]).toEqual([false, false]);
    }
  });

  test('tells no value of a secret, of whatever library', async () => {
    const ofArk = type({
      token: type.string.configure({ secret: true } as never).default('ark-secret'),
      at: 'Date',
      'n?': 'number.integer',
    });
    const Ark = defineEvent('contracts.ark', ofArk as never);
    const Zod = defineEvent('contracts.zod', Card);
    const schemas = await schemasOf(Ark, Zod);
    const text = JSON.stringify(schemas);
    expect(text).not.toContain('ark-secret');
    expect(text).not.toContain('4711-secret');
    expect(schemas['contracts.zod']).toMatchObject({
      properties: { number: { type: 'string', 'x-secret': true }, at: { type: 'string', format: 'date-time' } },
    });
    expect(schemas['contracts.ark']).toMatchObject({
      properties: { token: { type: 'string', 'x-secret': true }, at: { type: 'string', format: 'date-time' }, n: { type: 'integer' } },
    });
  });

  test('of a library that does not say it is an open object with a note, or what is given', async () => {
    const Shipped = defineEvent('contracts.shipped', v.object({ parcel: v.string() }));
    expect((await schemasOf(Shipped))['contracts.shipped']).toEqual({
      type: 'object',
      $comment: expect.stringContaining(
        "valibot does not say what it takes: give its schema: describeEvents({ payloads: { 'contracts.shipped'",
      ),
    });
    const payloads = {
      'contracts.shipped': { type: 'object', properties: { parcel: { $ref: '#/$defs/P' } }, $defs: { P: { type: 'string' } } },
    };
    const { components } = await describeEvents({ title: 'T', version: '1', events: [Shipped], listeners: [], payloads });
    expect(components.schemas).toEqual({
      P: { type: 'string' },
      'contracts.shipped': { type: 'object', properties: { parcel: { $ref: '#/components/schemas/P' } } },
    });
  });

  test('keeps apart what two events define otherwise under one name', async () => {
    const refTo = (inner: object): object => ({
      type: 'object',
      properties: { p: { $ref: '#/definitions/Part' } },
      definitions: { Part: inner },
    });
    const [One, Two, Three] = ['one', 'two', 'three'].map((name) => defineEvent(`contracts.part.${name}`, z.object({})));
    const payloads = {
      'contracts.part.one': refTo({ type: 'string' }),
      'contracts.part.two': refTo({ type: 'integer' }),
      'contracts.part.three': refTo({ type: 'string' }),
    } as Record<string, Json>;
    const { components } = await describeEvents({ title: 'T', version: '1', events: [One!, Two!, Three!], listeners: [], payloads });
    expect(components.schemas).toMatchObject({
      'contracts.part.one': { properties: { p: { $ref: '#/components/schemas/contracts.part.one.Part' } } },
      'contracts.part.one.Part': { type: 'string' },
      'contracts.part.two.Part': { type: 'integer' },
    });
  });
});
