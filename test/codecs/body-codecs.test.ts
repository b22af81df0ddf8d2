import { describe, expect, it } from '@jest/globals';
import { BodyCodecs, codecMistakes } from '../../src/codecs/body-codecs.js';
import { EventCodec } from '../../src/codecs/event-codec.js';
import type { BodyCodec } from '../../src/core/codec.js';
import { described, errorOf, faultsOf } from './fixtures.js';

class Pair {
  a: unknown = undefined;
  b: unknown = undefined;
}

const pair = described(Pair);

/** `a=1&b=2`, as texts. */
const form: BodyCodec = {
  contentTypes: ['application/x-www-form-urlencoded', 'text/x-form'],
  encode: (fields) => new URLSearchParams(fields as Record<string, string>).toString(),
  decode: (body) => Object.fromEntries(new URLSearchParams(String(body))),
};

/** Gives out whatever it was made with. */
function giving(value: unknown): BodyCodec {
  return { contentTypes: ['x/y'], encode: () => '', decode: () => value };
}

function failing(error: unknown): BodyCodec {
  const fail = (): never => {
    throw error;
  };
  return { contentTypes: ['x/y'], encode: fail, decode: fail };
}

async function refusalOf(value: unknown): Promise<string> {
  const codec = await EventCodec.create({ codecs: [giving(value)] });
  const error = errorOf(() => codec.read('', 'x/y', pair));
  expect([error.code, error.cause]).toEqual(['undecodable', undefined]);
  return error.message;
}

describe('a codec of its own', () => {
  it('writes and reads what it is for, and text if it likes', async () => {
    const codec = await EventCodec.create({ codecs: [form] });
    const descriptor = described(Pair, { contentType: 'application/x-www-form-urlencoded' });
    const body = codec.encode(Object.assign(new Pair(), { a: 'x y', b: 'ü' }), descriptor);
    expect([body, codec.contentType(descriptor)]).toEqual(['a=x+y&b=%C3%BC', 'application/x-www-form-urlencoded']);
    for (const type of ['application/x-www-form-urlencoded', 'Text/X-Form; charset=utf-8'])
      expect(codec.make(codec.read(body, type, pair), pair)).toEqual(Object.assign(new Pair(), { a: 'x y', b: 'ü' }));
  });

  it('stands beside JSON: each message is read as what it says it is', async () => {
    const codec = await EventCodec.create({ codecs: [form], contentType: 'text/x-form' });
    expect(codec.read('{"a":1}', undefined, pair)).toEqual({ a: 1 });
    expect(codec.read('{"a":1}', 'application/json', pair)).toEqual({ a: 1 });
    expect(codec.read('a=1', 'text/x-form', pair)).toEqual({ a: '1' });
    expect(codec.encode(Object.assign(new Pair(), { a: 1, b: 2 }), described(Pair, { contentType: 'application/vnd.pair+json' }))).toBe(
      '{"a":1,"b":2}',
    );
  });

  it('gets what JSON would hold, and nothing of the event itself', async () => {
    const given: object[] = [];
    const codec = await EventCodec.create({
      codecs: [{ contentTypes: ['x/y'], encode: (fields) => (given.push(fields), ''), decode: () => ({}) }],
      contentType: 'x/y',
    });
    const event = Object.assign(new Pair(), { a: new Date(0), b: { c: [1] } });
    codec.encode(event, pair);
    expect(given).toEqual([{ a: '1970-01-01T00:00:00.000Z', b: { c: [1] } }]);
    expect((given[0] as Pair).b).not.toBe(event.b);
  });

  it.each([new Error('no room'), 'a text', undefined])('that throws %p when it writes makes the event invalid', async (error) => {
    const codec = await EventCodec.create({ codecs: [failing(error)], contentType: 'x/y' });
    const [fault, ...more] = faultsOf(() => codec.encode(new Pair(), pair));
    expect([fault?.path, more]).toEqual(['', []]);
    expect(fault?.message).toMatch(/^cannot be written as x\/y: (?:no room|a text|undefined)$/);
  });

  it.each([undefined, null, 5, {}, [1]])('that writes %p, which is neither text nor bytes, makes the event invalid', async (body) => {
    const codec = await EventCodec.create({
      codecs: [{ contentTypes: ['x/y'], encode: () => body as string, decode: () => ({}) }],
      contentType: 'x/y',
    });
    expect(faultsOf(() => codec.encode(new Pair(), pair))[0]?.message).toContain('neither text nor bytes');
  });

  it.each([new Error('hunter2'), 'hunter2', undefined])(
    'that throws %p when it reads makes the message undecodable, unquoted',
    async (error) => {
      const codec = await EventCodec.create({ codecs: [failing(error)] });
      const refusal = errorOf(() => codec.read('hunter2', 'x/y', pair));
      expect([refusal.code, refusal.cause]).toEqual(['undecodable', undefined]);
      expect(refusal.message).toMatch(/x\/y$/);
    },
  );

  it.each([
    [{ a: new Map() }, 'a is a Map'],
    [{ a: [new Date(0)] }, 'a[0] is a Date'],
    [{ a: { 'b c': Buffer.from('x') } }, 'a["b c"] is a Uint8Array'],
    [{ a: 1n }, 'a is a bigint'],
    [{ a: undefined }, 'a is undefined'],
    [{ a: () => 1 }, 'a is a function'],
    [{ a: Symbol('s') }, 'a is a symbol'],
    [{ a: NaN }, 'a is not a finite number'],
    [{ a: 'x\ud800' }, 'a holds half a character'],
    [{ a: { '\udc00': 1 } }, 'a has a field whose name holds half a character'],
    [{ a: JSON.parse('{"__proto__":1}') as unknown }, "'__proto__'"],
    [new Map([['a', 1]]), 'its body is a Map'],
    [Array.from({ length: 3 }), 'array'],
    [undefined, 'undefined'],
    [null, 'null'],
    ['text', 'string'],
  ])('that reads %p has given what JSON has no word for', async (value, message) => {
    expect(await refusalOf(value)).toContain(message);
  });

  it('that reads what contains itself is stopped', async () => {
    const ring: { a?: unknown } = {};
    ring.a = [ring];
    expect(await refusalOf(ring)).toContain('deeper than 1000');
  });

  it('may read objects without a prototype, and of another realm', async () => {
    const codec = await EventCodec.create({
      codecs: [giving(Object.assign(Object.create(null) as object, { a: structuredClone({ b: 1 }) }))],
    });
    expect(codec.read('', 'x/y', pair)).toEqual({ a: { b: 1 } });
  });
});

