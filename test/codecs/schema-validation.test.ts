import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import { Expose, Transform, Type } from 'class-transformer';
import { IsInt } from 'class-validator';
import * as v from 'valibot';
import { z } from 'zod';
import { event, InvalidEventError } from '../../src/index.js';
import { made, Validating } from './validating.js';

const bothWays = await Validating.create();

const uuid = '7f3c9c1e-7b1a-4000-8000-000000000001';
const good = { id: uuid, count: 2, items: [{ sku: 'a' }] };
const bad = { id: 'no-uuid', count: 'x', items: [{ sku: 'a' }, { sku: 5 }] };

const libraries = [
  { name: 'zod', schema: z.object({ id: z.uuid(), count: z.int().min(1), items: z.array(z.object({ sku: z.string() })) }) },
  {
    name: 'valibot',
    schema: v.object({
      id: v.pipe(v.string(), v.uuid()),
      count: v.pipe(v.number(), v.minValue(1)),
      items: v.array(v.object({ sku: v.string() })),
    }),
  },
  { name: 'arktype', schema: type({ id: 'string.uuid', count: 'number.integer >= 1', items: type({ sku: 'string' }).array() }) },
];

describe.each(libraries)('a schema of $name', ({ name, schema }) => {
  const Def = made(schema);

  it('lets pass what keeps it, at once and on both ways', () => {
    expect(bothWays.outgoing(new Def(good))).toBeUndefined();
    expect(bothWays.received(Def, good)).toEqual(good);
  });

  it('tells the path of every fault on sending, and what was expected', async () => {
    const faults = await bothWays.faultsOnSending(new Def(bad as never));
    expect(faults.map(({ path }) => path).sort()).toEqual(['count', 'id', 'items[1].sku']);
    expect(faults.find(({ path }) => path === 'items[1].sku')?.expected).toMatch(/string/);
    expect(faults.find(({ path }) => path === 'id')?.expected?.toLowerCase() ?? 'uuid').toMatch(/uuid/);
  });

  it('tells the same faults on receipt', async () => {
    const received = await bothWays.faultsOnReceipt(Def, bad);
    expect(received).toEqual(await bothWays.faultsOnSending(new Def(bad as never)));
    expect(received.map(({ received: value }) => value)).toEqual(
      // Which fields valibot holds secret it does not tell, so that none of its values is told.
      name === 'valibot' ? [undefined, undefined, undefined] : received.map(({ path }) => ({ id: '"no-uuid"', count: '"x"' })[path] ?? '5'),
    );
  });

  it('quotes nothing that was missing, and says so', async () => {
    const [fault] = await bothWays.faultsOnReceipt(Def, { id: uuid, count: 1 });
    expect(fault).toMatchObject({ path: 'items', ...(name === 'valibot' ? {} : { received: 'nothing' }) });
  });
});

