import { describe, expect, test } from '@jest/globals';
import { wire as names } from '../../../src/core/headers.js';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { fullyQualified } from '../../../src/providers/artemis/artemis-words.js';
import type { StompDelivery } from '../../../src/providers/stomp/stomp-delivery.js';
import { stays } from '../../../src/testing/wait-until.js';
import type { Inbox } from '../amqp/support.js';
import { unique, until } from '../amqp/support.js';
import { by, stompRig } from './rig.js';
import type { StompBench } from './rig.js';

const rig = stompRig();

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('way'), more);
}

function workQueue(): SubscriptionSpec {
  const event = unique('work');
  return rig.fresh(event, { queue: event, routing: 'anycast', archive: `archive.${event}` });
}

async function opened(bench: StompBench, spec: SubscriptionSpec): Promise<Inbox> {
  const inbox = await bench.listen(spec);
  inbox.subscription.open();
  return inbox;
}

describe('events of one group over STOMP', () => {
  test('go to one consumer at a time, in order, also when its connection is cut', async () => {
    const spec = fresh({ concurrency: 3, prefetch: 3 });
    const groups = ['a', 'b', 'c', 'd'];
    const perGroup = 30;
    const log: { at: number; group: string; n: number }[] = [];
    const running = new Set<{ readonly at: number; readonly group: string; met: boolean }>();
    let overlaps = 0;
    const benches = [await rig.started([spec], { url: by(rig.proxy) }), await rig.started([spec])];
    for (const [at, bench] of benches.entries()) {
      const subscription = await bench.provider.subscribe(spec, (delivery) => {
        const group = delivery.message.group ?? '';
        for (const other of running) if (other.group === group && other.at !== at) other.met = true;
        const run = { at, group, met: false };
        running.add(run);
        setTimeout(() => {
          running.delete(run);
          // It comes again, maybe elsewhere: it was not handled.
          if (delivery.stale === true) return;
          if (run.met) overlaps++;
          log.push({ at, group, n: Number(delivery.message.body) });
          void delivery.settle({ do: 'accept' });
        }, 2);
      });
      subscription.open();
    }
    for (let n = 0; n < perGroup; n++) {
      await Promise.all(groups.map((group) => benches[1]!.send(spec.event, String(n), { message: { group } })));
      if (n === perGroup / 2) rig.proxy.cut();
    }
    await until('all are handled', () => new Set(log.map(({ group, n }) => `${group}${String(n)}`)).size === groups.length * perGroup);
    for (const group of groups) {
      const firsts = [...new Set(log.filter((entry) => entry.group === group).map(({ n }) => n))];
      expect(firsts).toEqual(Array.from({ length: perGroup }, (_, n) => n));
    }
    expect(overlaps).toBe(0);
    expect(new Set(log.map(({ at }) => at)).size).toBe(2);
  });

  test('keep group and priority on retry and archive copies, and lose their expiry', async () => {
    const spec = fresh();
    const one = await rig.started([spec]);
    const inbox = await opened(one, spec);
    const message = { group: 'g', priority: 7, replyTo: 'replies.somebody', correlationId: 'c' };
    await one.send(spec.event, 'x', { message, expiresAt: Date.now() + 60_000 });
    const [first] = await inbox.count(1);
    expect(first?.message).toMatchObject({ ...message, address: spec.event });
    await first?.settle({ do: 'copy', to: 'self', headers: { tidings_attempt: '2' } });
    const [, second] = await inbox.count(2);
    expect(second?.message).toMatchObject({ ...message, address: spec.event });
    expect((second as StompDelivery).frame.said.get('expires')).toBe('0');
    await second?.settle({ do: 'copy', to: 'archive', headers: {} });
    await rig.operator.holds(spec.archive, 1);
    const archived = await rig.operator.take(spec.archive);
    expect(archived).toMatchObject({ group_id: 'g', priority: 7, reply_to: 'replies.somebody', correlation_id: 'c' });
    // That of the archive, of an hour.
    expect(Number((archived as { absolute_expiry_time?: Date }).absolute_expiry_time)).toBeGreaterThan(Date.now() + 600_000);
  });
});

