import { describe, expect, test } from '@jest/globals';
import type { Delivery, Outcome, SubscriptionSpec } from '../../../src/core/provider.js';
import { stays } from '../../../src/testing/wait-until.js';
import { Rig } from './rig.js';
import { type Bench, brokerUrl, through, unique, until } from './support.js';
import type { Inbox } from './support.js';

const rig = Rig.forEachTest();
const giveBack: Outcome = { do: 'return' };

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('held'), more);
}

async function opened(spec: SubscriptionSpec, url = brokerUrl().href): Promise<{ bench: Bench; inbox: Inbox }> {
  const bench = await rig.started([spec], { url });
  const inbox = await bench.listen(spec);
  inbox.subscription.open();
  return { bench, inbox };
}

async function fill(bench: Bench, spec: SubscriptionSpec, count: number, from = 0): Promise<void> {
  for (let i = from; i < from + count; i++) await bench.send(spec.event, String(i));
}

async function settleAll(deliveries: readonly (Delivery | undefined)[], outcome: Outcome): Promise<void> {
  for (const delivery of deliveries) expect(await delivery?.settle(outcome)).toBe('settled');
}

const delivering = async (spec: SubscriptionSpec): Promise<number> => (await rig.operator.queueOf(spec)).delivering;

describe('the limit of a subscription', () => {
  test('raised, lets in more at once', async () => {
    const spec = fresh({ concurrency: 2, prefetch: 0 });
    const { bench, inbox } = await opened(spec);
    await fill(bench, spec, 10);
    await inbox.count(2);
    inbox.subscription.setLimit(5);
    await inbox.count(5);
    await stays(() => inbox.deliveries.length === 5, { what: 'five' });
    expect(await delivering(spec)).toBe(5);
  });

  test('lowered, leaves what is out, and lets in no more until less is out than the new one', async () => {
    const spec = fresh({ concurrency: 4, prefetch: 2 });
    const { bench, inbox } = await opened(spec);
    await fill(bench, spec, 12);
    await inbox.count(6);
    inbox.subscription.setLimit(2);
    for (let i = 0; i < 4; i++) await inbox.accept(inbox.deliveries[i]);
    await until('the broker has taken them', async () => (await rig.operator.count(spec.queue)) === 8);
    await stays(() => inbox.deliveries.length === 6, { what: 'no more than the six' });
    expect(await delivering(spec)).toBe(2);
    await inbox.accept(inbox.deliveries[4]);
    await inbox.count(7);
    await stays(() => inbox.deliveries.length === 7, { what: 'one for one' });
    inbox.subscription.setLimit(4);
    await inbox.count(9);
    expect(await delivering(spec)).toBe(4);
  });

  test('lowered while nothing waits, holds for what comes later', async () => {
    const spec = fresh({ concurrency: 10, prefetch: 10 });
    const { bench, inbox } = await opened(spec);
    inbox.subscription.setLimit(1);
    // What the broker was allowed before may still come: so the queue is looked at when it has taken the lower limit in.
    await bench.send(spec.event, 'first');
    await inbox.count(1);
    await inbox.accept(inbox.deliveries[0]);
    await fill(bench, spec, 5);
    await inbox.count(2);
    await stays(() => inbox.deliveries.length === 2, { what: 'one at a time' });
    for (let i = 1; i < 6; i++) {
      await inbox.count(i + 1);
      await inbox.accept(inbox.deliveries[i]);
    }
    expect(inbox.mostHeld).toBe(1);
    expect(inbox.bodies.slice(1)).toEqual(['0', '1', '2', '3', '4']);
  });

  test('changed again and again in a stream, loses nothing, and in the end is what it was set to last', async () => {
    const spec = fresh({ concurrency: 20, prefetch: 0 });
    const { bench, inbox } = await opened(spec);
    inbox.accepting = true;
    const sending = Promise.all(Array.from({ length: 2_000 }, (_, i) => bench.send(spec.event, String(i))));
    for (let i = 0; inbox.deliveries.length < 1_500; i++) {
      inbox.subscription.setLimit([1, 20, 3, 7, 50][i % 5] as number);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await sending;
    await inbox.count(2_000);
    expect(new Set(inbox.bodies).size).toBe(2_000);
    await until('the queue is empty', async () => (await rig.operator.count(spec.queue)) === 0);
    inbox.accepting = false;
    inbox.subscription.setLimit(2);
    await until('nothing is out', async () => (await delivering(spec)) === 0);
    await bench.send(spec.event, 'a');
    await inbox.count(2_001);
    await inbox.accept(inbox.deliveries[2_000]);
    await fill(bench, spec, 5);
    await inbox.count(2_003);
    await stays(() => inbox.deliveries.length === 2_003, { what: 'two at a time' });
  });

  test('holds over a reconnect, runs of the old connection included', async () => {
    const spec = fresh({ concurrency: 6, prefetch: 0 });
    const { bench, inbox } = await opened(spec, through(rig.proxy));
    await fill(bench, spec, 9);
    await inbox.count(6);
    inbox.subscription.setLimit(3);
    rig.proxy.cut();
    await bench.until('connected', bench.states.length);
    await until('it is ready', () => inbox.subscription.ready);
    await stays(() => inbox.deliveries.length === 6, { what: 'no more' });
    for (const delivery of inbox.deliveries.slice(0, 4)) expect(await inbox.accept(delivery)).toBe('stale');
    await inbox.count(7);
    await stays(() => inbox.deliveries.length === 7, { what: 'one beside the two old runs' });
  });
});

describe('what is returned', () => {
  test('while paused goes back at once, uncounted, in order, to whoever else consumes, and its place is free', async () => {
    const spec = fresh({ concurrency: 3, prefetch: 3 });
    const { bench, inbox } = await opened(spec);
    await fill(bench, spec, 8);
    await inbox.count(6);
    await inbox.subscription.pause();
    const [a, b, c, d, e, f] = inbox.deliveries;
    await settleAll([e, b, d, a, f], giveBack);
    await until('one is out', async () => (await delivering(spec)) === 1);
    await stays(async () => inbox.deliveries.length === 6 && (await delivering(spec)) === 1, { what: 'nothing comes while paused' });
    const other = await opened(spec);
    await other.inbox.count(6);
    expect(other.inbox.bodies).toEqual(['0', '1', '3', '4', '5', '6']);
    expect(other.inbox.deliveries.map(({ brokerCount }) => brokerCount)).toEqual([0, 0, 0, 0, 0, 0]);
    other.inbox.accepting = true;
    await settleAll(other.inbox.deliveries, { do: 'accept' });
    await other.inbox.count(7);
    inbox.subscription.open();
    await fill(bench, spec, 5, 8);
    await until('the paused one goes on', () => inbox.deliveries.length > 6);
    expect(await inbox.accept(c)).toBe('settled');
  });

  test('comes again after open(), in its place', async () => {
    const spec = fresh({ concurrency: 2, prefetch: 0 });
    const { bench, inbox } = await opened(spec);
    await fill(bench, spec, 4);
    await inbox.count(2);
    await inbox.subscription.pause();
    await settleAll(inbox.deliveries, giveBack);
    await stays(() => inbox.deliveries.length === 2, { what: 'nothing comes while paused' });
    inbox.subscription.setLimit(1);
    inbox.subscription.open();
    await inbox.count(3);
    await stays(() => inbox.deliveries.length === 3, { what: 'one at a time' });
    inbox.accepting = true;
    await inbox.accept(inbox.deliveries[2]);
    await inbox.count(6);
    expect(inbox.bodies.slice(2)).toEqual(['0', '1', '2', '3']);
    await until('the queue is empty', async () => (await rig.operator.count(spec.queue)) === 0);
  });

  test('before or while it is being paused stays until nothing can come, then goes back: no hot loop', async () => {
    const spec = fresh({ concurrency: 5, prefetch: 5 });
    const { bench, inbox } = await opened(spec);
    await fill(bench, spec, 4);
    await inbox.count(4);
    await settleAll(inbox.deliveries.slice(0, 2), giveBack);
    await stays(() => inbox.deliveries.length === 4, { what: 'what is returned does not come at once' });
    expect(await delivering(spec)).toBe(4);
    const pausing = inbox.subscription.pause();
    await settleAll(inbox.deliveries.slice(2), giveBack);
    await pausing;
    await until('all are back', async () => (await delivering(spec)) === 0);
    await rig.operator.holds(spec.queue, 4);
    expect(inbox.deliveries).toHaveLength(4);
    inbox.accepting = true;
    inbox.subscription.open();
    await inbox.count(8);
    expect(inbox.bodies.slice(4)).toEqual(['0', '1', '2', '3']);
  });

  test('in the same breath as others are accepted takes none of them with it', async () => {
    const spec = fresh({ concurrency: 10, prefetch: 0 });
    const { bench, inbox } = await opened(spec);
    await fill(bench, spec, 10);
    await inbox.count(10);
    await inbox.subscription.pause();
    // Outcomes of neighbours, written in one tick.
    const settling = inbox.deliveries.map((delivery, i) => delivery.settle(i % 2 === 0 ? { do: 'accept' } : giveBack));
    expect(new Set(await Promise.all(settling))).toEqual(new Set(['settled']));
    await rig.operator.holds(spec.queue, 5);
    const other = await opened(spec);
    await other.inbox.count(5);
    expect(other.inbox.bodies).toEqual(['1', '3', '5', '7', '9']);
  });

  test('of a lost connection is stale and frees its place', async () => {
    const spec = fresh({ concurrency: 2, prefetch: 0 });
    const { bench, inbox } = await opened(spec, through(rig.proxy));
    await fill(bench, spec, 2);
    await inbox.count(2);
    expect(await inbox.deliveries[0]?.settle(giveBack)).toBe('settled');
    rig.proxy.cut();
    await bench.until('connected', bench.states.length);
    expect(await inbox.deliveries[1]?.settle(giveBack)).toBe('stale');
    await inbox.count(4);
    expect(inbox.bodies.slice(2)).toEqual(['0', '1']);
  });

  test('when it stops: returned, paused and closed, each message is there once, uncounted', async () => {
    const spec = fresh({ concurrency: 5, prefetch: 15 });
    const { bench, inbox } = await opened(spec);
    await fill(bench, spec, 40);
    await inbox.count(20);
    // As the dispatcher does it: what waits is returned, then it pauses, then what runs ends, then it closes.
    await settleAll(inbox.deliveries.slice(5), giveBack);
    await inbox.subscription.pause();
    await settleAll(inbox.deliveries.slice(0, 3), { do: 'accept' });
    await settleAll(inbox.deliveries.slice(3, 5), giveBack);
    await inbox.subscription.close();
    await bench.provider.stop({ deadlineMs: 1_000 });
    const other = await opened({ ...spec, concurrency: 100 });
    await other.inbox.count(37);
    await stays(() => other.inbox.deliveries.length === 37, { what: 'nothing twice' });
    expect(other.inbox.bodies).toEqual(Array.from({ length: 37 }, (_, i) => String(i + 3)));
    expect(new Set(other.inbox.deliveries.map(({ brokerCount }) => brokerCount))).toEqual(new Set([0]));
  });

  test('paused and opened without a breath between, goes on', async () => {
    const spec = fresh({ concurrency: 5, prefetch: 5 });
    const { bench, inbox } = await opened(spec);
    inbox.accepting = true;
    for (let i = 0; i < 30; i++) {
      const pausing = inbox.subscription.pause();
      if (i % 3 === 0) await pausing;
      inbox.subscription.open();
      await bench.send(spec.event, String(i));
    }
    await inbox.count(30);
    await until('the queue is empty', async () => (await rig.operator.count(spec.queue)) === 0);
  });
});