describe('what a schema makes of an event', () => {
  const text = '2026-05-01T10:00:00.000Z';

  it.each([
    { name: 'zod', schema: z.object({ at: z.iso.datetime().transform((at) => new Date(at)) }) },
    {
      name: 'valibot',
      schema: v.object({
        at: v.pipe(
          v.string(),
          v.isoTimestamp(),
          v.transform((at) => new Date(at)),
        ),
      }),
    },
    { name: 'arktype', schema: type({ at: 'string.date.iso.parse' }) },
  ])('is what listeners get: a Date of a text, by $name', ({ schema }) => {
    const Def = made(schema);
    const sent = new Def({ at: text });
    expect(bothWays.outgoing(sent)).toBeUndefined();
    expect(sent).toEqual({ at: text });
    expect(bothWays.received(Def, { at: text })).toEqual({ at: new Date(text) });
  });

  it('are defaults and coerced values on receipt, and nothing of it is sent', () => {
    const Def = made(z.object({ n: z.coerce.number(), unit: z.string().default('kg'), note: z.string().optional() }));
    const sent = new Def({ n: '5' });
    expect(bothWays.outgoing(sent)).toBeUndefined();
    expect(bothWays.bodyOf(sent)).toBe('{"n":"5"}');
    expect(bothWays.received(Def, { n: '5', foreign: true })).toEqual({ n: 5, unit: 'kg' });
  });

  it('is awaited where a rule of it is asynchronous', async () => {
    const Def = made(z.object({ sku: z.string().refine(async (sku) => Promise.resolve(sku !== 'gone'), 'is not sold any more') }));
    const passes = bothWays.outgoing(new Def({ sku: 'here' }));
    expect(passes).toBeInstanceOf(Promise);
    await expect(passes).resolves.toBeUndefined();
    await expect(bothWays.received(Def, { sku: 'here' })).resolves.toEqual({ sku: 'here' });
    const faults = [{ path: 'sku', message: 'is not sold any more', received: '"gone"' }];
    expect(await bothWays.faultsOnSending(new Def({ sku: 'gone' }))).toEqual(faults);
    expect(await bothWays.faultsOnReceipt(Def, { sku: 'gone' })).toEqual(faults);
  });

  it('is awaited too where it answers with a promise of its own kind, whose then() returns nothing', async () => {
    const answer = { then: (resolve: (result: object) => void) => void setImmediate(resolve, { issues: [{ message: 'no' }] }) };
    const schema: StandardSchemaV1<object, object> = { '~standard': { version: 1, vendor: 'own', validate: () => answer as never } };
    const Def = made(schema);
    const faults = [{ path: '', message: 'is not what the schema asks for' }];
    expect(await bothWays.faultsOnSending(new Def({}))).toEqual(faults);
    expect(await bothWays.faultsOnReceipt(Def, {})).toEqual(faults);
  });

  it('is one of several shapes in a union, whose faults have the path of the shape that was meant', async () => {
    const card = z.object({ by: z.literal('card'), digits: z.string() });
    const Def = made(z.discriminatedUnion('by', [card, z.object({ by: z.literal('cash'), cents: z.int() })]));
    expect(bothWays.received(Def, { by: 'cash', cents: 5 })).toEqual({ by: 'cash', cents: 5 });
    expect(await bothWays.faultsOnReceipt(Def, { by: 'cash', cents: 'x' })).toEqual([
      { path: 'cents', message: expect.any(String), expected: 'number', received: '"x"' },
    ]);
  });

  it.each([
    { name: 'zod', schema: z.strictObject({ id: z.string() }) },
    { name: 'valibot', schema: v.strictObject({ id: v.string() }) },
    { name: 'arktype', schema: type({ '+': 'reject', id: 'string' }) },
  ])('is nothing for fields that a strict one of $name does not know: each is a fault, without its value', async ({ schema }) => {
    const faults = await bothWays.faultsOnReceipt(made(schema), { id: '1', pasword: 'hunter2' });
    expect(faults).toEqual([{ path: 'pasword', message: 'is a field that the schema does not know' }]);
  });
});

describe('an event that is no object any more', () => {
  it.each([
    { made: z.object({ n: z.number() }).transform(({ n }) => n), kind: 'number' },
    { made: z.object({ n: z.number() }).transform(() => null), kind: 'null' },
    { made: z.object({ n: z.number() }).transform(({ n }) => [n]), kind: 'array' },
  ])('cannot be read where its schema made $kind of it', ({ made: schema, kind }) => {
    const text = `its schema made ${kind === 'null' ? kind : `a value of type ${kind}`} of it, not an object`;
    expect(() => bothWays.received(made(schema as never), { n: 1 })).toThrow(text);
  });
});

