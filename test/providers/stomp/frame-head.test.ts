import { describe, expect, test } from '@jest/globals';
import { HeadReader } from '../../../src/providers/stomp/frame-head.js';
import { randomFrom } from '../../support/random.js';
import { Told, frameOf } from './support.js';

const read = (reader: HeadReader, lines: readonly string[]) => {
  const { said, headers, isText } = reader.read(['MESSAGE', ...lines].join('\n'), 0);
  return { said: [...said], headers: [...headers], isText };
};

describe('heads that come one after the other', () => {
  test('are told apart however alike they are', () => {
    const reader = new HeadReader();
    expect(read(reader, ['a:1', 'b:2', 'type:3']).headers).toEqual([
      ['a', '1'],
      ['b', '2'],
    ]);
    // One name begins with another, one stands in place of another, one line more, one less.
    expect(read(reader, ['aa:1', 'b:2', 'type:3']).headers[0]).toEqual(['aa', '1']);
    expect(read(reader, ['a:1', 'c:2', 'type:3']).headers[1]).toEqual(['c', '2']);
    expect(read(reader, ['a:1', 'x:a:1', 'c:2', 'type:3', 'z:']).headers).toEqual([
      ['a', '1'],
      ['x', 'a:1'],
      ['c', '2'],
      ['z', ''],
    ]);
    expect(read(reader, ['a:1'])).toEqual({ said: [], headers: [['a', '1']], isText: true });
    expect(() => read(reader, ['a'])).toThrow(/without a colon: "a"/);
  });

  test('take the first of repeated names, whether the head before had it twice or not', () => {
    const reader = new HeadReader();
    const heads = [
      ['a:1', 'b:2', 'a:3', 'ack:x', 'ack:y'],
      ['a:4', 'b:5', 'a:6', 'ack:z', 'ack:w'],
      ['b:1', 'a:2', 'a:3', 'ack:1'],
      ['b:1', 'c:2', 'a:3', 'b:4'],
    ];
    expect(heads.map((lines) => read(reader, lines)).map(({ said, headers }) => Object.fromEntries([...said, ...headers]))).toEqual([
      { a: '1', b: '2', ack: 'y' },
      { a: '4', b: '5', ack: 'w' },
      { b: '1', a: '2', ack: '1' },
      { b: '1', c: '2', a: '3' },
    ]);
  });

  test('are read as each would be alone, whatever came before', () => {
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    const names = [
      'a',
      'ab',
      'a\\cb',
      'b\\\\',
      'ack',
      'message-id',
      'content-length',
      'type',
      'cloudEvents_id',
      'tidings_body',
      'n\\n',
      'é',
    ];
    const values = ['', '0', '7', 'x\\cy', '\\\\', '\\n\\r', '\\', '\\t', 'a:b', 'é😀', 'ab:1'];
    const reader = new HeadReader();
    let lines: string[] = [];
    for (let round = 0; round < 20_000; round++) {
      // Mostly as before, with something changed.
      const line = `${pick(names)}:${pick(values)}`;
      const at = Math.floor(random() * (lines.length + 1));
      const how = random();
      lines = lines.length > 12 ? [] : lines.toSpliced(at, how < 0.6 ? 1 : 0, ...(how < 0.2 ? [] : [line]));
      const end = random() < 0.05 ? '\r' : '';
      const text = lines.map((whole) => whole.replace(/content-length:.*/, 'content-length:3') + end);
      expect([seed, text, read(reader, text)]).toEqual([seed, text, read(new HeadReader(), text)]);
    }
  });
});

describe('a head', () => {
  test('keeps what the broker says apart from what the sender says', () => {
    const { said, headers } = frameOf({
      destination: 'E',
      JMS_AMQP_HEADER: 'true',
      tidings_body: 'text',
      tidings_id: 'i',
      'message-id': '1',
    });
    expect([...said.keys()]).toEqual(['destination', 'JMS_AMQP_HEADER', 'tidings_body', 'message-id']);
    expect([...headers]).toEqual([['tidings_id', 'i']]);
  });
});

describe('a receipt', () => {
  test.each([
    ['as the broker writes it', 'RECEIPT\nreceipt-id:our-17\n\n\0'],
    ['with carriage returns', 'RECEIPT\r\nreceipt-id:our-17\r\n\r\n\0'],
    ['with more headers', 'RECEIPT\nx:y\nreceipt-id:our-17\nz:\n\n\0'],
    ['with a length', 'RECEIPT\nreceipt-id:our-17\ncontent-length:0\n\n\0'],
  ])('is told with its id: %s', (_how, text) => {
    for (let cut = 0; cut <= text.length; cut++)
      expect(new Told().read(`\n${text.slice(0, cut)}`, `${text.slice(cut)}${text}`).receipts).toEqual(['our-17', 'our-17']);
  });

  test('of an id that is no number, or goes on, is told whole', () => {
    expect(new Told().read('RECEIPT\nreceipt-id:our-1a\n\n\0RECEIPT\nreceipt-id:our-\n\n\0').receipts).toEqual(['our-1a', 'our-']);
    expect(new Told().read('RECEIPT\nreceipt-id:ou-1\n\n\0').others).toEqual(['RECEIPT\nreceipt-id:ou-1\n\n\0']);
  });
});
