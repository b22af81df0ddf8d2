import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type, type Type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { event, InvalidEventError, Secret } from '../../src/index.js';
import type { EventClass } from '../../src/core/descriptors.js';
import { made, Validating } from './validating.js';

const bothWays = await Validating.create();
const pin = 'hunter2-hunter2';
const marked = z.string().meta({ secret: true });

/** Everything that anybody can read of the error, on both ways. */
async function shownOf(Def: EventClass, fields: object): Promise<string> {
  const errors = await Promise.all(
    [() => bothWays.outgoing(Object.assign(new (Def as new () => object)(), fields)), () => bothWays.received(Def, fields)].map(
      async (call) => {
        try {
          await call();
        } catch (error) {
          if (error instanceof InvalidEventError) return error;
          throw error;
        }
        throw new Error('it was not refused');
      },
    ),
  );
  return errors.map((error) => `${error.message} ${JSON.stringify(error.faults)} ${String(error.stack)} ${String(error.cause)}`).join('\n');
}

/** Words of the user's own that quote everything that a rule sees. */
const quoting = { error: ({ input }: { input: unknown }) => `not ${JSON.stringify(input)}` };
/** arktype's types know no keys of meta but its own. */
const secretOf = (shape: { configure(meta: never): unknown }) => shape.configure({ secret: true } as never) as Type;
const never = (): boolean => false;
/** A rule of the user that sees the secret and speaks of the field beside it. */
const besideIt = (rule: (ctx: z.RefinementCtx, secret: string) => void) =>
  z.object({ pin: marked, again: z.string() }).superRefine((fields, ctx) => {
    rule(ctx, fields.pin);
  });

const cases: { what: string; schema: StandardSchemaV1<object, object>; fields: object; path: string }[] = [
  { what: 'at the field', schema: z.object({ pin: marked.max(5) }), fields: { pin }, path: 'pin' },
  { what: 'at the field, by a rule of the user', schema: z.object({ pin: marked.refine(never, quoting) }), fields: { pin }, path: 'pin' },
  { what: 'below it', schema: z.object({ card: z.object({ pin: z.string().refine(never, quoting) }).meta({ secret: true }) }), fields: { card: { pin } }, path: 'card.pin' },
  { what: 'above it', schema: z.object({ card: z.object({ pin: marked }).refine(never, quoting) }), fields: { card: { pin } }, path: 'card' },
  { what: 'at the whole event', schema: z.object({ pin: marked }).refine(never, quoting), fields: { pin }, path: '' },
  { what: 'beside it, by a rule that sees both', schema: z.object({ pin: marked, again: z.string() }).refine(never, { path: ['again'], ...quoting }), fields: { pin, again: 'other' }, path: 'again' },
  { what: 'beside it, under a code of the library', schema: besideIt((ctx, secret) => ctx.addIssue({ code: 'too_small', origin: 'number', minimum: 1, path: ['again'], message: `too small for ${secret}` })), fields: { pin, again: 'other' }, path: 'again' },
  { what: 'beside it, in what is expected', schema: besideIt((ctx, secret) => ctx.addIssue({ code: 'invalid_format', format: secret, path: ['again'], message: 'differs' })), fields: { pin, again: 'other' }, path: 'again' },
  { what: 'beside it, where the other field holds the same', schema: z.object({ pin: marked, again: z.int() }), fields: { pin, again: pin }, path: 'again' },
  { what: 'beside it, escaped', schema: besideIt((ctx, secret) => ctx.addIssue({ code: 'custom', path: ['again'], message: JSON.stringify(secret) })), fields: { pin: `"${pin}"`, again: 'other' }, path: 'again' },
  { what: 'beside it, shortened', schema: besideIt((ctx, secret) => ctx.addIssue({ code: 'custom', path: ['again'], message: secret.slice(0, 60) })), fields: { pin: pin.repeat(9), again: 'other' }, path: 'again' },
  { what: 'in a list', schema: z.object({ pins: z.array(marked.max(5)) }), fields: { pins: ['1', pin] }, path: 'pins[1]' },
  { what: 'in a tuple', schema: z.object({ pins: z.tuple([z.string(), marked.max(5)]) }), fields: { pins: ['1', pin] }, path: 'pins[1]' },
  { what: 'under any name', schema: z.object({ pins: z.record(z.string(), marked.max(5)) }), fields: { pins: { mine: pin } }, path: 'pins.mine' },
  { what: 'in one shape of a union', schema: z.object({ by: z.union([z.object({ pin: marked.max(5) }), z.object({ cash: z.int() })]) }), fields: { by: { pin } }, path: 'by.pin' },
  { what: 'in a shape that is referred to', schema: z.object({ one: marked.meta({ secret: true, id: 'Pin' }).max(5) }), fields: { one: pin }, path: 'one' },
  { what: 'in a shape whose name is no part of a URI', schema: z.object({ one: marked.meta({ secret: true, id: '100% ~/Pin' }).max(5) }), fields: { one: pin }, path: 'one' },
  { what: 'under names that match a pattern', schema: z.object({ pins: z.record(z.string().regex(/^[\w-]+$/), marked.max(5)) }), fields: { pins: { mine: pin } }, path: 'pins.mine' },
  { what: 'under names that match a pattern, by arktype', schema: type({ '[/^pin\\-/]': secretOf(type('string <= 5')) }), fields: { 'pin-1': pin }, path: '["pin-1"]' },
  { what: 'behind a transformation', schema: z.object({ pin: z.string().transform((text) => text).pipe(z.string().max(5).meta({ secret: true })) }), fields: { pin }, path: 'pin' },
  { what: 'where it may be missing', schema: z.object({ pin: marked.max(5).optional().nullable().default('x') }), fields: { pin }, path: 'pin' },
  { what: 'beside a date, which JSON Schema cannot say', schema: z.object({ at: z.coerce.date(), pin: marked.max(5) }), fields: { at: 0, pin }, path: 'pin' },
  { what: 'at the field, by arktype', schema: type({ pin: secretOf(type('string <= 5')) }), fields: { pin }, path: 'pin' },
  { what: 'anywhere, by valibot, which tells nothing of secrets', schema: v.object({ pin: v.pipe(v.string(), v.maxLength(5), v.email()) }), fields: { pin }, path: 'pin' },
  { what: 'in a text of valibot that its user wrote', schema: v.object({ pin: v.pipe(v.string(), v.check(never, ({ input }) => `not ${input}`)) }), fields: { pin }, path: 'pin' },
  { what: 'in a field that the schema does not know', schema: z.strictObject({ pin: marked }), fields: { pin: '1', pni: pin }, path: 'pni' },
  { what: 'below what the schema describes no further', schema: z.object({ any: z.any().refine(never, quoting) }), fields: { any: { pin } }, path: 'any' },
]; // prettier-ignore