describe('a schema that wants a Date', () => {
  const at = new Date('2026-01-02').toISOString();

  it.each([
    ['zod', z.object({ at: z.date() })],
    ['valibot', v.object({ at: v.date() })],
    ['arktype', type({ at: 'Date' })],
  ])('of %s never finds one in JSON, and says what to do', async (_library, schema) => {
    const [fault] = await bothWays.faultsOnReceipt(made(schema as never), { at });
    expect([fault?.path, fault?.message]).toEqual([
      'at',
      expect.stringMatching(/^wants a Date, and in JSON dates are texts: let the schema/),
    ]);
  });

  it('and makes it itself of a text says what its library says of one that is no date', async () => {
    const [fault] = await bothWays.faultsOnReceipt(made(z.object({ at: z.coerce.date() })), { at: 'x' });
    expect(fault?.message).toMatch(/date/i);
    expect(fault?.message).not.toContain('wants a Date');
  });
});

describe('a schema that throws', () => {
  it.each([
    ['at once', () => { throw new TypeError('a bug'); }], // prettier-ignore
    ['later', () => Promise.reject(new TypeError('a bug'))],
  ])('%s says nothing about the event: its error is passed on', async (_when, validate) => {
    const Def = made({ '~standard': { version: 1, vendor: 'own', validate } } as unknown as StandardSchemaV1<object, object>);
    await expect(async () => bothWays.outgoing(new Def({}))).rejects.toThrow(TypeError);
    await expect(async () => bothWays.received(Def, {})).rejects.toThrow(TypeError);
  });

  it('when its JSON Schema is made costs the values only: they are not told', async () => {
    const base = z.object({ id: z.string() });
    const failing = (): never => { throw new Error('no JSON Schema'); }; // prettier-ignore
    const schema = { '~standard': { ...base['~standard'], jsonSchema: { input: failing, output: failing } } };
    expect(await bothWays.faultsOnReceipt(made(schema as never), { id: 5 })).toEqual([
      { path: 'id', message: 'must be: string', expected: 'string' },
    ]);
  });

  it('or refuses without an issue is believed', async () => {
    const schema = { '~standard': { version: 1, vendor: 'own', validate: () => ({ issues: [] }) } };
    expect(await bothWays.faultsOnReceipt(made(schema as never), {})).toEqual([{ path: '', message: 'is not what the schema asks for' }]);
  });
});

describe('a path', () => {
  it('may have segments that are objects, numbers, and names that are no identifiers', async () => {
    const issues = [{ message: 'm', path: [{ key: 'items' }, 0, { key: 'EUR/USD' }, Symbol.iterator] }];
    const schema = { '~standard': { version: 1, vendor: 'own', validate: () => ({ issues }) } };
    expect((await bothWays.faultsOnReceipt(made(schema as never), {}))[0]?.path).toBe('items[0]["EUR/USD"]["Symbol(Symbol.iterator)"]');
  });

  it('is bounded, and so are texts, values and the number of faults', async () => {
    const Def = made(
      z.record(
        z.string(),
        z.string().refine((value) => value === '', { error: ({ input }) => String(input) }),
      ),
    );
    const fields = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [String(n).padStart(5_000, 'k'), 'v'.repeat(5_000)]));
    const faults = await bothWays.faultsOnReceipt(Def, fields);
    expect(faults).toHaveLength(100);
    for (const fault of faults) {
      expect(fault.path.length).toBeLessThanOrEqual(200);
      expect(fault.message.length).toBeLessThanOrEqual(201);
      expect(fault.received?.length).toBeLessThanOrEqual(63);
    }
  });
});