describe('priority over STOMP', () => {
  test('9 overtakes a backlog, but not what is on its way to a consumer already', async () => {
    const spec = fresh({ concurrency: 1, prefetch: 0 });
    const one = await rig.started([spec]);
    for (let i = 0; i < 20; i++) await one.send(spec.event, `low ${String(i)}`, { message: { priority: 0 } });
    for (let i = 0; i < 20; i++) await one.send(spec.event, `usual ${String(i)}`);
    await one.send(spec.event, 'high', { message: { priority: 9 } });
    // Out of the range of the protocol: the broker would never deliver it.
    await one.send(spec.event, 'too high', { message: { priority: 11 } });
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    await inbox.count(42);
    const usual = Array.from({ length: 20 }, (_, i) => `usual ${String(i)}`);
    expect(inbox.bodies).toEqual(['high', 'too high', ...usual, ...usual.map((body) => body.replace('usual', 'low'))]);
  });
});

describe('an event that expires over STOMP', () => {
  test('unread is dropped and counted by its queue', async () => {
    const spec = fresh();
    const one = await rig.started([spec]);
    const queue = fullyQualified(spec.event, spec.queue);
    expect(await one.provider.queues.expired(queue)).toBe(0);
    const expiresAt = Date.now() + 50;
    await one.send(spec.event, 'short', { expiresAt });
    await one.send(spec.event, 'long', { expiresAt: Date.now() + 60_000 });
    await until('its time is over', () => Date.now() > expiresAt);
    const inbox = await opened(one, spec);
    await inbox.count(1);
    expect(inbox.bodies).toEqual(['long']);
    await until('the broker has counted it', async () => (await one.provider.queues.expired(queue)) === 1);
    expect(await one.provider.queues.expired(`${spec.event}::nobody`)).toBe(0);
  });

  test('counts its time from when it may be delivered', async () => {
    const spec = fresh();
    const one = await rig.started([spec]);
    const inbox = await opened(one, spec);
    const notBefore = new Date(Date.now() + 400);
    await one.send(spec.event, 'later', { notBefore, expiresAt: notBefore.getTime() + 5_000 });
    await inbox.count(1);
    expect(Date.now()).toBeGreaterThanOrEqual(notBefore.getTime());
  });
});

describe('an event that waits for its time', () => {
  test('is taken back by its id from every queue that holds it, and nothing else is', async () => {
    const [spec, sibling] = [fresh(), fresh()];
    const other = { ...sibling, event: spec.event };
    const one = await rig.started([spec, other]);
    const later = { notBefore: new Date(Date.now() + 60_000) };
    const named = (id: string, more: [string, string][] = []): { message: { headers: Map<string, string> } } => ({
      message: { headers: new Map([[names.id, id], ...more]) },
    });
    await one.send(spec.event, 'meant', { ...later, ...named("it's") });
    await one.send(spec.event, 'another', { ...later, ...named('2') });
    await one.send(spec.event, 'a retry', { ...later, ...named("it's", [[names.attempt, '2']]) });
    await rig.operator.holds(spec.queue, 3);
    await rig.operator.holds(other.queue, 3);
    expect(await one.provider.queues.cancel(spec.event, "it's")).toBe(2);
    await rig.operator.holds(spec.queue, 2);
    await rig.operator.holds(other.queue, 2);
    expect(await one.provider.queues.cancel(spec.event, "it's")).toBe(0);
  });
});

