import { describe, expect, test } from '@jest/globals';
import type { CopyOutcome, SubscriptionSpec } from '../../../src/core/provider.js';
import { stays } from '../../../src/testing/wait-until.js';
import { refuseOnArtemis } from '../../support/artemis-faults.js';
import { Rig } from './rig.js';
import { type Bench, brokerUrl, through, unique, until } from './support.js';
import type { Inbox } from './support.js';

const rig = Rig.forEachTest();

function fresh(event = unique('told')): SubscriptionSpec {
  return rig.fresh(event);
}

async function opened(specs: SubscriptionSpec[], url = brokerUrl().href): Promise<{ bench: Bench; inboxes: Inbox[] }> {
  const bench = await rig.started(specs, { url });
  const inboxes = await Promise.all(specs.map((spec) => bench.listen(spec)));
  for (const { subscription } of inboxes) subscription.open();
  return { bench, inboxes };
}

function archived(spec: SubscriptionSpec, address: string, more: Partial<CopyOutcome> = {}): CopyOutcome {
  return {
    do: 'copy',
    to: 'archive',
    headers: { tidings_error: 'why', received: undefined },
    dedupeId: `${spec.queue}#dead`,
    notice: { address, headers: { notice: 'yes', dropped: undefined }, dedupeId: `${spec.queue}#notice` },
    ...more,
  };
}

const routingTypes = (address: string): Promise<unknown> => rig.operator.management.attribute(`address.${address}`, 'RoutingTypes');

describe('a notice', () => {
  test('reaches every listener of its address with the headers as received, its own laid over; the archive has its copy', async () => {
    const address = unique('notices');
    const [spec, a, b] = [fresh(), fresh(address), fresh(address)];
    const {
      bench,
      inboxes: [inbox, first, second],
    } = await opened([spec, a, b]);
    const headers = new Map([
      ['received', 'x'],
      ['dropped', 'y'],
    ]);
    await bench.send(spec.event, 'é', { message: { headers, correlationId: 'c' } });
    const [delivery] = (await inbox?.count(1)) ?? [];
    expect(await delivery?.settle(archived(spec, address))).toBe('settled');
    await rig.operator.holds(spec.archive, 1);
    await rig.operator.holds(spec.queue, 0);
    for (const listener of [first, second]) {
      const [told] = (await listener?.count(1)) ?? [];
      expect(told?.message).toEqual({
        body: 'é',
        headers: new Map([
          ['received', 'x'],
          ['notice', 'yes'],
        ]),
        durable: true,
        correlationId: 'c',
        address,
      });
    }
    expect((await rig.operator.take(spec.archive)).application_properties).toMatchObject({ tidings_error: 'why', dropped: 'y' });
    expect(bench.log.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  test('to an address goes before a retry of one of its listeners, and that reaches no other listener for it', async () => {
    const address = unique('notices');
    const [spec, a, b] = [fresh(), fresh(address), fresh(address)];
    const {
      bench,
      inboxes: [inbox, first, second],
    } = await opened([spec, a, b]);
    await bench.send(spec.event, 'x');
    const [delivery] = (await inbox?.count(1)) ?? [];
    expect(await delivery?.settle(archived(spec, address))).toBe('settled');
    const [told] = (await first?.count(1)) ?? [];
    await second?.count(1);
    expect(await told?.settle({ do: 'copy', to: 'self', headers: {}, dedupeId: unique('again') })).toBe('settled');
    await first?.count(2);
    await stays(() => second?.deliveries.length === 1, { what: 'the other was told once' });
  });

  test('to an address that nobody knows is lost quietly, and the address is none for work queues afterwards', async () => {
    const spec = fresh();
    const address = unique('nobody');
    const { bench, inboxes } = await opened([spec]);
    await bench.send(spec.event, 'x');
    const [delivery] = (await inboxes[0]?.count(1)) ?? [];
    expect(await delivery?.settle(archived(spec, address))).toBe('settled');
    await rig.operator.holds(spec.archive, 1);
    expect(await routingTypes(address)).toEqual(['MULTICAST']);
    expect(await rig.operator.queue(address)).toBeUndefined();
    expect(bench.log.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  test('that is refused is given up with one warning, and the event is archived all the same', async () => {
    const spec = fresh();
    const address = unique('full');
    const { bench, inboxes } = await opened([spec]);
    const undo = await refuseOnArtemis(rig.operator, address);
    try {
      await bench.send(spec.event, 'x');
      const [delivery] = (await inboxes[0]?.count(1)) ?? [];
      expect(await delivery?.settle(archived(spec, address))).toBe('settled');
      await rig.operator.holds(spec.archive, 1);
      await rig.operator.holds(spec.queue, 0);
      const lines = bench.log.filter(({ level, message }) => level === 'warn' && message.includes('notice'));
      expect(lines).toHaveLength(1);
      expect(lines[0]?.fields).toMatchObject({ address, event: spec.event, listener: spec.listener });
      expect(String(lines[0]?.fields['reason'])).toContain(`Address "${address}" is full`);
    } finally {
      await undo();
    }
    // Copies go on.
    await bench.send(spec.event, 'y');
    await inboxes[0]?.count(2);
    expect(await inboxes[0]?.deliveries[1]?.settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
    await rig.operator.holds(spec.archive, 2);
  });

  test('whose connection is lost leaves the event unsettled; when it comes again both copies stay one', async () => {
    const address = unique('notices');
    const [spec, told] = [fresh(), fresh(address)];
    const { bench, inboxes } = await opened([spec], through(rig.proxy));
    await bench.provider.queues.count(spec.queue);
    const second = await opened([told]);
    await bench.send(spec.event, 'x');
    const [delivery] = (await inboxes[0]?.count(1)) ?? [];
    rig.proxy.hold(true);
    const settling = delivery?.settle(archived(spec, address));
    await rig.operator.holds(spec.archive, 1);
    await stays(() => second.inboxes[0]?.deliveries.length === 0, { what: 'no notice before the copy is confirmed', windowMs: 300 });
    rig.proxy.hold(false);
    rig.proxy.cut();
    expect(await settling).toBe('stale');
    await inboxes[0]?.count(2);
    expect(await inboxes[0]?.deliveries[1]?.settle(archived(spec, address))).toBe('settled');
    await rig.operator.holds(spec.archive, 1);
    await rig.operator.holds(spec.queue, 0);
    await second.inboxes[0]?.count(1);
    // The same id a second time is no second notice.
    await bench.send(spec.event, 'y');
    await inboxes[0]?.count(3);
    expect(await inboxes[0]?.deliveries[2]?.settle(archived(spec, address, { dedupeId: `${spec.queue}#other` }))).toBe('settled');
    await until('it is archived', async () => (await rig.operator.count(spec.archive)) === 2);
    await stays(() => second.inboxes[0]?.deliveries.length === 1, { what: 'one notice' });
  });
});
