import { describe, expect, test } from '@jest/globals';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { stays } from '../../../src/testing/wait-until.js';
import { unique, until } from '../amqp/support.js';
import { by, stompRig } from './rig.js';

const rig = stompRig();

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('received'), more);
}

describe('deliveries', () => {
  test('come only after open(), in order, never more than concurrency and prefetch', async () => {
    const spec = fresh({ concurrency: 3, prefetch: 2 });
    const one = await rig.started([spec]);
    await Promise.all(Array.from({ length: 200 }, (_, n) => one.send(spec.event, String(n))));
    const inbox = await one.listen(spec);
    expect(inbox.subscription.ready).toBe(true);
    await stays(() => inbox.deliveries.length === 0, { what: 'none' });
    inbox.subscription.open();
    await inbox.count(5);
    await stays(() => inbox.deliveries.length === 5, { what: 'five' });
    for (let n = 0; n < 200; n++) {
      await inbox.count(n + 1);
      expect(await inbox.accept(inbox.deliveries[n])).toBe('settled');
    }
    expect(inbox.bodies).toEqual(Array.from({ length: 200 }, (_, n) => String(n)));
    expect(inbox.mostHeld).toBe(5);
    await rig.operator.holds(spec.queue, 0);
  });

  test('settled at once are no more between two writes of their ACKs than the limit, however many wait', async () => {
    const spec = fresh({ concurrency: 3, prefetch: 2 });
    const one = await rig.started([spec]);
    await Promise.all(Array.from({ length: 200 }, (_, n) => one.send(spec.event, String(n))));
    const inbox = await one.listen(spec);
    let [sinceWrite, most] = [0, 0];
    inbox.arrived = (delivery) => {
      inbox.deliveries.push(delivery);
      // What is acknowledged is written at the end of the tick.
      if (sinceWrite++ === 0) setImmediate(() => (sinceWrite = 0));
      most = Math.max(most, sinceWrite);
      void delivery.settle({ do: 'accept' });
    };
    inbox.subscription.open();
    await inbox.count(200);
    expect(most).toBe(5);
    await rig.operator.holds(spec.queue, 0);
  });

  test('larger than the window come one by one', async () => {
    const spec = fresh({ concurrency: 2, prefetch: 0 });
    const one = await rig.started([spec]);
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    const bodies = Array.from({ length: 12 }, (_, n) => String(n).repeat(300_000));
    for (const body of bodies) await one.send(spec.event, body);
    await inbox.count(12);
    expect(inbox.bodies).toEqual(bodies);
  });

  test('settled twice do it once, with the first outcome', async () => {
    const spec = fresh();
    const one = await rig.started([spec]);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    await one.send(spec.event, 'x');
    const [delivery] = await inbox.count(1);
    const [first, second] = [delivery?.settle({ do: 'accept' }), delivery?.settle({ do: 'copy', to: 'archive', headers: {} })];
    expect(await Promise.all([first, second])).toEqual(['settled', 'settled']);
    await rig.operator.holds(spec.queue, 0);
    expect(await rig.operator.count(spec.archive)).toBe(0);
    expect(inbox.subscription.ready).toBe(true);
  });
});

describe('thirty listeners', () => {
  test('that are cut while they connect, again and again, all listen in the end', async () => {
    const specs = Array.from({ length: 30 }, () => fresh());
    const one = await rig.started(specs, { url: by(rig.proxy) });
    const subscribing = Promise.all(specs.map((spec) => one.listen(spec)));
    for (let cut = 0; cut < 6; cut++) {
      const { accepted } = rig.proxy;
      rig.proxy.cut();
      await until('some are connecting', () => rig.proxy.accepted >= accepted + 5 * (cut + 1));
    }
    const inboxes = await subscribing;
    for (const inbox of inboxes) {
      inbox.accepting = true;
      inbox.subscription.open();
    }
    await until('all are ready', () => inboxes.every(({ subscription }) => subscription.ready));
    for (const { event } of specs) await one.send(event, 'x');
    await until('all have it', () => inboxes.every(({ deliveries }) => deliveries.length >= 1));
    for (const { queue } of specs) expect(Number((await rig.operator.queue(queue))?.['consumerCount'])).toBe(1);
  });
});

describe('a right that is taken away', () => {
  test('keeps its listener waiting, which tells so, and nobody else; when it is given back all goes on', async () => {
    const { management } = rig.operator;
    const [lost, kept] = [fresh(), fresh()];
    const one = await rig.started([lost, kept], { url: by(rig.proxy) });
    const inboxes = [await one.listen(lost), await one.listen(kept)] as const;
    for (const inbox of inboxes) {
      inbox.accepting = true;
      inbox.subscription.open();
    }
    const roles = (consume: string): string[] => ['amq', consume, 'amq', 'amq', 'amq', 'amq', 'amq', 'amq', 'amq', 'amq'];
    await management.operation('broker', 'addSecuritySettings', lost.event, ...roles('nobody'));
    try {
      rig.proxy.cut();
      await until('the other is back', () => inboxes[1].subscription.ready);
      await one.send(kept.event, 'x');
      await one.send(lost.event, 'y');
      await inboxes[1].count(1);
      await until('it is told', () =>
        one.log.some(({ fields }) => fields['listener'] === lost.listener && String(fields['error']).includes('right CONSUME')),
      );
      expect(inboxes[0].subscription.ready).toBe(false);
      expect(one.states.at(-1)?.state).toBe('connected');
    } finally {
      await management.operation('broker', 'removeSecuritySettings', lost.event);
    }
    await inboxes[0].count(1);
  });
});

describe('the answers of the management', () => {
  test('come on and on over one connection, however much they have been', async () => {
    const { operator } = rig;
    const prefix = unique('long');
    const names = Array.from({ length: 10 }, (_, n) => `${prefix}.${String(n)}`);
    for (const name of names) await operator.createQueue(name, name, { 'filter-string': `x = '${'y'.repeat(50_000)}'` });
    const one = await rig.started([]);
    // Each list shows the filters: all in all some ten million bytes.
    for (let n = 0; n < 20; n++) expect(await one.provider.queues.list(prefix)).toHaveLength(names.length);
  }, 60_000);
});