describe('a work queue over STOMP', () => {
  test('keeps what comes while nobody listens, and gives each event to one of all listeners', async () => {
    const spec = workQueue();
    const one = await rig.started([spec]);
    const two = await rig.started([spec]);
    const events = Array.from({ length: 40 }, (_, i) => String(i));
    for (const body of events.slice(0, 10)) await one.send(spec.event, body, { routing: 'anycast' });
    await rig.operator.holds(spec.queue, 10);
    const inboxes = [await one.listen(spec), await two.listen(spec)];
    for (const inbox of inboxes) {
      inbox.accepting = true;
      inbox.subscription.open();
    }
    for (const body of events.slice(10)) await one.send(spec.event, body, { routing: 'anycast' });
    await until('all have come', () => inboxes.flatMap(({ bodies }) => bodies).length >= 40);
    expect(inboxes.flatMap(({ bodies }) => bodies).sort((a, b) => Number(a) - Number(b))).toEqual(events);
    await rig.operator.holds(spec.queue, 0);
  });

  test('has its retries and its archive to itself, and stays anycast', async () => {
    const spec = workQueue();
    const one = await rig.started([spec]);
    const inbox = await opened(one, spec);
    await one.send(spec.event, 'x', { routing: 'anycast' });
    const [first] = await inbox.count(1);
    expect(await first?.settle({ do: 'copy', to: 'self', headers: { tidings_attempt: '2' }, notBefore: new Date(Date.now() + 100) })).toBe(
      'settled',
    );
    const [, second] = await inbox.count(2);
    expect(second?.message.headers.get('tidings_attempt')).toBe('2');
    expect(await second?.settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
    await rig.operator.holds(spec.archive, 1);
    await rig.operator.holds(spec.queue, 0);
    const taken = await one.provider.queues.take(spec.archive, {}, () => ({ to: fullyQualified(spec.event, spec.queue), headers: {} }));
    expect(taken).toBe(1);
    await inbox.count(3);
    for (const address of [spec.event, spec.archive]) {
      const [row] = await rig.operator.management.list('listAddresses', { field: 'name', value: address });
      expect(row?.['routingTypes']).toBe('["ANYCAST"]');
    }
  });
});

describe('a subscription to a pattern over STOMP', () => {
  test('gets the events of all addresses that match, made or not, and its retries reach only it', async () => {
    const shop = unique('shop');
    const all = rig.fresh(`${shop}.*`, { pattern: true });
    const deep = rig.fresh(`${shop}.#`, { pattern: true });
    const plain = rig.fresh(`${shop}.a`);
    const one = await rig.started([plain]);
    const [inbox, deeper, other] = [await opened(one, all), await opened(one, deep), await opened(one, plain)];
    await one.send(`${shop}.a`, 'a');
    await one.send(`${shop}.new`, 'new');
    await one.send(`${shop}.new.deep`, 'deep');
    await inbox.count(2);
    await deeper.count(3);
    await other.count(1);
    expect(inbox.deliveries.map(({ message }) => message.address)).toEqual([`${shop}.a`, `${shop}.new`]);
    // With the address and without: a message tells by which it came.
    const [a, fresher] = inbox.deliveries;
    const later = new Date(Date.now() + 100);
    expect(await a?.settle({ do: 'copy', to: 'self', headers: {}, address: `${shop}.a`, notBefore: later })).toBe('settled');
    expect(await fresher?.settle({ do: 'copy', to: 'self', headers: {} })).toBe('settled');
    await inbox.count(4);
    expect(
      inbox.deliveries
        .slice(2)
        .map(({ message }) => message.address)
        .sort(),
    ).toEqual([`${shop}.a`, `${shop}.new`]);
    // And once more: a copy tells it too.
    expect(await inbox.deliveries[2]?.settle({ do: 'copy', to: 'self', headers: {} })).toBe('settled');
    await inbox.count(5);
    expect(await inbox.deliveries[3]?.settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
    await rig.operator.holds(all.archive, 1);
    await stays(() => other.deliveries.length === 1 && deeper.deliveries.length === 3, { windowMs: 200 });
    await rig.operator.holds(plain.queue, 1);
  });
});
