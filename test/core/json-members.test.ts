import { describe, expect, it } from '@jest/globals';
import { memberText } from '../../src/core/json-members.js';
import { randomFrom } from '../support/random.js';

const rounds = 2_000;
const pieces = ['data', '"', '\\', '\\"', '{', '}', '[', ']', ',', ':', ' ', '\n', 'ü', '😀', '\ud800', '\u0000', 'x'];

describe('the text of a member', () => {
  it.each([
    ['a number with all its digits', '{"data":12345678901234567890.10}', '12345678901234567890.10'],
    ['without the blanks around it', '{ "a" : 1 , "data" \n:\t [ 1 , 2 ]\r\n }', '[ 1 , 2 ]'],
    ['a text with escaped quotes', String.raw`{"data":"a\",\"b\":1}\\\"","b":"\\"}`, String.raw`"a\",\"b\":1}\\\""`],
    ['a text that ends with a backslash', String.raw`{"a":"\\","data":"\\"}`, String.raw`"\\"`],
    ['the last of several', '{"data":1,"data":{"data":2},"b":3}', '{"data":2}'],
    ['of a name that is escaped', String.raw`{"d\u0061ta":true}`, 'true'],
    ['none of an inner object', '{"a":{"data":1},"b":[{"data":2}]}', ''],
    ['none of a value that looks like it', '{"a":"data","b":["data",1]}', ''],
    ['none of an empty object', '{}', ''],
  ])('is %s', (_what, json, expected) => {
    expect(memberText(json, 'data')).toBe(expected);
  });

  it('is what JSON.parse reads, whatever stands around it', () => {
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const text = (): string => Array.from({ length: Math.floor(random() * 6) }, () => pick(pieces)).join('');
    const value = (depth: number): unknown => {
      const kind = Math.floor(random() * (depth > 3 ? 4 : 6));
      if (kind === 4) return Array.from({ length: Math.floor(random() * 4) }, () => value(depth + 1));
      if (kind === 5) return object(depth + 1);
      return [text(), random() * 1e6, random() > 0.5, null][kind];
    };
    const object = (depth: number): object => Object.fromEntries(Array.from({ length: 4 }, () => [text(), value(depth)]));
    for (let round = 0; round < rounds; round++) {
      const members = [...Object.entries(object(0)), ['data', value(0)] as const].sort(() => random() - 0.5);
      const json = JSON.stringify(Object.fromEntries(members), undefined, pick([undefined, 1, '\t']));
      const expected = (JSON.parse(json) as { data: unknown }).data;
      expect({ seed, json, data: JSON.parse(memberText(json, 'data')) as unknown }).toEqual({ seed, json, data: expected });
    }
  });
});
