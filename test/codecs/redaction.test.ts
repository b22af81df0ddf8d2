import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { faultOf, holdsSecret, Secrets, SecretTexts, shown } from '../../src/codecs/redaction.js';
import { Secret } from '../../src/index.js';

class Card {
  @Secret() number: unknown = 'hunter2';
  owner = 'Ann';
}

class Order {
  card: unknown = new Card();
  text: unknown = 'a';
}

describe('a value in a few words', () => {
  it.each<[unknown, string]>([
    ['abc', '"abc"'],
    ['', '""'],
    ['a"\n', '"a\\"\\n"'],
    ['x'.repeat(40), `"${'x'.repeat(40)}"`],
    ['x'.repeat(41), `"${'x'.repeat(40)}"...`],
    [12, '12'],
    [-0.5, '-0.5'],
    [NaN, 'NaN'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'nothing'],
    [10n, 'a bigint'],
    [Symbol('hunter2'), 'a symbol'],
    [() => 'hunter2', 'a function'],
    [[1, 'hunter2', 3], 'an array of 3'],
    [{ a: 'hunter2' }, 'an object'],
    [Object.create(null), 'an object'],
    [new Date(0), 'a Date'],
    [new Date(NaN), 'an invalid Date'],
    [new Map([['hunter2', 1]]), 'a Map of 1'],
    [new Set(['hunter2', 1]), 'a Set of 2'],
  ])('%p is %s', (value, words) => {
    expect(shown(value)).toBe(words);
  });
});

describe('what may be told of a fault', () => {
  const finding = { keys: ['card', 'number'], message: 'hunter2 is no number', expected: 'isCreditCard', value: 'hunter2' };

  it('is all of it where nothing is secret', () => {
    expect(faultOf(finding, 'no')).toEqual({
      path: 'card.number',
      message: 'hunter2 is no number',
      expected: 'isCreditCard',
      received: '"hunter2"',
    });
  });

  it.each(['itself', 'holds'] as const)('is neither value nor words of the rule where it is secret (%s)', (secret) => {
    expect(faultOf(finding, secret)).toEqual({
      path: 'card.number',
      message: 'does not keep the rule isCreditCard',
      expected: 'isCreditCard',
    });
    expect(faultOf({ ...finding, expected: undefined }, secret)).toEqual({ path: 'card.number', message: 'is not valid' });
  });

  it('does not quote the secret of another field', () => {
    const event = new Order();
    const about = (message: string, value: unknown) => new Secrets(event).told({ keys: ['text'], message, expected: 'same', value }, 'no');
    const silent = { path: 'text', message: 'does not keep the rule same', expected: 'same' };
    expect(about('is not hunter2', 'a')).toEqual(silent);
    expect(about('is not the same', 'hunter2')).toEqual(silent);
    expect(about('is not the same', 'a')).toMatchObject({ message: 'is not the same', received: '"a"' });
  });

  it.each<[string, unknown, string]>([
    ['a number', 4711, 'not 4711'],
    ['a date', new Date('2026-01-02T03:04:05Z'), 'not 2026-01-02T03:04:05.000Z'],
    ['a text with quotes', 'a"b', 'not "a\\"b"'],
    ['something in an array', ['x', ['hunter3']], 'not hunter3'],
    ['something in an object', { a: { b: 'hunter4' } }, 'not hunter4'],
    ['the key of a map', new Map([['hunter5', 1]]), 'not hunter5'],
  ])('finds %s in messages', (_, number, message) => {
    const event = Object.assign(new Order(), { card: Object.assign(new Card(), { number }) });
    expect(new Secrets(event).told({ keys: ['text'], message, value: 'a' }, 'no').message).toBe('is not valid');
  });
});

describe('more secrets than can be looked for in each fault', () => {
  const secrets = (count: number) => new SecretTexts(Array.from({ length: count }, (_, index) => `secret-${String(index)}`));

  it('are taken to be in any', () => {
    expect(secrets(1000).quotedIn('is not valid')).toBe(false);
    expect(secrets(1001).quotedIn('is not valid')).toBe(true);
  });
});

describe('an object that holds a secret', () => {
  it('is found at any depth, in arrays, maps, sets and circles', () => {
    const circle: { self?: unknown; list: unknown[] } = { list: [new Map([['a', new Set([{ card: new Card() }])]])] };
    circle.self = circle;
    expect(holdsSecret(circle)).toBe(true);
    circle.list = [new Map([['a', new Set([{ card: { number: 'hunter2' } }])]])];
    expect(holdsSecret(circle)).toBe(false);
  });

  it('is found by the class that it extends, and behind a getter', () => {
    class Gold extends Card {}
    class Computed {
      @Secret() get code(): string {
        return ['hunter', '6'].join('');
      }
    }
    expect(holdsSecret(new Gold())).toBe(true);
    const about = new Secrets({ computed: new Computed() }).told({ keys: ['a'], message: 'not hunter6', value: 1 }, 'no');
    expect(about.message).toBe('is not valid');
  });

  it('is no reason to fail where a getter throws', () => {
    class Broken {
      @Secret() get code(): string {
        throw new Error('hunter7');
      }
    }
    expect(holdsSecret({ a: new Broken() })).toBe(true);
    expect(() => new Secrets({ a: new Broken() })).not.toThrow();
  });
});
