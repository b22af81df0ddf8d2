import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { wireMessage as amqpWireMessage } from '../../../src/providers/amqp/amqp-message.js';
import { dataSection } from '../../../src/providers/amqp/rhea-message.js';
import type { MessageFrame } from '../../../src/providers/stomp/frame-reader.js';
import { wireMessage } from '../../../src/providers/stomp/stomp-message.js';
import { Operator, wire } from '../amqp/support.js';
import { Crossing } from './crossing.js';
import { record } from './support.js';

let operator: Operator;
let crossing: Crossing;
beforeAll(async () => {
  operator = await Operator.open();
  crossing = await Crossing.open(operator);
});
afterEach(() => {
  // A closed connection would make every later test fail for the reason of an earlier one.
  expect(crossing.peer.others.filter((frame) => frame.startsWith('ERROR'))).toEqual([]);
});
afterAll(async () => {
  crossing.peer.close();
  await operator.close();
});

describe('the place of content-length', () => {
  const placeOf = ({ said }: MessageFrame): string | undefined => {
    const names = [...said.keys()];
    const at = names.indexOf('content-length');
    return at < 0 ? undefined : names[at - 1];
  };
  test.each<[string, () => Promise<void>, string | undefined, boolean]>([
    ['a STOMP text', () => crossing.sendRaw({}, 'é'), 'ack', true],
    ['an empty STOMP text', () => crossing.sendRaw({}, ''), undefined, true],
    ['STOMP bytes', () => crossing.sendRaw({}, Buffer.from([0, 255])), 'subscription', false],
    ['large STOMP bytes', () => crossing.sendRaw({}, Buffer.alloc(300_000, 0x61)), 'subscription', false],
    ['a large STOMP text', () => crossing.sendRaw({}, 'é'.repeat(200_000)), 'ack', true],
    ['an AMQP string', () => crossing.publish({ body: 'é' }), 'ack', true],
    ['an AMQP string with NUL', () => crossing.publish({ body: 'a\0b' }), 'ack', true],
    ['an AMQP Data section', () => crossing.publish({ body: dataSection(Buffer.from('{}')) }), 'subscription', false],
    [
      'an AMQP Data section of JSON, which the broker shows as a text',
      () => crossing.publish({ body: dataSection(Buffer.from('{}')), content_type: 'application/json' }),
      'ack',
      true,
    ],
    ['AMQP binary', () => crossing.publish({ body: Buffer.from('x') }), 'subscription', false],
  ])('tells what the body is: %s', async (_kind, send, place, isText) => {
    await send();
    const frame = await crossing.overStomp();
    expect([placeOf(frame), frame.isText]).toEqual([place, isText]);
    await crossing.overAmqp();
  });
});

describe('a body', () => {
  const bodies: readonly (readonly [string, string | Buffer])[] = [
    ['text', '{"é":"😀\\n"}'],
    ['an empty text', ''],
    ['a text with NUL', 'a\0b\0'],
    ['bytes', Buffer.from([0, 255, 10, 0])],
    ['empty bytes', Buffer.alloc(0)],
    ['bytes that look like a frame', Buffer.from('\n\nMESSAGE\n\n\0\0')],
    ['a text of 300 KB', 'é😀'.repeat(50_000)],
    ['300 KB', Buffer.alloc(300_000, 0xfe)],
  ];
  test.each(bodies)('sent over STOMP comes as what it was, over both protocols: %s', async (_kind, body) => {
    await crossing.sendOverStomp(wire(body));
    const { stomp, amqp } = await crossing.both();
    expect([stomp.body, amqp.body]).toEqual([body, body]);
    expect([...stomp.headers, ...amqp.headers]).toEqual([]);
  });

  test.each(bodies)('sent over AMQP comes as what it was, over both protocols: %s', async (_kind, body) => {
    await crossing.sendOverAmqp(wire(body));
    const { stomp, amqp } = await crossing.both();
    expect([stomp.body, amqp.body]).toEqual([body, body]);
  });

  test('of JSON as an AMQP Data section comes as bytes with its type', async () => {
    await crossing.publish({ body: dataSection(Buffer.from('{}')), content_type: 'application/json' });
    const { stomp, amqp } = await crossing.both();
    for (const read of [stomp, amqp]) expect(read).toMatchObject({ body: Buffer.from('{}'), contentType: 'application/json' });
  });
});

describe('ids and content types', () => {
  test('are the same over both protocols, whoever sent them', async () => {
    const message = wire(Buffer.from([1]), {
      durable: false,
      contentType: 'application/cbor',
      correlationId: 'c: 1',
      headers: new Map([
        ['tidings_id', 'id-1'],
        ['id', 'mine'],
        ['subject', 'too'],
      ]),
    });
    for (const send of [crossing.sendOverStomp.bind(crossing), crossing.sendOverAmqp.bind(crossing)]) {
      await send(message);
      const { stomp, amqp } = await crossing.both();
      for (const read of [stomp, amqp]) {
        expect(record(read.headers)).toEqual(record(message.headers));
        expect(read).toMatchObject({
          durable: false,
          contentType: 'application/cbor',
          correlationId: 'c: 1',
          nativeId: 'id-1',
          body: message.body,
        });
      }
    }
  });

  test.each(['ID:AMQP_ULONG:x', 'ID:AMQP_STRING:y', 'ID:mine', ' ', 'é'])(
    'that look like something else do not keep a message from anybody: %j',
    async (id) => {
      await crossing.sendOverStomp(wire('x', { contentType: id, correlationId: id, headers: new Map([['cloudEvents_id', id]]) }));
      const { stomp, amqp } = await crossing.both();
      for (const read of [stomp, amqp]) expect(read).toMatchObject({ contentType: id, correlationId: id, nativeId: id });
    },
  );

  test.each<[unknown, string]>([
    ['mid', 'mid'],
    ['ID:mid', 'ID:mid'],
    ['ID:AMQP_ULONG:9', 'ID:AMQP_ULONG:9'],
    [7, '7'],
    ['', ''],
  ])('of AMQP senders are read alike: %j', async (id, text) => {
    await crossing.publish({ body: 'x', message_id: id, correlation_id: id });
    const frame = await crossing.overStomp();
    const [stomp, amqp] = [wireMessage(frame), amqpWireMessage(await crossing.overAmqp())];
    expect([stomp.correlationId, amqp.correlationId, amqp.nativeId]).toEqual(Array(3).fill(text === '' ? undefined : text));
    expect(stomp.nativeId).toBe(text === '' ? frame.said.get('message-id')?.split(',')[1] : text);
  });

  test('of a STOMP sender who gave none is that of the broker, the same for every consumer', async () => {
    await crossing.sendRaw({}, 'x');
    const frame = await crossing.overStomp();
    await crossing.overAmqp();
    const { nativeId } = wireMessage(frame);
    expect(nativeId).toMatch(/^\d+$/);
    expect(frame.said.get('message-id')).toMatch(new RegExp(`^\\d+,${nativeId!}$`));
  });
});
