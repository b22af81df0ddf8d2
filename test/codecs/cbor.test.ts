import { describe, expect, it } from '@jest/globals';
import { cbor } from '../../src/codecs/cbor/index.js';
import { EventCodec } from '../../src/codecs/event-codec.js';
import { described, errorOf } from './fixtures.js';

class Reading {
  a: unknown = undefined;

  constructor(a?: unknown) {
    this.a = a;
  }
}

const codec = await EventCodec.create({ codecs: [cbor()], contentType: 'application/cbor' });
const reading = described(Reading);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
/** A map with the field `a`, and this for its value. */
const withA = (value: string): Buffer => hex(`a1 6161 ${value}`);

function read(body: string | Uint8Array): unknown {
  return (codec.read(body, 'application/cbor', reading) as { a: unknown }).a;
}

function refusal(body: string | Uint8Array): string {
  const error = errorOf(() => read(body));
  expect([error.code, error.cause]).toEqual(['undecodable', undefined]);
  return error.message;
}

describe('an event as CBOR', () => {
  it.each([
    ['text', 'ü€😀 \ufeff\ufffd\0'],
    ['a byte order mark', '\ufeffbody that is longer than thirty-two bytes'],
    ['numbers', [0, 1, -1, 23, 24, 255, 256, 65_536, 4_294_967_296, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]],
    ['fractions', [0.5, 1.1, -4.1, 1e300, 5e-324, 2 ** 53, 1e21]],
    ['the others', [true, false, null, [], {}, [[]], { b: { c: [{}] } }]],
    ['odd names', { '': 1, ü: 2, constructor: 3, 'a b': 4, '10': 5, '2': 6 }],
  ])('comes back as it was: %s', (_what, value) => {
    const body = codec.encode(new Reading(value), reading);
    expect(body).toBeInstanceOf(Uint8Array);
    expect(codec.make(codec.read(body, 'application/cbor', reading), reading)).toEqual(new Reading(value));
  });

  it('holds what JSON would: dates are texts, and what is undefined is left out', () => {
    const body = codec.encode(new Reading({ at: new Date(0), nothing: undefined, list: [undefined] }), reading);
    expect(read(body)).toEqual({ at: '1970-01-01T00:00:00.000Z', list: [null] });
  });

  it('keeps the order of its fields', () => {
    const names = ['zebra', 'b', 'aa', 'a'];
    const body = codec.encode(new Reading(Object.fromEntries(names.map((name) => [name, 1]))), reading);
    expect(Object.keys(read(body) as object)).toEqual(names);
  });

  it('has bytes of its own, which the next one does not change', () => {
    const bodies = Array.from({ length: 50 }, (_, n) => codec.encode(new Reading(n), reading));
    expect(bodies.map(read)).toEqual([...bodies.keys()]);
  });

  it('is refused with the path of what JSON has no word for', () => {
    expect(errorOf(() => codec.encode(new Reading({ b: [10n] }), reading)).message).toContain('a.b[0]');
  });
});

