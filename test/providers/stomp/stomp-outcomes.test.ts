import { describe, expect, test } from '@jest/globals';
import type { CopyOutcome, SubscriptionSpec } from '../../../src/core/provider.js';
import { stays } from '../../../src/testing/wait-until.js';
import { refuseOnArtemis } from '../../support/artemis-faults.js';
import { artemisStompUrl } from '../../support/artemis.js';
import { unique, until } from '../amqp/support.js';
import type { Inbox } from '../amqp/support.js';
import { by, stompRig } from './rig.js';
import type { StompBench } from './rig.js';

const rig = stompRig();

function fresh(): SubscriptionSpec {
  return rig.fresh(unique('copied'), { concurrency: 20 });
}

async function opened(specs: SubscriptionSpec[], url = artemisStompUrl()): Promise<{ bench: StompBench; inboxes: Inbox[] }> {
  const bench = await rig.started(specs, { url });
  const inboxes = await Promise.all(specs.map((spec) => bench.listen(spec)));
  for (const { subscription } of inboxes) subscription.open();
  return { bench, inboxes };
}

function archived(spec: SubscriptionSpec, n: number, more: Partial<CopyOutcome> = {}): CopyOutcome {
  return { do: 'copy', to: 'archive', headers: { n: String(n) }, dedupeId: `${spec.queue}#${String(n)}`, ...more };
}

describe('a copy to an archive that refuses', () => {
  test('is tried again until it is taken; meanwhile its original is held, others go on, and no listener loses its connection', async () => {
    const [full, other] = [fresh(), fresh()];
    const { bench, inboxes } = await opened([full, other]);
    const undo = await refuseOnArtemis(rig.operator, full.archive);
    for (let n = 0; n < 10; n++) {
      await bench.send(full.event, String(n));
      await bench.send(other.event, String(n));
    }
    const stuck = (await inboxes[0]?.count(10))?.map((delivery, n) => delivery.settle(archived(full, n))) ?? [];
    let ended = 0;
    for (const one of stuck) void one.then(() => ended++);
    const going = (await inboxes[1]?.count(10))?.map((delivery, n) => delivery.settle(archived(other, n))) ?? [];
    expect(await Promise.all(going)).toEqual(Array.from({ length: 10 }, () => 'settled'));
    await rig.operator.holds(other.archive, 10);
    await stays(() => ended === 0, { what: 'none has ended' });
    expect((await rig.operator.queueOf(full)).delivering).toBe(10);
    await undo();
    expect(await Promise.all(stuck)).toEqual(Array.from({ length: 10 }, () => 'settled'));
    await rig.operator.holds(full.archive, 10);
    await rig.operator.holds(full.queue, 0);
    expect(inboxes.map(({ deliveries }) => deliveries.length)).toEqual([10, 10]);
    expect(bench.log.filter(({ message }) => message.includes('connection of a listener'))).toEqual([]);
    expect(bench.states.map(({ state }) => state)).toEqual(['connecting', 'connected']);
  }, 60_000);
});

describe('the loss of connections while copies are under way', () => {
  test('leaves one copy of each, and no original', async () => {
    const spec = fresh();
    const { bench, inboxes } = await opened([spec], by(rig.proxy));
    const [inbox] = inboxes;
    if (inbox === undefined) throw new Error('no inbox');
    const settlements: string[] = [];
    const arrived = inbox.arrived.bind(inbox);
    inbox.arrived = (delivery) => {
      arrived(delivery);
      const n = Number(delivery.message.body);
      void delivery.settle(archived(spec, n)).then((settlement) => settlements.push(settlement));
    };
    const sender = await rig.started([]);
    for (let n = 0; n < 300; n++) {
      await sender.send(spec.event, String(n));
      if (n % 50 === 25) rig.proxy.cut();
      if (n % 50 === 40) rig.proxy.cutOldest();
    }
    await until('all are settled', () => settlements.filter((one) => one === 'settled').length >= 300);
    await rig.operator.holds(spec.queue, 0);
    await rig.operator.holds(spec.archive, 300);
    expect(bench.log.filter(({ fields }) => String(fields['error']).includes('AMQ339025'))).toEqual([]);
  }, 60_000);

  test('that of the copies alone leaves deliveries in force, and the copies go again', async () => {
    const spec = fresh();
    const { bench, inboxes } = await opened([spec]);
    const main = `${bench.host.serviceName}/${bench.host.serverName}`;
    const listening = await rig.operator.management.list('listConsumers', { field: 'queue', value: spec.queue });
    for (const { id, connection } of await rig.operator.sessionsOf(main))
      if (!listening.some((row) => row['session'] === id))
        await rig.operator.management.operation('broker', 'closeConnectionWithID', connection).catch(() => undefined);
    await bench.send(spec.event, 'x');
    const [delivery] = (await inboxes[0]?.count(1)) ?? [];
    expect(await delivery?.settle(archived(spec, 0))).toBe('settled');
    await rig.operator.holds(spec.archive, 1);
    await rig.operator.holds(spec.queue, 0);
  });
});

describe('a notice that is refused', () => {
  test('is told and given up; its copy is there, and its original is gone', async () => {
    const [spec, told] = [fresh(), fresh()];
    const { bench, inboxes } = await opened([spec, told]);
    const undo = await refuseOnArtemis(rig.operator, told.event);
    await bench.send(spec.event, 'x');
    const [delivery] = (await inboxes[0]?.count(1)) ?? [];
    expect(await delivery?.settle(archived(spec, 0, { notice: { address: told.event, headers: {} } }))).toBe('settled');
    await rig.operator.holds(spec.archive, 1);
    await rig.operator.holds(spec.queue, 0);
    expect(bench.log.filter(({ level, message }) => level === 'warn' && message.includes('notice was not taken'))).toHaveLength(1);
    await undo();
    await bench.send(told.event, 'after');
    await inboxes[1]?.count(1);
  });
});
