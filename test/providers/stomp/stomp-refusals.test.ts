import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { fullyQualified } from '../../../src/providers/artemis/artemis-words.js';
import { PeerFault } from '../../../src/providers/network/peer-fault.js';
import { checkServer, sendRefusal, subscriptionRefusal } from '../../../src/providers/stomp/artemis-dialect.js';
import { outgoingSend } from '../../../src/providers/stomp/stomp-message.js';
import { Operator, unique, wire, withUser } from '../amqp/support.js';
import { Crossing } from './crossing.js';
import { stompUrl, WirePeer } from './wire-peer.js';

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

describe('what the broker refuses', () => {
  /** What the broker says, to a user of its own, before it closes the connection. */
  async function refusal(
    revoke: 'consume' | 'send' | undefined,
    act: (peer: WirePeer, prefix: string) => Promise<void>,
  ): Promise<PeerFault> {
    const prefix = unique('rights');
    return withUser(operator, { prefix, manage: false, ...(revoke !== undefined && { revoke }) }, async (url) => {
      const { username, password } = new URL(url);
      const peer = await WirePeer.open(Object.assign(stompUrl(), { username, password }));
      await expect(act(peer, prefix)).rejects.toThrow(/closed the connection/);
      peer.close();
      return new PeerFault('stomp:error', /\nmessage:(.*)/.exec(peer.others.at(-1) ?? '')?.[1] ?? '');
    });
  }
  const send = async (peer: WirePeer, destination: string): Promise<void> => {
    const receipt = peer.nextReceipt();
    await peer.send(receipt, outgoingSend(wire('x'), { address: destination, routing: 'multicast', receipt }));
  };

  test('is told as the right that is missing, where the broker names it', async () => {
    const subscribed = await refusal(undefined, (peer) => peer.subscribe(`${crossing.event}::${unique('none')}`));
    expect(subscriptionRefusal(subscribed, crossing.stomp)).toMatchObject({
      code: 'permission',
      message: expect.stringMatching(/lacks the right CREATE_DURABLE_QUEUE/),
    });
    const sent = await refusal(undefined, (peer) => send(peer, unique('none')));
    expect(sendRefusal('send', sent)).toMatchObject({
      code: 'permission',
      message: expect.stringMatching(/lacks the right CREATE_ADDRESS/),
    });
  });

  test('is told as what it may be, where the broker does not', async () => {
    const subscribed = await refusal('consume', async (peer, prefix) => {
      await operator.createQueue(`${prefix}.e`, `${prefix}.q`);
      await peer.subscribe(`${prefix}.e::${prefix}.q`);
    });
    expect(subscriptionRefusal(subscribed, crossing.stomp)).toMatchObject({
      code: 'permission',
      message: expect.stringMatching(/the right CONSUME/),
    });
    const sent = await refusal('send', async (peer, prefix) => {
      await operator.createQueue(`${prefix}.e`, `${prefix}.q`);
      await send(peer, `${prefix}.e`);
    });
    const error = sendRefusal('send', sent);
    expect(error).toMatchObject({ code: 'send-refused', retryable: true, message: expect.stringMatching(/the right SEND/) });
    expect(error.message).not.toContain('CoreMessage');
  });

  test('a queue that allows no further consumer is one of those', async () => {
    const queue = unique('full');
    await operator.createQueue(crossing.event, queue, { 'max-consumers': 0 });
    const peer = await WirePeer.open();
    await expect(peer.subscribe(fullyQualified(crossing.event, queue))).rejects.toThrow(/AMQ339016/);
    peer.close();
  });

  test('a server that is an Artemis says so', () => {
    const server = /\nserver:(.*)/.exec(crossing.peer.others[0] ?? '')?.[1] ?? '';
    expect(() => checkServer(server)).not.toThrow();
  });
});