// RFC 8949, appendix A.
describe('CBOR of other programs', () => {
  it.each([
    ['00', 0],
    ['1903e8', 1000],
    ['1b000000e8d4a51000', 1_000_000_000_000],
    ['3903e7', -1000],
    ['f90000', 0],
    ['f93c00', 1],
    ['f97bff', 65_504],
    ['fa47c35000', 100_000],
    ['fb3ff199999999999a', 1.1],
    ['f90001', 5.960_464_477_539_063e-8],
    ['f4', false],
    ['f6', null],
    ['62225c', '"\\'],
    ['63e6b0b4', '水'],
    ['83010203', [1, 2, 3]],
    ['9f018202039f0405ffff', [1, [2, 3], [4, 5]]],
    ['bf61610161629f0203ffff', { a: 1, b: [2, 3] }],
    ['c074323031332d30332d32315432303a30343a30305a', '2013-03-21T20:04:00.000Z'],
    ['c11a514b67b0', '2013-03-21T20:04:00.000Z'],
    ['c1fb41d452d9ec200000', '2013-03-21T20:04:00.500Z'],
  ])('%s is read', (value, expected) => {
    expect(read(withA(value))).toEqual(expected);
  });

  it('may say at its head that it is CBOR', () => {
    expect(read(hex('d9d9f7 a1 6161 01'))).toBe(1);
  });

  it.each([
    ['a number above the safe ones', '82 01 1bffffffffffffffff', 'a[1] is a bigint'],
    ['a number below the safe ones', '3bffffffffffffffff', 'a is a bigint'],
    ['bytes', 'a1 6162 4401020304', 'a.b is a Uint8Array'],
    ['undefined', '81 f7', 'a[0] is undefined'],
    ['NaN', 'f97e00', 'a is not a finite number'],
    ['Infinity', 'fa7f800000', 'a is not a finite number'],
    ['-Infinity', 'fbfff0000000000000', 'a is not a finite number'],
  ])('with %s is refused with its path', (_what, value, message) => {
    expect(refusal(withA(value))).toContain(message);
  });

  it.each([
    ['a bignum', withA('c2 49 010000000000000000')],
    ['an own tag', withA('d8ff 01')],
    ['a date of a wrong kind', withA('c0 01')],
    ['a date that is none', withA('c1 f97e00')],
    ['a simple value', withA('f8ff')],
    ['a text in pieces', withA('7f 6161 ff')],
    ['a text that is no UTF-8', withA('62 c328')],
    ['a long text that is no UTF-8', withA(`78 28 ${'61'.repeat(39)}ff`)],
    ['a name that is no UTF-8', hex('a1 62 c328 01')],
    ['a name that is a number', hex('a1 01 02')],
    ['a field twice', hex('a2 6161 01 6161 02')],
    ['nothing', new Uint8Array()],
    ['too few bytes', withA('19 03')],
    ['bytes behind it', Buffer.concat([withA('01'), hex('00')])],
    ['an end without a begin', hex('ff')],
    ['a list that lies', withA('9b 001fffffffffffff')],
    ['an object that lies', withA('bb ffffffffffffffff')],
    ['a text that lies', withA('7b 0000ffffffffffff 61')],
    ['bytes that lie', withA('5a ffffffff 61')],
    ['text', '{"a":1}'],
    ['100 000 levels of lists', hex('81'.repeat(100_000))],
    ['100 000 levels of objects', hex(`${'a16161'.repeat(100_000)}00`)],
    ['100 000 tags', hex(`${'d9d9f7'.repeat(100_000)}a0`)],
  ])('with %s is refused', (_what, body) => {
    expect(refusal(body)).toContain('application/cbor');
  });

  it.each([
    ['deep', hex(`${'a16161'.repeat(1001)}00`), 'deeper than 1000'],
    ['__proto__', withA('a1 695f5f70726f746f5f5f a1 68706f6c6c7574656401'), "'__proto__'"],
    ['a list', hex('8100'), 'array'],
    ['a number', hex('01'), 'number'],
    ['bytes', hex('4101'), 'Uint8Array'],
  ])('that is or has %s is refused as JSON is', (_what, body, reason) => {
    expect(refusal(body)).toContain(reason);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('is not quoted in the refusal', () => {
    const secret = Buffer.from('hunter2').toString('hex');
    for (const body of [hex(`a1 67${secret} 67`), hex(`a2 6161 67${secret} 6161 67${secret}`), withA(`c0 67${secret}`), hex(`67${secret}`)])
      expect(refusal(body)).not.toContain('hunter2');
  });

  it('takes no more memory than there are bytes, whatever lengths it says', () => {
    const lies = ['9a', 'ba', '7a', '5a'].map((type) => withA(`${type} ffffffff`));
    const before = process.memoryUsage();
    for (let n = 0; n < 1000; n++) for (const lie of lies) refusal(lie);
    const after = process.memoryUsage();
    expect(after.rss + after.external - before.rss - before.external).toBeLessThan(200_000_000);
  });
});