describe('a class with a schema', () => {
  @event({ name: 'order.placed', schema: z.object({ id: z.string(), at: z.iso.datetime(), n: z.int().default(7) }) })
  class Placed {
    // None of this counts beside the schema.
    @Transform(() => 'transformed') @Expose({ name: 'renamed' }) id = '1';
    @Type(() => Date) at: Date | string = new Date(0);
    @IsInt() n: unknown;
    readonly made: string = 'here';

    shown(): string {
      return this.id;
    }
  }

  it('sends its dates as the texts that the schema knows, and decorators of fields do not count', () => {
    expect(bothWays.outgoing(new Placed())).toBeUndefined();
    expect(bothWays.bodyOf(new Placed())).toBe('{"id":"1","at":"1970-01-01T00:00:00.000Z","made":"here"}');
  });

  it('is received as an instance that holds what the schema made', () => {
    const received = bothWays.received(Placed, { id: '2', at: '2026-01-01T00:00:00Z', renamed: '3' });
    expect(received).toBeInstanceOf(Placed);
    expect(received).toEqual({ id: '2', at: '2026-01-01T00:00:00Z', n: 7, made: 'here' });
    expect((received as Placed).shown()).toBe('2');
  });

  it('is made by create() of what the schema made, or is the instance that the schema made itself', () => {
    class Point {
      constructor(readonly x: number) {}
    }
    const fields = z.object({ x: z.coerce.number() });
    event<Point>({ name: 'point', schema: fields, create: ({ x }) => new Point(Number(x) + 1) })(Point);
    expect(bothWays.received(Point, { x: '4' })).toMatchObject({ constructor: Point, x: 4 });
    class Own extends Point {}
    const own = new Own(5);
    event({ name: 'own', schema: fields.transform(() => own) })(Own);
    expect(bothWays.received(Own, { x: '4' })).toBe(own);
  });

  it('does not get methods, nor what leads to prototypes, from what is received', () => {
    @event({ name: 'loose', schema: z.looseObject({}) })
    class Loose {
      safe(): string {
        return 'safe';
      }
    }
    const received = bothWays.received(Loose, { safe: 'x', constructor: 'x', prototype: 'x', other: 1 }) as Loose;
    expect(received.safe()).toBe('safe');
    expect(Object.keys(received)).toEqual(['other']);
  });
});

describe('an event with a method validate()', () => {
  function withRule(rule: () => unknown, options = {}) {
    @event({ name: 'ruled', ...options })
    class Ruled {
      n = 1;
      validate(...args: unknown[]): unknown {
        expect(args).toEqual([]);
        return rule();
      }
    }
    return Ruled;
  }

  it('is asked before it is sent, and not when it is received', () => {
    const asked: string[] = [];
    const Ruled = withRule(() => asked.push('asked'));
    expect(bothWays.outgoing(new Ruled())).toBeUndefined();
    bothWays.received(Ruled, { n: 1 });
    expect(asked).toEqual(['asked']);
  });

  it.each([
    ['throws', () => { throw new RangeError('n is too small'); }], // prettier-ignore
    ['rejects', () => Promise.reject(new RangeError('n is too small'))],
  ])('that %s is invalid as a whole, with the error as the cause', async (_how, rule) => {
    const refused = (async () => bothWays.outgoing(new (withRule(rule))()))();
    const error = await refused.then(
      () => undefined,
      (thrown: unknown) => thrown as InvalidEventError,
    );
    expect(error).toBeInstanceOf(InvalidEventError);
    expect(error?.faults).toEqual([{ path: '', message: 'n is too small' }]);
    expect(error?.cause).toBeInstanceOf(RangeError);
  });

  it('that throws an error of the library passes it as it is', async () => {
    const own = new InvalidEventError('ruled', [{ path: 'n', message: 'is too small' }]);
    const later = withRule(() => Promise.reject(own));
    await expect(async () => bothWays.outgoing(new later())).rejects.toBe(own);
    const atOnce = withRule(() => { throw own; }); // prettier-ignore
    await expect(async () => bothWays.outgoing(new atOnce())).rejects.toBe(own);
  });

  it('keeps the rules of its schema as well, after that', async () => {
    const order: string[] = [];
    const schema = z.object({ n: z.number().refine(() => order.push('schema') > 5, 'is not five') });
    const Ruled = withRule(() => Promise.resolve().then(() => order.push('own')), { schema });
    expect(await bothWays.faultsOnSending(new Ruled())).toMatchObject([{ path: 'n', message: 'is not five' }]);
    expect(order).toEqual(['own', 'schema']);
  });

  it('does not mistake a field for one', () => {
    const Def = made(z.object({ validate: z.string() }));
    expect(bothWays.outgoing(new Def({ validate: 'x' }))).toBeUndefined();
  });
});
