import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { wireMessage as amqpWireMessage } from '../../../src/providers/amqp/amqp-message.js';
import { dataSection } from '../../../src/providers/amqp/rhea-message.js';
import type { AmqpMessage } from '../../../src/providers/amqp/rhea-message.js';
import { fullyQualified } from '../../../src/providers/artemis/artemis-words.js';
import { sendFrame } from '../../../src/providers/stomp/frame-writer.js';
import { outcomeCopy, queueCopy } from '../../../src/providers/stomp/stomp-copy.js';
import { outgoingSend, wireMessage } from '../../../src/providers/stomp/stomp-message.js';
import { randomFrom } from '../../support/random.js';
import { Operator, unique, wire } from '../amqp/support.js';
import { Crossing } from './crossing.js';
import { reread } from './support.js';

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

describe('a copy', () => {
  const foreign: AmqpMessage = {
    durable: true,
    priority: 7,
    message_id: 'mid',
    correlation_id: 9,
    subject: 'sub',
    reply_to: 'replies.x',
    group_id: 'g',
    content_type: 'application/octet-stream',
    content_encoding: 'gzip',
    application_properties: { h: 'C:\\new\n', n: 5, transaction: 't' },
    body: dataSection(Buffer.from([0, 255])),
  };

  test('to itself keeps what an AMQP sender said, for AMQP and for STOMP readers, and comes when it shall', async () => {
    await crossing.publish(foreign);
    const frame = await crossing.overStomp();
    await crossing.overAmqp();
    const received = { frame, message: wireMessage(frame) };
    const receipt = crossing.peer.nextReceipt();
    const notBefore = new Date(Date.now() + 400);
    const headers = { tidings_attempt: '2', n: undefined };
    const outcome = { do: 'copy', to: 'self', headers, notBefore, dedupeId: unique('d') } as const;
    await crossing.peer.send(receipt, outcomeCopy(received, outcome, crossing.stomp, { clockOffsetMs: 0, receipt }));
    const copied = await crossing.overStomp();
    // Not to its sibling.
    await operator.holds(crossing.amqp.queue, 0);
    expect(Date.now()).toBeGreaterThanOrEqual(notBefore.getTime());
    const { body, ...rest } = wireMessage(copied);
    expect(Buffer.from(body as Uint8Array)).toEqual(Buffer.from([0, 255]));
    const { body: _, headers: __, ...original } = received.message;
    expect(rest).toEqual({
      ...original,
      headers: new Map([
        ['h', 'C:\\new\n'],
        ['tidings_attempt', '2'],
      ]),
    });
    // The copy of the copy goes at once: nothing of the first delivery time is left.
    const again = crossing.peer.nextReceipt();
    const second = { frame: copied, message: wireMessage(copied) };
    const other = { ...crossing.amqp, archive: crossing.amqp.queue };
    await crossing.peer.send(
      again,
      outcomeCopy(second, { do: 'copy', to: 'self', headers: {} }, other, { clockOffsetMs: 0, receipt: again }),
    );
    const read = await crossing.overAmqp();
    expect(read).toMatchObject({
      durable: true,
      priority: 7,
      message_id: 'mid',
      correlation_id: 9,
      subject: 'sub',
      reply_to: 'replies.x',
      group_id: 'g',
      content_type: 'application/octet-stream',
      content_encoding: 'gzip',
    });
    expect(read.message_annotations).not.toHaveProperty('x-opt-delivery-time');
    expect(amqpWireMessage(read)).toMatchObject({
      body: Buffer.from([0, 255]),
      headers: new Map([
        ['h', 'C:\\new\n'],
        ['tidings_attempt', '2'],
      ]),
      correlationId: '9',
      nativeId: 'mid',
    });
    await operator.holds(crossing.stomp.queue, 0);
  });

  test.each(['multicast', 'anycast'] as const)(
    'to one queue of a %s address reaches no other one, whatever went over the connection before it',
    async (routing) => {
      const seed = Date.now() % 1_000_000;
      const random = randomFrom(seed);
      const address = unique(routing);
      const queues = routing === 'multicast' ? [unique('Q'), unique('Q'), address] : [address];
      for (const queue of queues) await operator.createQueue(address, queue, { 'routing-type': routing.toUpperCase() });
      const frame = reread(sendFrame([['h', 'x']], 'body'));
      const received = { frame, message: wireMessage(frame) };
      const expected = queues.map(() => 0);
      for (let sent = 0; sent < 40; sent++) {
        const receipt = crossing.peer.nextReceipt();
        const queue = Math.floor(random() * 2 * queues.length);
        if (queue >= queues.length) {
          await crossing.peer.send(receipt, outgoingSend(wire('body'), { address, routing, receipt }));
          for (const index of queues.keys()) expected[index]! += 1;
        } else {
          const to = fullyQualified(address, queues[queue]!);
          await crossing.peer.send(receipt, queueCopy(received, { to, headers: {} }, { to, routing, receipt }));
          expected[queue]! += 1;
        }
      }
      for (const [index, queue] of queues.entries()) await operator.holds(queue, expected[index]!);
    },
  );

  test('to the archive goes to its anycast queue, and lasts', async () => {
    const { archive } = crossing.stomp;
    await operator.createQueue(archive, archive, { 'routing-type': 'ANYCAST' });
    await crossing.sendOverStomp(wire('a\0b', { durable: false }));
    const frame = await crossing.overStomp();
    await crossing.overAmqp();
    const receipt = crossing.peer.nextReceipt();
    const outcome = { do: 'copy', to: 'archive', headers: { tidings_error_reason: 'failed' } } as const;
    await crossing.peer.send(
      receipt,
      outcomeCopy({ frame, message: wireMessage(frame) }, outcome, crossing.stomp, { clockOffsetMs: 0, receipt }),
    );
    const archived = await operator.take(archive);
    expect(archived.durable).toBe(true);
    expect(amqpWireMessage(archived)).toMatchObject({ body: 'a\0b', headers: new Map([['tidings_error_reason', 'failed']]) });
  });
});