describe('content types', () => {
  const bodies = new BodyCodecs([form]);

  it.each(['application/json', 'application/json; charset=utf-8', 'application/cloudevents+json', 'text/x-form', 'TEXT/X-FORM ; v=1'])(
    'that can be written: %s',
    (type) => {
      expect(bodies.mistake(type)).toBeUndefined();
    },
  );

  it.each(['application/cbor', 'json', '', 'text/plain', 'application/json; charset=utf-16', 'application/octet-stream'])(
    'that cannot: %j; the mistake names what there is',
    (type) => {
      expect(bodies.mistake(type)).toMatch(/'application\/json', 'application\/x-www-form-urlencoded', 'text\/x-form'$/);
    },
  );

  it('of an event that is only sent are found with it', async () => {
    const codec = await EventCodec.create();
    const error = errorOf(() => codec.contentType(described(Pair, { contentType: 'application/cbor' })));
    expect([error.code, error.message]).toEqual(['configuration', expect.stringContaining('application/cbor')]);
  });

  it('belong to one codec each, and JSON to none', () => {
    expect(codecMistakes([form, giving(1)])).toEqual([]);
    expect(codecMistakes([form, giving(1), form])).toEqual([
      "option 'codecs': two of them are for 'application/x-www-form-urlencoded'",
      "option 'codecs': two of them are for 'text/x-form'",
    ]);
    expect(codecMistakes([{ ...form, contentTypes: ['application/json'] }])).toEqual([expect.stringContaining('cannot be replaced')]);
  });
});
