import { describe, expect, test } from '@jest/globals';
import rhea from 'rhea';
import type { Delivery, SubscriptionSpec } from '../../../src/core/provider.js';
import { stays } from '../../../src/testing/wait-until.js';
import { addressOf, artemisStompUrl } from '../../support/artemis.js';
import { Proxy, specOf, unique, until } from '../amqp/support.js';
import type { Inbox } from '../amqp/support.js';
import { by, stompRig } from './rig.js';
import type { StompBench } from './rig.js';

const rig = stompRig();

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('hostile'), more);
}

async function listening(bench: StompBench, spec: SubscriptionSpec): Promise<Inbox> {
  const inbox = await bench.listen(spec);
  inbox.accepting = true;
  inbox.subscription.open();
  return inbox;
}

/** Accepts each delivery after a while, as a listener that works. */
function slowly(inbox: Inbox, ms: number): void {
  inbox.accepting = false;
  const arrived = inbox.arrived.bind(inbox);
  inbox.arrived = (delivery: Delivery) => {
    arrived(delivery);
    setTimeout(() => void inbox.accept(delivery), ms);
  };
}

/**
 * The broker may freeze for 10 s, with all connections of the same of its threads: it closes one under a lock and waits for the thread, which
 * waits for the lock to answer to an ACK for what it has just taken back. So short a silence is no loss here, nor with the default.
 */
const pastFreezeMs = 6_000;

describe('a message that the broker cannot write in STOMP', () => {
  async function poisoned(spec: SubscriptionSpec, at: readonly number[], count: number): Promise<string> {
    const dead = unique('dead');
    await rig.operator.createQueue(dead, dead, { 'routing-type': 'ANYCAST' });
    await rig.operator.management.operation(
      'broker',
      'addAddressSettings',
      spec.event,
      JSON.stringify({ deadLetterAddress: dead, maxDeliveryAttempts: 6 }),
    );
    for (let n = 0; n < count; n++) {
      const application_properties = at.includes(n) ? { when: rhea.types.wrap_timestamp(Date.now()) } : {};
      await rig.operator.publish(spec.event, { body: String(n), durable: true, application_properties });
    }
    return dead;
  }

  test('is dead-lettered in the end with at most the one behind it: all others are handled, and a sibling notices nothing', async () => {
    const [spec, sibling] = [fresh({ concurrency: 5, prefetch: 5 }), fresh()];
    const one = await rig.started([spec, sibling], { heartbeatMs: pastFreezeMs });
    const dead = await poisoned(spec, [4, 11], 20);
    const letters = rig.operator.taking(dead);
    const inbox = await one.listen(spec);
    slowly(inbox, 30);
    inbox.subscription.open();
    const other = await listening(one, sibling);
    const handled = (): Set<string> => new Set(inbox.bodies);
    const lost = (): Set<string> => new Set(letters.map(({ body }) => String(body)));
    // By bodies, not by the broker's count, a sum that is too small for a moment while what was delivered goes back to the queue.
    await until(
      () => `each of the 20 was handled or dead-lettered: handled ${[...handled()].join(' ')}; dead-lettered ${[...lost()].join(' ')}`,
      () => new Set([...handled(), ...lost()]).size === 20,
      50_000,
    );
    await rig.operator.holds(spec.queue, 0);
    expect([...lost()].filter((body) => !['4', '5', '11', '12'].includes(body))).toEqual([]);
    expect([lost().has('4'), lost().has('11')]).toEqual([true, true]);
    expect([handled().has('4'), handled().has('11')]).toEqual([false, false]);
    expect(handled().size).toBe(18);
    expect(inbox.mostHeld).toBeLessThanOrEqual(10);
    await one.send(sibling.event, 'x');
    await other.count(1);
    expect(one.log.filter(({ fields }) => fields['listener'] === sibling.listener && fields['error'] !== undefined)).toEqual([]);
    expect(one.log.filter(({ message }) => message.includes('again and again')).length).toBeGreaterThanOrEqual(1);
    expect(one.log.filter(({ message }) => message.includes('again and again')).length).toBeLessThanOrEqual(2);
    expect(one.states.map(({ state }) => state)).toEqual(['connecting', 'connected']);
    // The whole window again, after a while of quiet.
    inbox.accepting = false;
    await Promise.all(Array.from({ length: 60 }, (_, n) => one.send(spec.event, `later ${String(n)}`)));
    await until('all have come', () => new Set(inbox.bodies).size === 78);
  }, 80_000);
});

