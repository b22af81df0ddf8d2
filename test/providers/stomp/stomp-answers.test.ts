import { describe, expect, test } from '@jest/globals';
import { SendError } from '../../../src/core/errors.js';
import type { SubscriptionSpec, WireMessage, WireSend } from '../../../src/core/provider.js';
import { AmqpProvider } from '../../../src/providers/amqp/index.js';
import { artemisStompUrl } from '../../support/artemis.js';
import { Bench, brokerUrl, unique, until, withUser } from '../amqp/support.js';
import { by, stompRig } from './rig.js';
import type { StompBench } from './rig.js';

const rig = stompRig();

/** What one process waits at for answers. */
function replies(address = `${unique('ways')}.replies.${unique('server')}`): SubscriptionSpec {
  return rig.fresh(address, { queue: address, routing: 'anycast', temporary: true, discard: true });
}

function answer(
  bench: StompBench,
  address: string,
  body: string,
  more: Partial<WireSend & { message: Partial<WireMessage> }> = {},
): Promise<void> {
  return bench.send(address, body, { routing: 'anycast', ifThere: true, ...more });
}

async function nothingAt(address: string): Promise<void> {
  expect(await rig.operator.queue(address)).toBeUndefined();
  expect(await rig.operator.management.list('listAddresses', { field: 'name', value: address })).toEqual([]);
}

describe('an answer over STOMP', () => {
  test('to one who is gone is confirmed, makes nothing, and ends no connection', async () => {
    const requester = await rig.started([]);
    const spec = replies();
    const inbox = await requester.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    const one = await rig.started([], { url: by(rig.proxy) });
    const answeredAt = Date.now();
    await answer(one, spec.event, 'in time', { message: { correlationId: 'c-1' } });
    await inbox.count(1);
    expect(inbox.deliveries[0]?.message).toMatchObject({ body: 'in time', correlationId: 'c-1' });
    await inbox.subscription.close();
    await nothingAt(spec.event);
    // What was seen a moment ago is trusted for one.
    await until('a second is over', () => answeredAt + 1_000 < Date.now());
    const before = rig.proxy.accepted;
    await Promise.all(Array.from({ length: 50 }, (_, i) => answer(one, spec.event, `late ${String(i)}`)));
    // Nothing forbids the broker to make this one.
    const nobody = unique('nobody');
    await answer(one, nobody, 'never there');
    await one.send(unique('elsewhere'), 'the connection lives');
    // The management is asked over a connection of its own.
    expect(rig.proxy.accepted - before).toBeLessThanOrEqual(1);
    expect(one.log.filter(({ message }) => message.includes('made anew'))).toEqual([]);
    expect(one.states.map(({ state }) => state)).toEqual(['connecting', 'connected']);
    await nothingAt(nobody);
    await nothingAt(spec.event);
  });

  test('to one who goes just then is confirmed too, and none of those behind it is sent', async () => {
    const requester = await rig.started([]);
    const spec = replies();
    const inbox = await requester.listen(spec);
    const one = await rig.started([], { url: by(rig.proxy) });
    inbox.accepting = true;
    inbox.subscription.open();
    await answer(one, spec.event, 'seen');
    await inbox.count(1);
    const before = rig.proxy.accepted;
    await inbox.subscription.close();
    await Promise.all(Array.from({ length: 50 }, (_, i) => answer(one, spec.event, `late ${String(i)}`)));
    // That for answers is made anew, and that of the management may be.
    expect(rig.proxy.accepted - before).toBeLessThanOrEqual(2);
    expect(one.states.map(({ state }) => state)).toEqual(['connecting', 'connected']);
    await nothingAt(spec.event);
  });

  test('reaches one who has come back, in order', async () => {
    const requester = await rig.started([]);
    const spec = replies();
    const first = await requester.listen(spec);
    const one = await rig.started([]);
    await first.subscription.close();
    const late = answer(one, spec.event, 'late');
    const inbox = await requester.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    const bodies = Array.from({ length: 100 }, (_, i) => String(i));
    await Promise.all([late, ...bodies.map((body) => answer(one, spec.event, body))]);
    await until('all have come', () => inbox.bodies.filter((body) => body !== 'late').length === 100);
    expect(inbox.bodies.filter((body) => body !== 'late')).toEqual(bodies);
  });

  test('waits for the connection, and to its deadline', async () => {
    const requester = await rig.started([]);
    const spec = replies();
    const inbox = await requester.listen(spec);
    inbox.subscription.open();
    const one = await rig.started([], { url: by(rig.proxy) });
    rig.proxy.refuse(true);
    rig.proxy.cut();
    await one.until('reconnecting');
    const hasty = answer(one, spec.event, 'hasty', { deadlineAt: Date.now() + 100 }).catch((error: unknown) => error);
    const patient = answer(one, spec.event, 'patient');
    const error = await hasty;
    expect(error).toBeInstanceOf(SendError);
    expect(error).toMatchObject({ outcome: 'not-sent', code: 'send-timeout' });
    rig.proxy.refuse(false);
    await patient;
    await inbox.count(1);
    expect(inbox.bodies).toEqual(['patient']);
  });

  test('that waits at the stop ends with it', async () => {
    const one = await rig.started([], { url: by(rig.proxy) });
    rig.proxy.refuse(true);
    rig.proxy.cut();
    await one.until('reconnecting');
    const waiting = answer(one, unique('replies.x'), 'x').catch((error: unknown) => error);
    await one.provider.stop({ deadlineMs: 1_000 });
    expect(await waiting).toMatchObject({ outcome: 'not-sent', code: 'not-running' });
  });

  test('of a user who may not look goes to the broker, which makes nothing for it', async () => {
    const prefix = unique('mine');
    const address = `${prefix}.replies.a`;
    const requester = await rig.started([]);
    const spec = replies(address);
    const inbox = await requester.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    await withUser(rig.operator, { prefix, manage: false }, async (amqpUrl) => {
      const url = new URL(artemisStompUrl());
      ({ username: url.username, password: url.password } = new URL(amqpUrl));
      const one = await rig.started([], { url: url.href });
      await answer(one, address, 'in time');
      await inbox.count(1);
      await inbox.subscription.close();
      await answer(one, address, 'late');
      await one.send(`${prefix}.elsewhere`, 'the connection lives');
      expect(one.states.map(({ state }) => state)).toEqual(['connecting', 'connected']);
      await nothingAt(address);
      await one.provider.stop({ deadlineMs: 1_000 });
    });
  });
});

