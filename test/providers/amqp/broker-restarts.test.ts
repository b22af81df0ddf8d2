import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { AmqpProvider } from '../../../src/providers/amqp/index.js';
import { testBroker, type TestBroker } from '../../../src/testing/test-broker.js';
import { stays } from '../../../src/testing/wait-until.js';
import { describeOwnBroker } from '../../setup/own-broker.js';
import { Bench, specOf, unique } from './support.js';

const startMs = 150_000;

describeOwnBroker('a broker that restarts', () => {
  let broker: TestBroker;
  const benches: Bench[] = [];
  beforeAll(async () => {
    broker = await testBroker({ own: true });
  }, startMs);
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.provider.stop({ deadlineMs: 1_000 });
  });
  afterAll(() => broker.close(), startMs);

  async function started(specs: SubscriptionSpec[]): Promise<Bench> {
    const bench = new Bench(new AmqpProvider({ url: broker.url, reconnect: { initialDelayMs: 50, maxDelayMs: 200 } }));
    benches.push(bench);
    await bench.start(specs);
    return bench;
  }

  test(
    'gives what it held until a time after that time, once; queues that came late are back, and those that were closed are not',
    async () => {
      const delayed = specOf(unique('delayed'), unique('L'));
      const pattern = specOf(`${unique('shop')}.*`, unique('P'), { pattern: true, temporary: true });
      const replies = unique('replies.s');
      const late = specOf(replies, 'replies', { queue: replies, routing: 'anycast', temporary: true, discard: true });
      const closed = specOf(unique('closed'), unique('C'), { temporary: true, discard: true });
      const one = await started([delayed]);
      const [inbox, patterned, answers, gone] = await Promise.all([delayed, pattern, late, closed].map((spec) => one.listen(spec)));
      if (inbox === undefined || patterned === undefined || answers === undefined) throw new Error('they were all subscribed');
      await gone?.subscription.close();
      for (const each of [inbox, patterned, answers]) {
        each.accepting = true;
        each.subscription.open();
      }
      // It is away when the time comes.
      const notBefore = Date.now() + 2_000;
      await one.send(delayed.event, 'x', { notBefore: new Date(notBefore), expiresAt: notBefore + 60_000 });
      const from = one.states.length;
      await broker.kill();
      await one.until('reconnecting', from);
      await broker.start();
      await one.until('connected', from);
      await inbox.count(1);
      expect(Date.now()).toBeGreaterThanOrEqual(notBefore);
      const address = pattern.event.replace('*', 'made');
      await one.send(address, 'by a pattern');
      await one.send(late.event, 'an answer', { routing: 'anycast', ifThere: true });
      await Promise.all([patterned.count(1), answers.count(1)]);
      expect(patterned.deliveries[0]?.message.address).toBe(address);
      await stays(() => inbox.deliveries.length === 1, { what: 'one delivery' });
      expect(await one.provider.queues.list(closed.event)).toEqual([]);
      expect(await one.provider.queues.list(late.event)).toEqual([`${late.event}::${late.queue}`]);
    },
    startMs,
  );
});