describe('a secret value at fault', () => {
  it.each(cases)('is not told: $what', async ({ schema, fields, path }) => {
    const Def = made(schema);
    const shown = await shownOf(Def, fields);
    expect(shown).not.toContain('hunter2');
    expect((await bothWays.faultsOnReceipt(Def, fields)).map((fault) => fault.path)).toContain(path);
  });

  it.each([
    ['a rule of the user', type('string').narrow((text, context) => context.mustBe(`other than ${text}`))],
    ['one shape of several', type("'a' | 'b'")],
  ])('is not told by what arktype expects: %s', async (_which, shape) => {
    const Def = made(type({ pin: secretOf(shape) }) as unknown as StandardSchemaV1<object, object>);
    const shown = await shownOf(Def, { pin });
    expect(shown).toContain('pin');
    expect(shown).not.toContain('hunter2');
  });

  it.each(['#/$defs/elsewhere', 'https://schemas.example/pin.json'])(
    'is not told where the schema refers to what cannot be found: %s',
    async ($ref) => {
      const base = z.object({ pin: z.string().max(5) });
      const json = () => ({ type: 'object', properties: { pin: { $ref } } });
      const schema = { '~standard': { ...base['~standard'], jsonSchema: { input: json, output: json } } };
      expect(await bothWays.faultsOnReceipt(made(schema), { pin })).toEqual([
        { path: 'pin', message: 'must be: at most 5', expected: 'at most 5' },
      ]);
    },
  );

  it('leaves what was expected of it', async () => {
    const Def = made(z.object({ pin: marked.max(5), count: z.int() }));
    expect(await bothWays.faultsOnReceipt(Def, { pin, count: 'x' })).toEqual([
      { path: 'pin', message: 'must be: at most 5', expected: 'at most 5' },
      { path: 'count', message: expect.any(String), expected: 'number', received: '"x"' },
    ]);
  });

  it('hides nothing else: beside a date, which JSON Schema cannot say, values are told', async () => {
    const Def = made(z.object({ at: z.coerce.date(), count: z.int() }));
    expect(await bothWays.faultsOnReceipt(Def, { at: 0, count: 'x' })).toMatchObject([{ path: 'count', received: '"x"' }]);
  });

  it('does not take the words from rules that quote nothing', async () => {
    const Def = made(z.object({ pin: marked, again: z.string() }).refine(never, { path: ['again'], error: 'is another one' }));
    expect(await bothWays.faultsOnReceipt(Def, { pin, again: 'x' })).toEqual([
      { path: 'again', message: 'is another one', received: '"x"' },
    ]);
  });
});

describe('a field with @Secret()', () => {
  class Card {
    pin = '';
  }
  Secret()(Card.prototype, 'pin');

  @event({
    name: 'class-with-secret',
    schema: z
      .object({ token: z.string().max(5).optional(), card: z.object({ pin: z.string().max(5) }).optional(), again: z.string().optional() })
      .refine(({ again }) => again === undefined, { path: ['again'], ...quoting })
      .refine(({ again }) => again === undefined, quoting),
  })
  class Paid {
    token?: string;
    card?: Card;
    again?: string;
  }
  Secret()(Paid.prototype, 'token');

  it('is not told either: of the class itself on both ways', async () => {
    expect(await shownOf(Paid, { token: pin })).not.toContain('hunter2');
    expect(await shownOf(Paid, { token: 'h2', again: 'x' })).not.toContain('h2');
  });

  it('nor in words about the whole event that quote it in another form', async () => {
    const schema = z.object({ pin: z.string() }).refine(never, { error: ({ input }) => JSON.stringify(input).toUpperCase() });
    @event({ name: 'shouted', schema })
    class Shouted {
      pin = '';
    }
    Secret()(Shouted.prototype, 'pin');
    expect(await shownOf(Shouted, { pin })).not.toMatch(/hunter2/i);
  });

  it('nor that of a class within, where there is an instance of it', async () => {
    const paid = Object.assign(new Paid(), { card: Object.assign(new Card(), { pin }) });
    expect(JSON.stringify(await bothWays.faultsOnSending(paid))).not.toContain('hunter2');
    const quoted = Object.assign(new Paid(), { card: Object.assign(new Card(), { pin: 'h2' }), again: 'x' });
    expect(JSON.stringify(await bothWays.faultsOnSending(quoted))).not.toContain('h2');
  });
});