describe('a request', () => {
  test.each(['AMQP', 'STOMP'] as const)('sent over %s is answered over the other protocol', async (asking) => {
    const event = rig.fresh(unique('asked'));
    const spec = replies();
    const stomp = await rig.started([]);
    const amqp = new Bench(new AmqpProvider({ url: brokerUrl().href }));
    await amqp.start(asking === 'AMQP' ? [spec] : [event]);
    try {
      const [requester, responder] = asking === 'AMQP' ? [amqp, stomp] : [stomp, amqp];
      const [asked, answers] = [await responder.listen(event), await requester.listen(spec)];
      asked.subscription.open();
      answers.subscription.open();
      const message = { replyTo: spec.event, correlationId: 'request 1', group: 'g', priority: 8 };
      await requester.send(event.event, 'question', { message, expiresAt: Date.now() + 10_000 });
      const [question] = await asked.count(1);
      expect(question?.message).toMatchObject(message);
      await responder.send(question?.message.replyTo ?? '', 'answer', {
        routing: 'anycast',
        ifThere: true,
        expiresAt: Date.now() + 10_000,
        message: { correlationId: question?.message.correlationId ?? '', durable: false },
      });
      const [reply] = await answers.count(1);
      expect(reply?.message).toMatchObject({ body: 'answer', correlationId: 'request 1', durable: false });
      await asked.accept(question);
      await answers.accept(reply);
    } finally {
      await amqp.provider.stop({ deadlineMs: 2_000 });
    }
  });
});
