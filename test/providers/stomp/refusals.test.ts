import { describe, expect, test } from '@jest/globals';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { PeerFault } from '../../../src/providers/network/peer-fault.js';
import { errorFault } from '../../../src/providers/stomp/stomp-fault.js';
import { checkServer, sendRefusal, subscriptionRefusal } from '../../../src/providers/stomp/artemis-dialect.js';

const spec = { event: 'E', listener: 'L', queue: 'Q' } as SubscriptionSpec;
const fault = (text: string): PeerFault => new PeerFault('stomp:error', text);

describe('what the broker refuses', () => {
  test.each([
    [
      "AMQ229213: User: ro does not have permission='CREATE_DURABLE_QUEUE' for queue Q on address E",
      'permission',
      false,
      /right CREATE_DURABLE_QUEUE\. Grant it for address E/,
    ],
    [
      'AMQ339016 Error creating subscription 1',
      'permission',
      false,
      /does not tell why.*CONSUME on E::Q.*no further consumer.*another kind/,
    ],
    ['AMQ339001 Destination does not exist EQ', 'missing-queue', false, /there is no queue E::Q/],
    ['consumer with ID ServerConsumerImpl [id=355] disconnected by server', 'connection', true, /AMQP sender wrote a header of a type/],
    ['There already is a subscription for: 1', 'connection', true, /closed the connection/],
  ])('a subscription: %s', (text, code, retryable, message) => {
    const error = subscriptionRefusal(fault(text), spec);
    expect(error).toMatchObject({ code, retryable, message: expect.stringMatching(/^listener L of event E/) });
    expect(error.message).toMatch(message);
  });

  test.each([
    [
      "AMQ229032 User wo does not have permission='CREATE_ADDRESS' on address E",
      'permission',
      false,
      /send to E: the user lacks the right CREATE_ADDRESS/,
    ],
    ['AMQ339011 Error sending message CoreMessage[x=secret]', 'send-refused', true, /address is full, or the user lacks the right SEND/],
    ['AMQ339001 Destination does not exist E', 'send-refused', false, /Destination does not exist/],
    ['AMQ339031 Error handling send', 'send-refused', false, /AMQ339031/],
  ])('a send: %s', (text, code, retryable, message) => {
    const error = sendRefusal('send to E', fault(text));
    expect(error).toMatchObject({ outcome: 'refused', code, retryable });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('secret');
  });

  test('only an Artemis is spoken to', () => {
    expect(() => checkServer('ActiveMQ-Artemis/2.56.0 ActiveMQ Artemis Messaging Engine')).not.toThrow();
    for (const [server, shown] of [
      ['RabbitMQ/4.0', /this is RabbitMQ\/4\.0/],
      ['ActiveMQ/6.1', /this is ActiveMQ\/6\.1/],
      ['', /does not tell its name/],
    ] as const)
      expect(() => checkServer(server)).toThrow(expect.objectContaining({ code: 'not-supported', message: expect.stringMatching(shown) }));
  });
});

describe('the word of an ERROR frame', () => {
  test.each([
    ['p', "user p has no permission='SEND'", "user *** has no permission='SEND'"],
    ['letmein!', 'xletmein!x', 'x***x'],
    ['', 'nothing', 'nothing'],
  ])('shows %j nowhere as a password', (secret, told, shown) => {
    expect(errorFault({ message: told }, '', secret).message).toBe(`stomp:error: ${shown}`);
  });

  test('tells nothing of the message that was refused', () => {
    const told = 'AMQ339011: Error sending message CoreMessage[messageID=1, properties=TypedProperties[session_id=s3cret]]';
    const { message, receiptId } = errorFault({ message: told.replaceAll(':', ''), 'receipt-id': 'r-1' }, told, undefined);
    expect([message, receiptId]).toEqual(['stomp:error: AMQ339011: Error sending message', 'r-1']);
  });
});