describe('a connection that is lost alone', () => {
  test('of a listener: only its deliveries are stale, the other runs on, and events are sent meanwhile', async () => {
    const [a, b] = [fresh(), fresh()];
    const one = await rig.started([a, b]);
    const [first, second] = [await one.listen(a), await one.listen(b)];
    first.subscription.open();
    second.subscription.open();
    await one.send(a.event, 'a');
    await one.send(b.event, 'b');
    const [[mine], [others]] = [await first.count(1), await second.count(1)];
    const rows = await rig.operator.management.list('listConsumers', { field: 'queue', value: a.queue });
    const sessions = await rig.operator.sessionsOf(`${one.host.serviceName}/${one.host.serverName}`);
    for (const { id, connection } of sessions)
      if (rows.some((row) => row['session'] === id)) await rig.operator.management.operation('broker', 'closeConnectionWithID', connection);
    await until('its delivery is stale', () => mine?.stale === true);
    expect(others?.stale).toBe(false);
    expect(await second.accept(others)).toBe('settled');
    await one.send(a.event, 'meanwhile');
    await first.count(3);
    expect(new Set(first.bodies)).toEqual(new Set(['a', 'meanwhile']));
    expect(one.states.map(({ state }) => state)).toEqual(['connecting', 'connected']);
  });

  test('the main one: what runs is settled, and nothing comes twice', async () => {
    const spec = fresh();
    const proxy = await Proxy.open(addressOf(artemisStompUrl()));
    try {
      const one = await rig.started([spec], { url: by(proxy) });
      const inbox = await one.listen(spec);
      inbox.subscription.open();
      await one.send(spec.event, 'x');
      const [delivery] = await inbox.count(1);
      const main = unique('gone');
      // What it is refused ends the main connection alone.
      const undo = { addressFullMessagePolicy: 'FAIL', maxSizeBytes: 1, pageSizeBytes: 1 };
      await rig.operator.createQueue(main, unique('q'));
      await rig.operator.management.operation('broker', 'addAddressSettings', main, JSON.stringify(undo));
      const results = await Promise.allSettled(Array.from({ length: 30 }, () => one.send(main, 'y'.repeat(100))));
      expect(results.some(({ status }) => status === 'rejected')).toBe(true);
      expect(delivery?.stale).toBe(false);
      expect(await inbox.accept(delivery)).toBe('settled');
      await rig.operator.holds(spec.queue, 0);
      expect(inbox.deliveries).toHaveLength(1);
    } finally {
      await proxy.close();
    }
  });
});

describe('a queue', () => {
  test('that is destroyed under its listener is made again, with the listener on it', async () => {
    const [spec, sibling] = [fresh(), fresh()];
    const one = await rig.started([spec, sibling]);
    const inbox = await listening(one, spec);
    const other = await one.listen(sibling);
    other.subscription.open();
    await one.send(sibling.event, 'held');
    const [held] = await other.count(1);
    await rig.operator.destroyQueue(spec.queue);
    await rig.operator.management.operation('broker', 'destroyQueue', spec.queue, true).catch(() => undefined);
    await until('it listens again', async () => Number((await rig.operator.queue(spec.queue))?.['consumerCount']) === 1);
    await one.send(spec.event, 'after');
    await inbox.count(1);
    expect(await other.accept(held)).toBe('settled');
    expect(one.log.some(({ message }) => message.includes('queues were missing'))).toBe(true);
  });

  test('that allows one consumer keeps its listener when that may hold more', async () => {
    const spec = fresh({ concurrency: 1, prefetch: 0 });
    await rig.operator.createQueue(spec.event, spec.queue, { 'max-consumers': 1 });
    const one = await rig.started([spec]);
    const inbox = await listening(one, spec);
    for (const limit of [20, 40]) {
      inbox.subscription.setLimit(limit);
      await Promise.all(Array.from({ length: 50 }, (_, n) => one.send(spec.event, `${String(limit)} ${String(n)}`)));
    }
    await until('all have come', () => new Set(inbox.bodies).size === 100);
    const second = await rig.started([spec]);
    await expect(second.listen(spec)).rejects.toMatchObject({ code: 'permission' });
    await until('the first serves on', () => inbox.subscription.ready);
  });
});

describe('a second broker', () => {
  test('that the main connection has gone to gets the listeners and the copies too', async () => {
    const [here, there] = [await Proxy.open(addressOf(artemisStompUrl())), await Proxy.open(addressOf(artemisStompUrl()))];
    try {
      const spec = fresh();
      const one = await rig.started([spec], { url: [by(here), by(there)] });
      const inbox = await listening(one, spec);
      expect(here.connections).toBeGreaterThanOrEqual(3);
      // Only the main connection is cut: the listener's is silent, and open.
      here.refuse(true);
      here.cutOldest();
      await until('the main connection is elsewhere', () => there.connections > 0);
      await until('all are elsewhere', () => here.connections === 0);
      await one.send(spec.event, 'x');
      await inbox.count(1);
      inbox.accepting = false;
      await one.send(spec.event, 'y');
      await inbox.count(2);
      expect(await inbox.deliveries[1]?.settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
      await rig.operator.holds(spec.archive, 1);
    } finally {
      await here.close();
      await there.close();
    }
  });
});

describe('three hundred listeners', () => {
  test('start in reasonable time, and all listen', async () => {
    const event = unique('many');
    const specs = Array.from({ length: 300 }, (_, n) => specOf(event, `${unique('L')}.${String(n)}`));
    rig.operator.clean(...specs);
    const since = Date.now();
    const one = await rig.started(specs);
    const inboxes = await Promise.all(specs.map((spec) => listening(one, spec)));
    process.stderr.write(`300 listeners after ${String(Date.now() - since)} ms\n`);
    await one.send(event, 'x');
    await until('all have it', () => inboxes.every(({ deliveries }) => deliveries.length === 1));
    await stays(() => inboxes.every(({ deliveries }) => deliveries.length === 1), { what: 'one each' });
  }, 90_000);
});
