import { describe, expect, test } from '@jest/globals';
import type { Delivery, SubscriptionSpec } from '../../../src/core/provider.js';
import type { AmqpMessage } from '../../../src/providers/amqp/rhea-message.js';
import { dataSection } from '../../../src/providers/amqp/rhea-message.js';
import { Rig } from './rig.js';
import { type Bench, brokerUrl, specOf, through, unique, until } from './support.js';
import type { Inbox } from './support.js';

const rig = Rig.forEachTest();

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('got'), more);
}

function started(specs: SubscriptionSpec[], url = brokerUrl().href): Promise<Bench> {
  return rig.started(specs, { url });
}

async function fill(bench: Bench, spec: SubscriptionSpec, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => bench.send(spec.event, String(i), { routing: spec.routing })));
}

function last(inbox: Inbox): Delivery {
  const delivery = inbox.deliveries.at(-1);
  if (delivery === undefined) throw new Error('nothing has come');
  return delivery;
}

describe('a subscription', () => {
  test('delivers nothing before open(), and never more at once than concurrency and prefetch', async () => {
    const spec = fresh({ concurrency: 2, prefetch: 1 });
    const one = await started([spec]);
    const inbox = await one.listen(spec);
    expect(inbox.subscription.ready).toBe(true);
    await fill(one, spec, 10);
    expect((await rig.operator.queueOf(spec)).delivering).toBe(0);
    expect(inbox.deliveries).toHaveLength(0);
    inbox.subscription.open();
    await inbox.count(3);
    await rig.operator.publish(spec.event, { body: 'later' });
    expect((await rig.operator.queueOf(spec)).delivering).toBe(3);
    for (let i = 0; i < 11; i++) {
      await inbox.count(i + 1);
      expect(await inbox.accept(inbox.deliveries[i])).toBe('settled');
    }
    expect(inbox.mostHeld).toBe(3);
    await until('the queue is empty', async () => (await rig.operator.count(spec.queue)) === 0);
  });

  test('keeps its bound over a reconnect while runs of the old connection go on', async () => {
    const spec = fresh({ concurrency: 3, prefetch: 0 });
    const one = await started([spec], through(rig.proxy));
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    await fill(one, spec, 10);
    const old = [...(await inbox.count(3))];
    rig.proxy.cut();
    await one.until('connected', one.states.length);
    await until('it is ready', () => inbox.subscription.ready);
    await one.send(spec.event, 'round trip');
    expect(inbox.deliveries).toHaveLength(3);
    expect(old.map(({ stale }) => stale)).toEqual([true, true, true]);
    expect(await inbox.accept(old[0])).toBe('stale');
    await inbox.count(4);
    expect((await rig.operator.queueOf(spec)).delivering).toBe(1);
    expect(inbox.mostHeld).toBe(3);
    inbox.accepting = true;
    for (const delivery of [...old.slice(1), last(inbox)]) await inbox.accept(delivery);
    await until('all have come', () => new Set(inbox.bodies).size === 11);
    await until('the queue is empty', async () => (await rig.operator.count(spec.queue)) === 0);
  });

  test('a stale settlement of any kind touches nothing of the new connection', async () => {
    const spec = fresh();
    const one = await started([spec], through(rig.proxy));
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    await fill(one, spec, 3);
    const old = [...(await inbox.count(3))];
    rig.proxy.cut();
    await inbox.count(6);
    expect(await old[0]?.settle({ do: 'accept' })).toBe('stale');
    expect(await old[1]?.settle({ do: 'copy', to: 'archive', headers: {} })).toBe('stale');
    expect(await old[2]?.settle({ do: 'copy', to: 'self', headers: {} })).toBe('stale');
    await rig.operator.holds(spec.queue, 3);
    await until('they are delivered, once', async () => (await rig.operator.queueOf(spec)).delivering === 3);
    expect(await rig.operator.count(spec.archive)).toBe(0);
    for (const delivery of inbox.deliveries.slice(3)) expect(await inbox.accept(delivery)).toBe('settled');
    await until('the queue is empty', async () => (await rig.operator.count(spec.queue)) === 0);
  });

  test('is settled once: the second outcome is ignored', async () => {
    const spec = fresh();
    const one = await started([spec]);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    await fill(one, spec, 1);
    const [delivery] = await inbox.count(1);
    const results = await Promise.all([
      delivery?.settle({ do: 'copy', to: 'archive', headers: {} }),
      delivery?.settle({ do: 'accept' }),
      delivery?.settle({ do: 'copy', to: 'archive', headers: {} }),
    ]);
    expect(results).toEqual(['settled', 'settled', 'settled']);
    await rig.operator.holds(spec.archive, 1);
  });

  test('paused, takes no more and keeps what it has; opened again, goes on', async () => {
    const spec = fresh({ concurrency: 2, prefetch: 0 });
    const one = await started([spec]);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    await fill(one, spec, 2);
    await inbox.count(2);
    await inbox.subscription.pause();
    for (const delivery of [...inbox.deliveries]) expect(await inbox.accept(delivery)).toBe('settled');
    await fill(one, spec, 3);
    await until('they wait', async () => (await rig.operator.count(spec.queue)) === 3);
    expect((await rig.operator.queueOf(spec)).delivering).toBe(0);
    inbox.accepting = true;
    inbox.subscription.open();
    await inbox.count(5);
    const quiet = await one.listen(spec);
    await quiet.subscription.pause();
    quiet.subscription.open();
    await quiet.subscription.pause();
    await quiet.subscription.close();
  });

  test('closed, gives back what is unsettled, uncounted', async () => {
    const spec = fresh();
    const one = await started([spec]);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    await fill(one, spec, 3);
    await inbox.count(3);
    await inbox.subscription.pause();
    expect(await inbox.deliveries[0]?.settle({ do: 'return' })).toBe('settled');
    expect(await inbox.deliveries[1]?.settle({ do: 'accept' })).toBe('settled');
    await inbox.subscription.close();
    await inbox.subscription.close();
    expect(await inbox.deliveries[2]?.settle({ do: 'accept' })).toBe('stale');
    expect(inbox.subscription.ready).toBe(false);
    const again = await one.listen(spec);
    again.subscription.open();
    await again.count(2);
    expect(again.bodies).toEqual(['0', '2']);
    expect(again.deliveries.map(({ brokerCount }) => brokerCount)).toEqual([0, 0]);
  });

  test('that loses its connection has its deliveries counted by the broker', async () => {
    const spec = fresh();
    const one = await started([spec], through(rig.proxy));
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    await fill(one, spec, 1);
    await inbox.count(1);
    // The broker does not count every loss.
    for (let cuts = 1; (last(inbox).brokerCount ?? 0) === 0; cuts++) {
      expect(cuts).toBeLessThan(20);
      rig.proxy.cut();
      await inbox.count(1 + cuts);
    }
  });

  test('whose queue is destroyed is opened again alone, with the queue, and says it is not ready meanwhile', async () => {
    const [spec, sibling] = [fresh(), fresh()];
    const one = await started([spec, sibling]);
    const inbox = await one.listen(spec);
    const other = await one.listen(sibling);
    inbox.subscription.open();
    other.subscription.open();
    await fill(one, spec, 2);
    await fill(one, sibling, 1);
    const held = [...(await inbox.count(2))];
    await other.count(1);
    await rig.operator.destroyQueue(spec.queue);
    await until('it is not ready', () => !inbox.subscription.ready);
    expect(await held[0]?.settle({ do: 'accept' })).toBe('stale');
    expect(await held[1]?.settle({ do: 'copy', to: 'self', headers: {} })).toBe('stale');
    await until('it is ready', () => inbox.subscription.ready);
    expect(await rig.operator.queue(spec.queue)).toMatchObject({ autoCreated: 'false', autoDelete: 'false', routingType: 'MULTICAST' });
    await one.send(spec.event, 'again');
    await inbox.count(3);
    expect(await inbox.accept(last(inbox))).toBe('settled');
    expect(await other.accept(last(other))).toBe('settled');
    expect(one.states.map(({ state }) => state)).toEqual(['connecting', 'connected']);
  });

  test('that holds one delivery for long does not stand still, nor does another', async () => {
    const spec = fresh({ concurrency: 20, prefetch: 20 });
    const one = await started([spec]);
    const inbox = await one.listen(spec);
    await fill(one, spec, 1);
    inbox.subscription.open();
    await inbox.count(1);
    inbox.accepting = true;
    await fill(one, spec, 5_000);
    await inbox.count(5_001);
    expect(await inbox.deliveries[0]?.settle({ do: 'accept' })).toBe('settled');
    await until('the queue is empty', async () => (await rig.operator.count(spec.queue)) === 0);
  });
});

