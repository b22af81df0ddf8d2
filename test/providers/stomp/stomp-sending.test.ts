import { describe, expect, test } from '@jest/globals';
import { SendError } from '../../../src/core/errors.js';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { refuseOnArtemis } from '../../support/artemis-faults.js';
import { unique, until, withUser } from '../amqp/support.js';
import { by, stompRig } from './rig.js';
import type { StompBench } from './rig.js';

const rig = stompRig();

function fresh(): SubscriptionSpec {
  return rig.fresh(unique('sent'));
}

async function failure(send: Promise<void>): Promise<SendError> {
  const error: unknown = await send.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SendError);
  return error as SendError;
}

function reconnects(one: StompBench): string[] {
  return one.states.filter(({ state }) => state === 'reconnecting').map(({ error }) => error?.message ?? 'no reason');
}

async function away(one: StompBench): Promise<void> {
  rig.proxy.refuse(true);
  rig.proxy.cut();
  await one.until('reconnecting');
}

describe('a send', () => {
  test('five thousand at once are all confirmed, in order', async () => {
    const spec = fresh();
    const one = await rig.started([spec]);
    await Promise.all(Array.from({ length: 5_000 }, (_, i) => one.send(spec.event, String(i))));
    await rig.operator.holds(spec.queue, 5_000);
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    await inbox.count(5_000);
    expect(inbox.bodies).toEqual(Array.from({ length: 5_000 }, (_, i) => String(i)));
    expect(inbox.mostHeld).toBeLessThanOrEqual(10);
  });

  test('keeps the order of the calls over cuts at any time', async () => {
    const spec = fresh();
    const one = await rig.started([spec], { url: by(rig.proxy) });
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    const sends: Promise<void>[] = [];
    for (let i = 0; i < 1_000; i++) {
      sends.push(one.send(spec.event, String(i), { dedupeId: `${spec.event}#${String(i)}`, deadlineAt: Date.now() + 20_000 }));
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (i % 250 === 100) rig.proxy.cut();
    }
    await Promise.all(sends);
    await until('all have come', () => new Set(inbox.bodies).size === 1_000);
    const firsts = [...new Set(inbox.bodies)].map(Number);
    expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
  });

  test('that was in flight when the connection was cut goes again with its id, in order: one copy in the queue', async () => {
    const spec = fresh();
    const one = await rig.started([spec], { url: by(rig.proxy) });
    rig.proxy.hold(true);
    const sends = Promise.all(
      Array.from({ length: 50 }, (_, i) => one.send(spec.event, String(i), { dedupeId: `${spec.event}#${String(i)}` })),
    );
    await until('the broker has them', async () => (await rig.operator.count(spec.queue)) === 50);
    rig.proxy.hold(false);
    rig.proxy.cut();
    await sends;
    await one.send(spec.event, 'after');
    await rig.operator.holds(spec.queue, 51);
  });

  test('that was transmitted and not confirmed in time is unknown, and its late receipt harms nobody', async () => {
    const spec = fresh();
    const one = await rig.started([spec], { url: by(rig.proxy) });
    rig.proxy.hold(true);
    const error = await failure(one.send(spec.event, 'silent', { deadlineAt: Date.now() + 300 }));
    expect(error).toMatchObject({ outcome: 'unknown', code: 'send-timeout', retryable: true });
    rig.proxy.hold(false);
    rig.proxy.cut();
    await one.send(spec.event, 'next');
    await rig.operator.holds(spec.queue, 2);
  });

  test('whose deadline or signal came first was not sent, and never will be', async () => {
    const spec = fresh();
    const one = await rig.started([spec], { url: by(rig.proxy) });
    await away(one);
    const controller = new AbortController();
    const expired = failure(one.send(spec.event, 'expired', { deadlineAt: Date.now() + 200 }));
    const aborted = failure(one.send(spec.event, 'aborted', { signal: controller.signal }));
    const patient = one.send(spec.event, 'patient');
    controller.abort(new Error('no more'));
    expect(await aborted).toMatchObject({ outcome: 'not-sent', code: 'send-aborted', cause: new Error('no more') });
    expect(await expired).toMatchObject({ outcome: 'not-sent', code: 'send-timeout' });
    expect((await expired).message).toContain('there was no connection to the broker');
    rig.proxy.refuse(false);
    await patient;
    await rig.operator.holds(spec.queue, 1);
  });

  test('that waits at the stop rejects as not sent, and is not in the queue', async () => {
    const spec = fresh();
    const one = await rig.started([spec], { url: by(rig.proxy) });
    await away(one);
    const waiting = failure(one.send(spec.event, 'x'));
    await one.provider.stop({ deadlineMs: 5_000 });
    expect(await waiting).toMatchObject({ outcome: 'not-sent', code: 'not-running' });
    expect(await rig.operator.count(spec.queue)).toBe(0);
  });
});

