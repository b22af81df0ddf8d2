import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { wireMessage } from '../../../src/providers/stomp/stomp-message.js';
import { randomFrom } from '../../support/random.js';
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

const nasty: readonly string[] = [
  ...['', ' ', '  x  ', '\tx\t', '\u00a0x\u00a0', '\ufeffx\ufeff', '\n', '\r', '\r\n', 'a\nb', 'a\rb', 'a\r\nb', '\n\n', ':', '::', 'a:b'],
  ...[
    '\\',
    '\\\\',
    '\\n',
    '\\r',
    '\\c',
    '\\t',
    'C:\\new\\cat\\run',
    '{"a":"\\n\\\\"}',
    'x\\',
    '\0',
    'a\0b',
    '\u0001\u001f\u007f',
    '\u0085\u2028',
  ],
  ...['é', '€', '😀', '👩‍👩‍👧', 'e\u0301', '%0A%25', 'true', '0', 'null', 'x'.repeat(8_192), 'é\\\n:'.repeat(2_048), '"\'<>&'],
];

/** Sent over both protocols, each is read over both. */
async function expectUnchanged(headers: ReadonlyMap<string, string>, why: string): Promise<void> {
  const senders = { stomp: crossing.sendOverStomp.bind(crossing), amqp: crossing.sendOverAmqp.bind(crossing) };
  for (const [sender, send] of Object.entries(senders)) {
    await send(wire('x', { headers }));
    const read = await crossing.both();
    for (const [reader, message] of Object.entries(read))
      for (const name of new Set([...headers.keys(), ...message.headers.keys()]))
        if (message.headers.get(name) !== headers.get(name))
          throw new Error(
            `${why}, ${sender} to ${reader}: ${JSON.stringify([name, headers.get(name), message.headers.get(name)]).slice(0, 500)}`,
          );
  }
}

describe('headers', () => {
  test('of every nasty kind come as they were, in all four directions', async () => {
    expect(nasty.length).toBe(41);
    await expectUnchanged(new Map(nasty.map((value, index) => [`h${String(index)}`, value])), 'nasty');
  });

  test('with a lone surrogate come with a replacement, and with the same one', async () => {
    for (const send of [crossing.sendOverStomp.bind(crossing), crossing.sendOverAmqp.bind(crossing)]) {
      await send(wire('x\ud800', { headers: new Map([['h', 'a\udc00b']]) }));
      const { stomp, amqp } = await crossing.both();
      for (const read of [stomp, amqp]) expect([read.body, read.headers.get('h')]).toEqual(['x\ufffd', 'a\ufffdb']);
    }
  });

  test('that are random come as they were, a thousand of them in all four directions', async () => {
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    const character = (): string =>
      random() < 0.3
        ? pick(nasty.filter(({ length }) => length < 3))
        : String.fromCodePoint(Math.floor(random() * pick([0x20, 0x80, 0x800, 0xd800, 0x1_0000])) | 0);
    const value = (): string => {
      let text = '';
      for (let n = Math.floor(random() * (random() < 0.02 ? 8_192 : 24)); n > 0; n--) text += character();
      return text.toWellFormed();
    };
    let sent = 0;
    while (sent < 1_000) {
      const headers = new Map<string, string>();
      // Names of others may hold anything too; the first letters keep them from being the broker's.
      for (let n = 0; n < 50; n++) headers.set(`x${String(n)}${random() < 0.3 ? value().slice(0, 20).toWellFormed() : ''}`, value());
      await expectUnchanged(headers, `seed ${String(seed)}`);
      sent += headers.size;
    }
  });

  test('of an AMQP sender that are named as those of the protocol do no harm', async () => {
    const names = [
      'ack',
      'message-id',
      'subscription',
      'destination',
      'transaction',
      'persistent',
      'priority',
      'receipt',
      'redelivered',
      'type',
    ];
    await crossing.publish({
      body: 'x',
      durable: true,
      application_properties: { ...Object.fromEntries(names.map((name) => [name, 'evil'])), h: 'x' },
    });
    const frame = await crossing.overStomp();
    expect(frame.said.get('ack')).toBe(frame.said.get('message-id'));
    expect(wireMessage(frame)).toMatchObject({ durable: true, headers: new Map([['h', 'x']]) });
    await crossing.overAmqp();
    // A wrong ACK would have closed the connection.
    await operator.holds(crossing.stomp.queue, 0);
  });

  test('beside the first of a name are dropped: the broker writes destination-type twice, and what was sent again', async () => {
    await crossing.sendRaw(
      { priority: '7', type: 't', 'reply-to': 'replies.x', 'content-type': 'a/b', expires: String(Date.now() + 60_000) },
      'x',
    );
    const { said } = await crossing.overStomp();
    expect(record(said)).toMatchObject({
      priority: '7',
      type: 't',
      'reply-to': 'replies.x',
      'content-type': 'a/b',
      'destination-type': 'MULTICAST',
    });
    expect(await crossing.overAmqp()).toMatchObject({ priority: 7, subject: 't', reply_to: 'replies.x' });
  });
});