describe('a copy', () => {
  test('to itself comes back when it is due, with its headers laid over, and no sibling sees it', async () => {
    const event = unique('got');
    const [spec, sibling] = [specOf(event, unique('A')), specOf(event, unique('B'))];
    rig.operator.clean(spec, sibling);
    const one = await started([spec, sibling]);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    await one.send(event, 'é{}', {
      dedupeId: 'same',
      message: {
        headers: new Map([
          ['keep', 'k'],
          ['drop', 'd'],
          ['change', '1'],
        ]),
        correlationId: 'c',
      },
    });
    const [first] = await inbox.count(1);
    const notBefore = new Date(Date.now() + 700);
    // The id of the original would be swallowed: one cache serves the event and all its queues.
    expect(
      await first?.settle({
        do: 'copy',
        to: 'self',
        headers: { drop: undefined, change: '2', added: 'x' },
        notBefore,
        dedupeId: `same#${spec.queue}#1`,
      }),
    ).toBe('settled');
    await until('only the delayed copy is left', async () => {
      const { count, scheduled } = await rig.operator.queueOf(spec);
      return count === 1 && scheduled === 1;
    });
    await inbox.count(2);
    expect(Date.now()).toBeGreaterThanOrEqual(notBefore.getTime());
    expect(last(inbox).message).toEqual({
      body: 'é{}',
      headers: new Map([
        ['keep', 'k'],
        ['change', '2'],
        ['added', 'x'],
      ]),
      durable: true,
      correlationId: 'c',
      address: spec.event,
    });
    // A second one must not run at once because of what the first has left behind.
    const second = new Date(Date.now() + 500);
    expect(await last(inbox).settle({ do: 'copy', to: 'self', headers: {}, notBefore: second, dedupeId: `same#${spec.queue}#2` })).toBe(
      'settled',
    );
    await inbox.count(3);
    expect(Date.now()).toBeGreaterThanOrEqual(second.getTime());
    await rig.operator.holds(sibling.queue, 1);
  });

  test.each<[string, AmqpMessage]>([
    ['text', { body: 'é €' }],
    ['an empty text', { body: '' }],
    ['a Data section', { body: dataSection(Buffer.from([0, 255, 10])), content_type: 'application/json' }],
    ['bytes in an AMQP value', { body: Buffer.from([1, 2]) }],
    ['a map', { body: { a: 'x', b: true } }],
  ])('to the archive keeps %s byte for byte, with subject, group and ids', async (_kind, message) => {
    const spec = fresh();
    const one = await started([spec]);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    const full: AmqpMessage = {
      ...message,
      durable: false,
      message_id: 'not-unique',
      subject: 's',
      group_id: 'g',
      correlation_id: 'c',
      application_properties: { text: 'x', number: 5, yes: true },
    };
    for (let i = 0; i < 3; i++) await rig.operator.publish(spec.event, full);
    await inbox.count(3);
    for (const delivery of inbox.deliveries)
      expect(await delivery.settle({ do: 'copy', to: 'archive', headers: { tidings_error: 'why' } })).toBe('settled');
    await rig.operator.holds(spec.archive, 3);
    await until('the originals are gone', async () => (await rig.operator.count(spec.queue)) === 0);
    const taken = await rig.operator.take(spec.archive);
    expect(taken).toMatchObject({
      durable: true,
      message_id: 'not-unique',
      subject: 's',
      group_id: 'g',
      correlation_id: 'c',
      application_properties: { text: 'x', number: '5', yes: 'true', tidings_error: 'why' },
    });
    expect(JSON.stringify(taken.body)).toEqual(JSON.stringify(message.body));
    expect(taken.content_type).toBe(message.content_type);
  });

  test('that the broker refuses leaves the original unsettled and is tried again until it is taken', async () => {
    const spec = fresh();
    const settings = {
      maxSizeBytes: 20_000,
      pageSizeBytes: 10_000,
      addressFullMessagePolicy: 'FAIL',
      autoDeleteQueues: false,
      autoDeleteAddresses: false,
      sendToDLAOnNoRoute: true,
    };
    await rig.operator.management.operation('broker', 'addAddressSettings', spec.archive, JSON.stringify(settings));
    const one = await started([spec]);
    // The operator's settings hold what is needed, and stay.
    expect(JSON.parse(String(await rig.operator.management.operation('broker', 'getAddressSettingsAsJSON', spec.archive)))).toMatchObject({
      maxSizeBytes: 20_000,
    });
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    const filling = Array.from({ length: 40 }, () =>
      one.send(spec.archive, 'x'.repeat(2_000), { routing: 'anycast', deadlineAt: Date.now() + 1_000 }),
    );
    await Promise.allSettled(filling);
    const before = await rig.operator.count(spec.archive);
    await one.send(spec.event, 'stubborn');
    const [delivery] = await inbox.count(1);
    let done: string | undefined;
    void delivery?.settle({ do: 'copy', to: 'archive', headers: {} }).then((result) => (done = result));
    await until('a refusal is told', () => one.log.some(({ message }) => message.includes('was not taken')));
    expect(done).toBeUndefined();
    expect(await rig.operator.queueOf(spec)).toMatchObject({ count: 1, delivering: 1 });
    await rig.operator.management.operation(`queue.${spec.archive}`, 'removeAllMessages');
    await until('it is done', () => done === 'settled');
    expect(before).toBeGreaterThan(0);
    await rig.operator.holds(spec.archive, 1);
    await until('the original is gone', async () => (await rig.operator.count(spec.queue)) === 0);
  });

  test('under way when the connection is cut is stale, and the original comes again', async () => {
    const spec = fresh();
    const one = await started([spec], through(rig.proxy));
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    await one.send(spec.event, 'x');
    const [delivery] = await inbox.count(1);
    rig.proxy.hold(true);
    const settling = delivery?.settle({ do: 'copy', to: 'archive', headers: {}, dedupeId: `${spec.event}#1` });
    await until('the broker has the copy', async () => (await rig.operator.count(spec.archive)) === 1);
    rig.proxy.hold(false);
    rig.proxy.cut();
    expect(await settling).toBe('stale');
    await inbox.count(2);
    // The same id again: one copy stays one.
    expect(await last(inbox).settle({ do: 'copy', to: 'archive', headers: {}, dedupeId: `${spec.event}#1` })).toBe('settled');
    await rig.operator.holds(spec.archive, 1);
    await until('the original is gone', async () => (await rig.operator.count(spec.queue)) === 0);
  });

  test('of a message of an anycast event goes back to its queue', async () => {
    const event = unique('work');
    const spec = specOf(event, 'W', { routing: 'anycast', queue: event, archive: `archive.${event}` });
    rig.operator.clean(spec);
    const one = await started([spec]);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    await one.send(event, 'x', { routing: 'anycast' });
    const [delivery] = await inbox.count(1);
    expect(await delivery?.settle({ do: 'copy', to: 'self', headers: { n: '1' }, notBefore: new Date(Date.now() + 200) })).toBe('settled');
    await inbox.count(2);
    expect(last(inbox).message.headers.get('n')).toBe('1');
    expect(await rig.operator.management.attribute(`address.${event}`, 'RoutingTypes')).toEqual(['ANYCAST']);
  });
});

