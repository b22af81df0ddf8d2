import { describe, expect, test } from '@jest/globals';
import { SendError } from '../../../src/core/errors.js';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { blockOnArtemis } from '../../support/artemis-faults.js';
import { Rig } from './rig.js';
import { type Bench, brokerUrl, specOf, through, unique, until } from './support.js';

const rig = Rig.forEachTest();

function bench(url = brokerUrl().href): Bench {
  return rig.bench({ url });
}

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

describe('a send', () => {
  test('resolves when the message is in every queue, and reaches each listener once, whatever its kind', async () => {
    const event = unique('sent');
    const specs = [specOf(event, unique('A')), specOf(event, unique('B'))];
    rig.operator.clean(...specs);
    const one = bench();
    await one.start(specs);
    const headers = new Map([
      ['session_id', 's 1'],
      ['tidings_id', 'id-1'],
    ]);
    await one.send(event, '{"é":1}', { message: { headers, correlationId: 'c' } });
    for (const spec of specs) await rig.operator.holds(spec.queue, 1);
    await one.send(event, Buffer.from([0, 255]), { message: { contentType: 'application/cbor', durable: false } });
    for (const spec of specs) {
      const inbox = await one.listen(spec);
      inbox.subscription.open();
      const [text, bytes] = await inbox.count(2);
      expect(text?.message).toEqual({ body: '{"é":1}', headers, durable: true, nativeId: 'id-1', correlationId: 'c', address: event });
      expect(bytes?.message).toEqual({
        body: Buffer.from([0, 255]),
        headers: new Map(),
        durable: false,
        contentType: 'application/cbor',
        address: event,
      });
      expect(text?.brokerCount).toBe(0);
    }
  });

  test('to an anycast address goes to one of all consumers', async () => {
    const event = unique('work');
    const spec = specOf(event, 'W', { routing: 'anycast', queue: event });
    rig.operator.clean(spec);
    const [one, two] = [bench(), bench()];
    await one.start([spec]);
    await two.start([spec]);
    const inboxes = [await one.listen(spec), await two.listen(spec)];
    for (const inbox of inboxes) {
      inbox.accepting = true;
      inbox.subscription.open();
    }
    await Promise.all(Array.from({ length: 40 }, (_, i) => one.send(event, String(i), { routing: 'anycast' })));
    await until('all have come', () => inboxes.reduce((sum, { deliveries }) => sum + deliveries.length, 0) >= 40);
    expect(inboxes.flatMap(({ bodies }) => bodies).sort()).toEqual(Array.from({ length: 40 }, (_, i) => String(i)).sort());
    expect(await one.provider.queues.count(`${event}::${event}`)).toBeLessThanOrEqual(40);
  });

  test('five thousand at once are all confirmed, in order', async () => {
    const spec = fresh();
    const one = bench();
    await one.start([spec]);
    await Promise.all(Array.from({ length: 5_000 }, (_, i) => one.send(spec.event, String(i))));
    await rig.operator.holds(spec.queue, 5_000);
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    await inbox.count(5_000);
    expect(inbox.bodies).toEqual(Array.from({ length: 5_000 }, (_, i) => String(i)));
  });

  test('with an id the broker has seen is confirmed and dropped', async () => {
    const spec = fresh();
    const one = bench();
    await one.start([spec]);
    for (let i = 0; i < 3; i++) await one.send(spec.event, 'x', { dedupeId: 'same' });
    await one.send(spec.event, 'x', { dedupeId: 'other' });
    await rig.operator.holds(spec.queue, 2);
  });

  test('with a time is held by the broker until then, by an absolute time', async () => {
    const spec = fresh();
    const one = bench();
    await one.start([spec]);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    const notBefore = new Date(Date.now() + 600);
    await one.send(spec.event, 'later', { notBefore });
    expect((await rig.operator.queueOf(spec)).scheduled).toBe(1);
    await one.send(spec.event, 'now');
    await inbox.count(2);
    expect(Date.now()).toBeGreaterThanOrEqual(notBefore.getTime());
    expect(inbox.bodies).toEqual(['now', 'later']);
  });

  test('that the broker refuses rejects with its reason, and says whether another try helps', async () => {
    const spec = fresh();
    const settings = { maxSizeBytes: 30_000, pageSizeBytes: 10_000, addressFullMessagePolicy: 'FAIL' };
    await rig.operator.management.operation('broker', 'addAddressSettings', spec.event, JSON.stringify(settings));
    const one = bench();
    await one.start([spec]);
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, () => one.send(spec.event, 'x'.repeat(2_000), { deadlineAt: Date.now() + 1_500 })),
    );
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as SendError] : []));
    expect(refused.length).toBeGreaterThan(0);
    const said = refused.find(({ outcome }) => outcome === 'refused');
    expect(said).toMatchObject({ code: 'send-refused', retryable: true });
    expect(said?.message).toContain('is full');
    // Those that never got credit tell what the others were told.
    for (const other of refused.filter(({ outcome }) => outcome !== 'refused')) {
      expect(other).toMatchObject({ outcome: 'not-sent', code: 'send-timeout' });
      expect(other.message).toContain('is full');
    }
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    const arrived = results.filter(({ status }) => status === 'fulfilled').length;
    await inbox.count(arrived);
    await one.send(spec.event, 'after');
    await inbox.count(arrived + 1);
    expect(inbox.deliveries).toHaveLength(arrived + 1);
    await rig.operator.management.operation('broker', 'removeAddressSettings', spec.event);
  });

  test('to an address that the broker neither has nor makes is refused at once, with its reason', async () => {
    const spec = fresh();
    const settings = { autoCreateAddresses: false, autoCreateQueues: false };
    await rig.operator.management.operation('broker', 'addAddressSettings', spec.event, JSON.stringify(settings));
    try {
      const one = bench();
      await one.start([]);
      const errors = await Promise.all([failure(one.send(spec.event, 'a')), failure(one.send(spec.event, 'b'))]);
      for (const error of errors) {
        expect(error).toMatchObject({ outcome: 'refused', code: 'send-refused', retryable: true });
        expect(error.message).toContain('amqp:not-found');
        expect(error.message).toContain(spec.event);
      }
      await rig.operator.createQueue(spec.event, spec.queue, { 'auto-create-address': true });
      await one.send(spec.event, 'c');
      await rig.operator.holds(spec.queue, 1);
    } finally {
      await rig.operator.management.operation('broker', 'removeAddressSettings', spec.event);
    }
  });

  test('that never got its turn says what was in the way: no credit, no connection', async () => {
    const spec = fresh();
    const undo = await blockOnArtemis(rig.operator, spec.event);
    const one = bench(through(rig.proxy));
    await one.start([]);
    const soon = (): { deadlineAt: number } => ({ deadlineAt: Date.now() + 500 });
    const full = await failure(one.send(spec.event, 'x', soon()));
    expect(full).toMatchObject({ outcome: 'not-sent', code: 'send-timeout' });
    expect(full.message).toContain('gave no credit: the address may be full');
    await undo();
    rig.proxy.refuse(true);
    rig.proxy.cut();
    await one.until('reconnecting');
    const away = await failure(one.send(spec.event, 'x', soon()));
    expect(away).toMatchObject({ outcome: 'not-sent', code: 'send-timeout' });
    expect(away.message).toContain('there was no connection to the broker');
  });

  test('whose deadline or signal came first was not sent, and never will be', async () => {
    const spec = fresh();
    const one = bench(through(rig.proxy));
    await one.start([spec]);
    rig.proxy.refuse(true);
    rig.proxy.cut();
    await one.until('reconnecting');
    const controller = new AbortController();
    const expired = failure(one.send(spec.event, 'expired', { deadlineAt: Date.now() + 200 }));
    const aborted = failure(one.send(spec.event, 'aborted', { signal: controller.signal }));
    const patient = one.send(spec.event, 'patient');
    controller.abort(new Error('no more'));
    expect(await aborted).toMatchObject({ outcome: 'not-sent', code: 'send-aborted', retryable: true, cause: new Error('no more') });
    expect(await expired).toMatchObject({ outcome: 'not-sent', code: 'send-timeout' });
    expect(await failure(one.send(spec.event, 'late', { deadlineAt: Date.now() - 1 }))).toMatchObject({
      outcome: 'not-sent',
      code: 'send-timeout',
    });
    expect(await failure(one.send(spec.event, 'dead', { signal: AbortSignal.abort() }))).toMatchObject({
      outcome: 'not-sent',
      code: 'send-aborted',
    });
    rig.proxy.refuse(false);
    await patient;
    await one.send(spec.event, 'last');
    await rig.operator.holds(spec.queue, 2);
  });

  test('that was transmitted and not confirmed in time is unknown, and its late outcome harms nobody', async () => {
    const spec = fresh();
    const one = bench(through(rig.proxy));
    await one.start([spec]);
    await one.send(spec.event, 'first');
    rig.proxy.hold(true);
    const error = await failure(one.send(spec.event, 'silent', { deadlineAt: Date.now() + 300 }));
    expect(error).toMatchObject({ outcome: 'unknown', code: 'send-timeout', retryable: true });
    await until('the broker has it', async () => (await rig.operator.count(spec.queue)) === 2);
    rig.proxy.hold(false);
    rig.proxy.cut();
    await one.send(spec.event, 'next');
    await rig.operator.holds(spec.queue, 3);
  });

  test('that was in flight when the connection was cut goes again with its id, in order: one copy in the queue', async () => {
    const spec = fresh();
    const one = bench(through(rig.proxy));
    await one.start([spec]);
    await one.send(spec.event, 'warm');
    rig.proxy.hold(true);
    const sends = Promise.all(
      Array.from({ length: 50 }, (_, i) => one.send(spec.event, String(i), { dedupeId: `${spec.event}#${String(i)}` })),
    );
    await until('the broker has them', async () => (await rig.operator.count(spec.queue)) === 51);
    rig.proxy.hold(false);
    rig.proxy.cut();
    await sends;
    await one.send(spec.event, 'after');
    await rig.operator.holds(spec.queue, 52);
  });

  test('keeps the order of the calls over cuts at any time', async () => {
    const spec = fresh();
    const one = bench(through(rig.proxy));
    await one.start([spec]);
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
    // Deliveries may be doubled by a cut, and those come late; what is new comes in order.
    expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
  });

  test('fifty that wait for a dead broker all reject with typed errors', async () => {
    const spec = fresh();
    const one = bench(through(rig.proxy));
    await one.start([spec]);
    rig.proxy.refuse(true);
    rig.proxy.cut();
    const errors = await Promise.all(
      Array.from({ length: 50 }, () => failure(one.send(spec.event, 'x', { deadlineAt: Date.now() + 300 }))),
    );
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['send-timeout']));
  });

  test('before the start and after the stop rejects at once; those that wait at the stop reject too', async () => {
    const spec = fresh();
    const one = bench(through(rig.proxy));
    expect(await failure(one.send(spec.event, 'x'))).toMatchObject({ outcome: 'not-sent', code: 'not-running' });
    await one.start([spec]);
    rig.proxy.refuse(true);
    rig.proxy.cut();
    await one.until('reconnecting');
    const waiting = failure(one.send(spec.event, 'x'));
    await one.provider.stop({ deadlineMs: 5_000 });
    expect(await waiting).toMatchObject({ outcome: 'not-sent', code: 'not-running' });
    expect(await failure(one.send(spec.event, 'x'))).toMatchObject({ outcome: 'not-sent', code: 'not-running' });
    expect(await rig.operator.count(spec.queue)).toBe(0);
  });

  test('is safe when its queue and address are destroyed: the link is opened anew', async () => {
    const spec = fresh();
    const one = bench();
    await one.start([spec]);
    await one.send(spec.event, 'a');
    await rig.operator.management.operation('broker', 'deleteAddress', spec.event, true);
    await one.send(spec.event, 'b');
    expect(one.states.map(({ state }) => state)).toEqual(['connecting', 'connected']);
  });

  test('outlives a session that management closed', async () => {
    const spec = fresh();
    const one = bench();
    await one.start([spec]);
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    await one.send(spec.event, 'a');
    const sessions = await rig.operator.sessionsOf(`${one.host.serviceName}/${one.host.serverName}`);
    expect(sessions.length).toBeGreaterThan(2);
    for (const { id, connection } of sessions)
      await rig.operator.management.operation('broker', 'closeSessionWithID', connection, id).catch(() => undefined);
    await one.until('reconnecting');
    await one.send(spec.event, 'b');
    await until('both have come', () => new Set(inbox.bodies).size === 2);
  });

  test('more addresses than are kept open at once are served', async () => {
    const one = bench();
    await one.start([]);
    const base = unique('many');
    for (let i = 0; i < 1_400; i += 50) {
      const addresses = Array.from({ length: 50 }, (_, n) => `${base}.${String(i + n)}`);
      await Promise.all(addresses.map((address) => one.send(address, 'x')));
      await Promise.all(addresses.map((address) => rig.operator.management.operation('broker', 'deleteAddress', address, true)));
    }
    const sessions = await rig.operator.sessionsOf(`${one.host.serviceName}/${one.host.serverName}`);
    expect(sessions.length).toBeGreaterThan(1_000);
    expect(sessions.length).toBeLessThan(1_100);
  }, 90_000);
});