describe('two hundred sends at once to an address that refuses', () => {
  test('are all refused within a few connections, and those to another address all arrive, once', async () => {
    const [full, other] = [fresh(), fresh()];
    const undo = await refuseOnArtemis(rig.operator, full.event);
    const one = await rig.started([full, other], { url: by(rig.proxy) });
    const inbox = await one.listen(other);
    inbox.accepting = true;
    inbox.subscription.open();
    const before = rig.proxy.accepted;
    const refused: Promise<SendError>[] = [];
    const sent: Promise<void>[] = [];
    for (let i = 0; i < 200; i++) {
      // Each waits for some of the two hundred connections before it.
      const deadlineAt = Date.now() + 40_000;
      refused.push(failure(one.send(full.event, 'x'.repeat(500), { deadlineAt })));
      sent.push(one.send(other.event, String(i), { dedupeId: `${other.event}#${String(i)}`, deadlineAt }));
    }
    const errors = await Promise.all(refused);
    await Promise.all(sent);
    // 'unknown': it went twice, since the broker had said nothing of the first time, and may have taken that.
    for (const error of errors) expect(['refused', 'unknown']).toContain(error.outcome);
    await until('all have come', () => new Set(inbox.bodies).size === 200);
    expect(rig.proxy.accepted - before).toBeLessThanOrEqual(220);
    // The broker closes with more of ours unread, which resets the socket, or freezes as it closes: its ERROR may be lost on the way, and then
    // this was a loss as any other. All else that it says is a refusal, after which the connection is made again at once and without a word.
    const wordless = /closed: the broker closed the connection|EPIPE|ECONNRESET|nothing was heard/;
    expect(reconnects(one).filter((reason) => !wordless.test(reason))).toEqual([]);
    const sofar = reconnects(one).length;
    // These go once, alone: nothing is unread then.
    for (const body of ['a', 'b', 'c']) expect(await failure(one.send(full.event, body.repeat(500)))).toMatchObject({ outcome: 'refused' });
    await undo();
    await one.send(full.event, 'after');
    await rig.operator.holds(full.queue, 1);
    expect(reconnects(one).slice(sofar)).toEqual([]);
    expect(inbox.subscription.ready).toBe(true);
    expect(inbox.bodies).toHaveLength(200);
  }, 60_000);
});

describe('a user without the right to send', () => {
  test('is told so for each send, and sends elsewhere go on', async () => {
    const prefix = unique('mine');
    await withUser(rig.operator, { prefix, manage: false, revoke: 'send' }, async (url) => {
      const { username, password } = new URL(url);
      const at = new URL(by(rig.proxy));
      [at.username, at.password] = [username, password];
      const one = await rig.started([], { url: at.href });
      const errors = await Promise.all(Array.from({ length: 20 }, () => failure(one.send(`${prefix}.a`, 'x'))));
      for (const error of errors) expect(['refused', 'unknown']).toContain(error.outcome);
      await one.provider.stop({ deadlineMs: 1_000 });
    });
  });
});