describe('what an operator sees', () => {
  test('counts waiting, delayed and delivered messages, browses the waiting ones, and leaves them', async () => {
    const spec = fresh({ concurrency: 1, prefetch: 0 });
    const one = await started([spec]);
    const name = `${spec.event}::${spec.queue}`;
    const { queues } = one.provider;
    await fill(one, spec, 250);
    await one.send(spec.event, 'later', { notBefore: new Date(Date.now() + 60_000) });
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    await inbox.count(1);
    await until('all are counted', async () => (await queues.count(name)) === 251);
    expect(await queues.consumers(name)).toBe(1);
    const seen: string[] = [];
    for await (const { body } of queues.browse(name)) seen.push(String(body));
    expect(seen).toEqual(Array.from({ length: 249 }, (_, i) => String(i + 1)));
    const some: string[] = [];
    for await (const { body } of queues.browse(name, { limit: 120 })) some.push(String(body));
    expect(some).toHaveLength(120);
    for await (const { body } of queues.browse(name)) {
      expect(body).toBe('1');
      break;
    }
    expect(await queues.count(name)).toBe(251);
    expect(await queues.list(spec.event)).toEqual([name]);
    expect(await queues.list(`${spec.archive}::`)).toEqual([`${spec.archive}::${spec.archive}`]);
    expect((await queues.list('')).filter((other) => other.startsWith('activemq.') || other.startsWith('$'))).toEqual([]);
  });

  test('nothing, where there is no such queue, and makes none by asking', async () => {
    const one = await started([]);
    const name = unique('nothing');
    const { queues } = one.provider;
    expect(await queues.count(name)).toBe(0);
    expect(await queues.consumers(`${name}::${name}`)).toBe(0);
    for await (const message of queues.browse(name)) throw new Error(`there must be none: ${String(message.body)}`);
    expect(await rig.operator.queue(name)).toBeUndefined();
    await one.provider.stop({ deadlineMs: 1_000 });
    await expect(queues.count(name)).rejects.toMatchObject({ code: 'connection', retryable: true });
  });
});
