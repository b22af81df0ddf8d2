import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../src/core/clock.js';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { clientId } from '../../../src/providers/artemis/artemis-words.js';
import { Rig } from './rig.js';
import type { Bench, Inbox } from './support.js';
import { Proxy, through, unique, until } from './support.js';

const rig = Rig.forEachTest();

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('talk'), more);
}

/** The address is the queue. */
function work(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  const name = unique('work');
  return rig.fresh(name, { queue: name, routing: 'anycast', ...more });
}

// The broker is told of all reply addresses below a prefix, for good.
const prefix = unique('talk');

function replies(): SubscriptionSpec {
  const address = `${prefix}.replies.${unique('server')}`;
  return rig.fresh(address, { queue: address, routing: 'anycast', temporary: true, discard: true });
}

async function opened(one: Bench, spec: SubscriptionSpec, accepting = false): Promise<Inbox> {
  const inbox = await one.listen(spec);
  inbox.accepting = accepting;
  inbox.subscription.open();
  return inbox;
}

function expiredIn(one: Bench, { event, queue }: SubscriptionSpec): Promise<number> {
  return one.provider.queues.expired(`${event}::${queue}`);
}

describe('a work queue', () => {
  test('keeps its events while nobody listens, and gives each to one of all listeners', async () => {
    const spec = work();
    const sender = await rig.started([spec]);
    const numbers = Array.from({ length: 20 }, (_, i) => i);
    await Promise.all(numbers.map((n) => sender.send(spec.event, String(n), { routing: 'anycast' })));
    await rig.operator.holds(spec.queue, 20);
    const inboxes = await Promise.all([1, 2].map(async () => opened(await rig.started([spec]), spec)));
    // Neither may hold more than half of them.
    for (const inbox of inboxes) await inbox.count(10);
    for (const inbox of inboxes) for (const delivery of inbox.deliveries) await inbox.accept(delivery);
    await rig.operator.holds(spec.queue, 0);
    const all = inboxes.flatMap(({ bodies }) => bodies).map(Number);
    expect(all.sort((x, y) => x - y)).toEqual(numbers);
  });

  test('gives a retry to one listener after its time, and the archive takes what fails for good', async () => {
    const spec = work();
    const one = await rig.started([spec]);
    const inbox = await opened(one, spec);
    await one.send(spec.event, 'x', { routing: 'anycast' });
    const [first] = await inbox.count(1);
    const notBefore = Date.now() + 400;
    expect(await first?.settle({ do: 'copy', to: 'self', headers: { tidings_attempt: '2' }, notBefore: new Date(notBefore) })).toBe(
      'settled',
    );
    const [, second] = await inbox.count(2);
    expect(Date.now()).toBeGreaterThanOrEqual(notBefore - 5);
    expect(second?.message.address).toBe(spec.event);
    expect(await second?.settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
    await rig.operator.holds(spec.archive, 1);
    await rig.operator.holds(spec.queue, 0);
    expect(inbox.deliveries).toHaveLength(2);
  });
});

describe('an answer', () => {
  const answer = { routing: 'anycast', ifThere: true } as const;

  test('reaches the one who waits, with the id of his request', async () => {
    const spec = replies();
    const asker = await rig.started([]);
    const inbox = await opened(asker, spec);
    const asked = work();
    const responder = await rig.started([asked]);
    const requests = await opened(responder, asked);
    await asker.send(asked.event, 'q', { routing: 'anycast', message: { replyTo: spec.event, correlationId: 'r-1' } });
    const [request] = await requests.count(1);
    expect(request?.message).toMatchObject({ replyTo: spec.event, correlationId: 'r-1' });
    await responder.send(spec.event, 'a', { ...answer, message: { correlationId: 'r-1', durable: false } });
    const [given] = await inbox.count(1);
    expect(given?.message).toMatchObject({ body: 'a', correlationId: 'r-1', durable: false });
  });

  test('to one who is gone is confirmed, dropped, and brings nothing back', async () => {
    const spec = replies();
    const asker = await rig.started([]);
    const inbox = await opened(asker, spec);
    const responder = await rig.started([]);
    await responder.send(spec.event, 'in time', answer);
    await inbox.accept((await inbox.count(1))[0]);
    await inbox.subscription.close();
    await responder.send(spec.event, 'late', answer);
    // Whoever never had a queue, where nobody has told the broker to make none.
    const stranger = unique('stranger');
    await responder.send(stranger, 'lost', answer);
    for (const queue of [spec.queue, stranger]) expect(await rig.operator.queue(queue)).toBeUndefined();
    await opened(asker, spec);
    await responder.send(spec.event, 'again', answer);
    await rig.operator.holds(spec.queue, 1);
    expect(responder.log.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  test('is one of thousands, to many who wait, over one link', async () => {
    const specs = Array.from({ length: 20 }, replies);
    const asker = await rig.started([]);
    const inboxes = await Promise.all(specs.map((spec) => opened(asker, spec, true)));
    const responder = await rig.started([]);
    const client = clientId(responder.host.serviceName, responder.host.serverName);
    const before = (await rig.operator.sessionsOf(client)).length;
    await Promise.all(
      Array.from({ length: 2_000 }, (_, i) =>
        responder.send(specs[i % 20]?.event ?? '', String(i), { ...answer, message: { durable: false } }),
      ),
    );
    await until('all are there', () => inboxes.every(({ bodies }) => bodies.length === 100));
    expect(inboxes[7]?.bodies).toEqual(Array.from({ length: 100 }, (_, i) => String(20 * i + 7)));
    expect((await rig.operator.sessionsOf(client)).length).toBe(before + 1);
  });

  test('that was under way when the connection was cut goes again', async () => {
    const spec = replies();
    const asker = await rig.started([]);
    const inbox = await opened(asker, spec, true);
    const responder = await rig.started([], { url: through(rig.proxy) });
    await responder.send(spec.event, 'first', answer);
    rig.proxy.hold(true);
    const sent = Array.from({ length: 10 }, (_, i) => responder.send(spec.event, String(i), answer));
    await inbox.count(11);
    rig.proxy.hold(false);
    rig.proxy.cut();
    await Promise.all(sent);
    await inbox.count(21);
    expect(new Set(inbox.bodies).size).toBe(11);
  });
});

describe('an event with a time to live', () => {
  test('is dropped by the broker when nobody took it in time, and counted by its queue', async () => {
    const spec = fresh();
    const one = await rig.started([spec]);
    await one.send(spec.event, 'short', { expiresAt: Date.now() + 300 });
    await one.send(spec.event, 'long', { expiresAt: Date.now() + 60_000 });
    await until('it has expired', async () => (await expiredIn(one, spec)) === 1);
    const inbox = await opened(one, spec);
    await inbox.count(1);
    expect(inbox.bodies).toEqual(['long']);
    expect(await expiredIn(one, { ...spec, queue: unique('none') })).toBe(0);
  });

  test('that is held back until later is delivered then, and expires after', async () => {
    const spec = fresh();
    const one = await rig.started([spec]);
    const notBefore = Date.now() + 700;
    await one.send(spec.event, 'later', { notBefore: new Date(notBefore), expiresAt: notBefore + 30_000 });
    await one.send(spec.event, 'never', { notBefore: new Date(notBefore), expiresAt: notBefore - 300 });
    const inbox = await opened(one, spec);
    await inbox.count(1);
    expect(Date.now()).toBeGreaterThanOrEqual(notBefore - 5);
    await until('the other has expired', async () => (await expiredIn(one, spec)) === 1);
    expect(inbox.bodies).toEqual(['later']);
  });

  test('goes by the clock of the sender, not of the broker', async () => {
    const spec = fresh();
    const behind = { now: (): number => Date.now() - 3_600_000, schedule: systemClock.schedule.bind(systemClock) };
    const one = rig.bench({}, { clock: behind });
    await one.start([spec]);
    await one.send(spec.event, 'x', { deadlineAt: behind.now() + 10_000, expiresAt: behind.now() + 60_000 });
    await rig.operator.holds(spec.queue, 1);
    const inbox = await opened(one, spec);
    await inbox.count(1);
  });

  test('loses it with a retry', async () => {
    const spec = fresh();
    const one = await rig.started([spec]);
    const inbox = await opened(one, spec);
    const expiresAt = Date.now() + 700;
    await one.send(spec.event, 'x', { expiresAt });
    const [first] = await inbox.count(1);
    expect(await first?.settle({ do: 'copy', to: 'self', headers: {}, notBefore: new Date(expiresAt + 300) })).toBe('settled');
    await inbox.count(2);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt + 295);
  });
});

describe('an event of a higher priority', () => {
  test('overtakes those that wait', async () => {
    const spec = fresh();
    const one = await rig.started([spec]);
    for (let i = 0; i < 20; i++) await one.send(spec.event, String(i), i === 3 ? { message: { priority: 0 } } : {});
    await one.send(spec.event, 'urgent', { message: { priority: 9 } });
    await rig.operator.holds(spec.queue, 21);
    const inbox = await opened(one, spec, true);
    await inbox.count(21);
    expect(inbox.bodies[0]).toBe('urgent');
    expect(inbox.bodies.at(-1)).toBe('3');
    expect(inbox.deliveries[0]?.message.priority).toBe(9);
  });
});

describe('events of one group', () => {
  test('go to one consumer at a time and in order, also when one of two connections is cut', async () => {
    const spec = fresh({ concurrency: 10, prefetch: 10 });
    const sender = await rig.started([spec]);
    const cut = await Proxy.open();
    try {
      const consumers = [await rig.started([spec]), await rig.started([spec], { url: through(cut) })];
      const taken = new Map<string, number[]>();
      const by = [new Set<string>(), new Set<string>()];
      const inboxes = await Promise.all(consumers.map((one) => one.listen(spec)));
      for (const [which, inbox] of inboxes.entries()) {
        const arrived = inbox.arrived.bind(inbox);
        inbox.arrived = (delivery) => {
          const group = delivery.message.group ?? '';
          by[which]?.add(group);
          taken.set(group, [...(taken.get(group) ?? []), Number(delivery.message.body)]);
          arrived(delivery);
        };
        inbox.subscription.open();
      }
      const send = (from: number, to: number): Promise<unknown> =>
        Promise.all(
          Array.from({ length: to - from }, (_, i) =>
            sender.send(spec.event, String(from + i), { message: { group: `g${String(i % 8)}` } }),
          ),
        );
      await send(0, 16);
      await until('all have come', () => [...taken.values()].flat().length === 16);
      expect([...(by[0] ?? [])].filter((group) => by[1]?.has(group) === true)).toEqual([]);
      expect(Math.min(...by.map(({ size }) => size))).toBeGreaterThan(0);
      const moved = [...(by[1] ?? [])];
      cut.refuse(true);
      cut.cut();
      // What the lost one held comes first, to the other, and in order.
      await until('they came again', () => moved.every((group) => taken.get(group)?.length === 4));
      for (const inbox of inboxes) inbox.accepting = true;
      for (const delivery of inboxes[0]?.deliveries ?? []) await inboxes[0]?.accept(delivery);
      await send(16, 32);
      await until('the rest has come', () =>
        [...taken.values()].every((numbers) => numbers.includes(Math.max(...numbers)) && new Set(numbers).size === 4),
      );
      for (const [group, numbers] of taken) {
        const own = [0, 8, 16, 24].map((n) => n + Number(group.slice(1)));
        expect(numbers).toEqual(moved.includes(group) ? [...own.slice(0, 2), ...own] : own);
      }
      await rig.operator.holds(spec.queue, 0);
    } finally {
      await cut.close();
    }
  });
});

describe('a pattern', () => {
  function patterned(end: string): { pattern: SubscriptionSpec; plain: SubscriptionSpec; prefix: string } {
    const prefix = unique('shop');
    return { prefix, pattern: rig.fresh(`${prefix}.${end}`, { pattern: true }), plain: rig.fresh(`${prefix}.made`) };
  }

  test.each([
    ['*', ['made', 'new']],
    ['#', ['made', 'new', 'made.twice']],
  ])('with %s takes the events of the addresses that match it, and tells by which they came', async (end, matching) => {
    const { prefix, pattern, plain } = patterned(end);
    const one = await rig.started([pattern, plain]);
    const inbox = await opened(one, pattern, true);
    for (const word of ['made', 'new', 'made.twice']) await one.send(`${prefix}.${word}`, word);
    await one.send(`other.${prefix}.made`, 'not ours');
    await inbox.count(matching.length);
    expect(inbox.bodies).toEqual(matching);
    expect(inbox.deliveries.map(({ message }) => message.address)).toEqual(matching.map((word) => `${prefix}.${word}`));
    await rig.operator.holds(plain.queue, 1);
    expect(one.log.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  test('has its retries to itself, and its archive', async () => {
    const { prefix, pattern, plain } = patterned('*');
    const all = rig.fresh(`${prefix}.#`, { pattern: true });
    const one = await rig.started([pattern, plain, all]);
    const inbox = await opened(one, pattern);
    await one.send(plain.event, 'x');
    for (const { queue } of [plain, all, pattern]) await rig.operator.holds(queue, 1);
    const [first] = await inbox.count(1);
    const notBefore = Date.now() + 300;
    expect(
      await first?.settle({
        do: 'copy',
        to: 'self',
        headers: { tidings_attempt: '2' },
        notBefore: new Date(notBefore),
        address: plain.event,
      }),
    ).toBe('settled');
    const [, second] = await inbox.count(2);
    expect(Date.now()).toBeGreaterThanOrEqual(notBefore - 5);
    expect(second?.message.address).toBe(plain.event);
    expect(await second?.settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
    await rig.operator.holds(pattern.archive, 1);
    await rig.operator.holds(pattern.queue, 0);
    for (const { queue } of [plain, all]) await rig.operator.holds(queue, 1);
  });

  test('has the retry of a message that tells no address to itself too', async () => {
    const { pattern, plain } = patterned('*');
    const one = await rig.started([pattern, plain]);
    const inbox = await opened(one, pattern);
    await rig.operator.publish(plain.event, { body: 'foreign', durable: true });
    const [first] = await inbox.count(1);
    expect(first?.message.address).toBeUndefined();
    expect(await first?.settle({ do: 'copy', to: 'self', headers: {} })).toBe('settled');
    await inbox.count(2);
    await rig.operator.holds(plain.queue, 1);
  });
});

describe('cancelling', () => {
  test('takes an event that is held until its time out of all queues that hold it, and nothing else', async () => {
    const prefix = unique('shop');
    const [a, b, pattern] = [rig.fresh(`${prefix}.made`), rig.fresh(`${prefix}.made`), rig.fresh(`${prefix}.*`, { pattern: true })];
    const other = rig.fresh(`${prefix}.deep.made`);
    const one = await rig.started([a, b, pattern, other]);
    const notBefore = new Date(Date.now() + 60_000);
    const id = `it's "this" \\ % one`;
    const message = (more: Record<string, string> = {}): { headers: Map<string, string> } => ({
      headers: new Map(Object.entries({ cloudEvents_id: id, ...more })),
    });
    await one.send(a.event, 'cancelled', { notBefore, message: message() });
    await one.send(other.event, 'elsewhere', { notBefore, message: message() });
    await one.send(a.event, 'a retry', { notBefore, message: message({ tidings_attempt: '2' }) });
    await one.send(a.event, 'another', { notBefore, message: message({ cloudEvents_id: 'it' }) });
    await rig.operator.holds(a.queue, 3);
    expect(await one.provider.queues.cancel(a.event, id)).toBe(3);
    for (const { queue } of [a, b, pattern]) await rig.operator.holds(queue, 2);
    await rig.operator.holds(other.queue, 1);
    expect(await one.provider.queues.cancel(a.event, id)).toBe(0);
    expect(await one.provider.queues.cancel(unique('nowhere'), id)).toBe(0);
  });

  test('takes one that nobody has taken yet, and leaves one that somebody has', async () => {
    const [slow, none] = [fresh(), fresh()];
    const one = await rig.started([slow, { ...none, event: slow.event }]);
    const inbox = await opened(one, slow);
    await one.send(slow.event, 'x', { message: { headers: new Map([['cloudEvents_id', 'i']]) } });
    const [held] = await inbox.count(1);
    expect(await one.provider.queues.cancel(slow.event, 'i')).toBe(1);
    await inbox.accept(held);
    for (const { queue } of [slow, none]) await rig.operator.holds(queue, 0);
  });
});
