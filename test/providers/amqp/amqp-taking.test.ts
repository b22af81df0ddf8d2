import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import rhea from 'rhea';
import { SendError, TidingsError } from '../../../src/core/errors.js';
import type { CopyTo, SubscriptionSpec, WireMessage } from '../../../src/core/provider.js';
import type { AmqpMessage } from '../../../src/providers/amqp/rhea-message.js';
import { dataSection } from '../../../src/providers/amqp/rhea-message.js';
import { refuseOnArtemis } from '../../support/artemis-faults.js';
import { Rig } from './rig.js';
import { type Bench, brokerUrl, specOf, through, unique, until, withUser } from './support.js';

const rig = Rig.forEachTest();

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('taken'), more);
}

function started(specs: SubscriptionSpec[], url = brokerUrl().href): Promise<Bench> {
  return rig.started(specs, { url });
}

/** Puts so many into the archive, numbered. */
async function archive(bench: Bench, spec: SubscriptionSpec, count: number, from = 0): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => bench.send(spec.archive, String(from + i), { routing: 'anycast' })));
}

async function bodiesOf(bench: Bench, queue: string): Promise<string[]> {
  const bodies: string[] = [];
  for await (const { body } of bench.provider.queues.browse(queue)) bodies.push(String(body));
  return bodies;
}

async function failure(work: Promise<unknown>): Promise<TidingsError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!TidingsError.is(error)) throw new Error(`no TidingsError: ${String(error)}`);
  return error;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapAfterCollection(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

const queueOf = (spec: SubscriptionSpec): string => `${spec.event}::${spec.queue}`;
const toQueue =
  (spec: SubscriptionSpec, more: Partial<CopyTo> = {}) =>
  (): CopyTo => ({ to: queueOf(spec), headers: {}, ...more });
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i));

describe('taking messages out of a queue', () => {
  test('copies them oldest first to one queue alone, with headers laid over, and the originals are gone', async () => {
    const event = unique('taken');
    const [spec, sibling] = [specOf(event, unique('A')), specOf(event, unique('B'))];
    rig.operator.clean(spec, sibling);
    const one = await started([spec, sibling]);
    await archive(one, spec, 20);
    const seen: string[] = [];
    const taken = await one.provider.queues.take(spec.archive, {}, (message) => {
      seen.push(String(message.body));
      return { to: queueOf(spec), headers: { round: '1', gone: undefined }, dedupeId: `${String(message.body)}#${spec.queue}#1.1` };
    });
    expect(taken).toBe(20);
    expect(seen).toEqual(numbers(0, 20));
    await rig.operator.holds(spec.archive, 0);
    await rig.operator.holds(spec.queue, 20);
    await rig.operator.holds(sibling.queue, 0);
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    await inbox.count(20);
    expect(inbox.bodies).toEqual(numbers(0, 20));
    expect(new Set(inbox.deliveries.map(({ message }) => message.headers.get('round')))).toEqual(new Set(['1']));
  });

  test('keeps body, ids and group, and drops what belonged to the passage before: expiry, delivery time, broker names', async () => {
    const spec = fresh();
    const one = await started([spec]);
    const inTwoSeconds = Date.now() + 2_000;
    await rig.operator.publish(
      spec.archive,
      {
        durable: true,
        ttl: 60_000,
        message_id: 'not-unique',
        subject: 's',
        group_id: 'g',
        correlation_id: 'c',
        content_type: 'application/x-own',
        body: dataSection(Buffer.from([0, 255, 10])),
        message_annotations: { 'x-opt-mine': 'kept' },
        application_properties: { text: 'x', _AMQ_DUPL_ID: 'first', _AMQ_OTHER: 'y' },
      } as AmqpMessage,
      'queue',
    );
    await rig.operator.publish(
      spec.archive,
      { body: 'was delayed', message_annotations: { 'x-opt-delivery-time': rhea.types.wrap_long(inTwoSeconds) } },
      'queue',
    );
    await until('both wait', async () => {
      const row = await rig.operator.queue(spec.archive);
      return row?.['messageCount'] === '2' && row['scheduledCount'] === '0';
    });
    // What was delayed comes to the head of its queue.
    const ids = ['b', 'a'];
    expect(await one.provider.queues.take(spec.archive, {}, () => toQueue(spec, { dedupeId: String(ids.shift()) })())).toBe(2);
    const second = await rig.operator.take(queueOf(spec), 'topic');
    const copy = (await rig.operator.take(queueOf(spec), 'topic')) as AmqpMessage & Record<string, unknown>;
    expect(copy).toMatchObject({
      durable: true,
      message_id: 'not-unique',
      subject: 's',
      group_id: 'g',
      correlation_id: 'c',
      content_type: 'application/x-own',
      application_properties: { text: 'x', _AMQ_DUPL_ID: 'a' },
    });
    expect(copy['ttl']).toBeUndefined();
    expect(copy['absolute_expiry_time']).toBeUndefined();
    expect(copy.application_properties).not.toHaveProperty('_AMQ_OTHER');
    expect(copy.message_annotations).toMatchObject({ 'x-opt-mine': 'kept' });
    expect(second.body).toBe('was delayed');
    expect(Object.keys(second.message_annotations ?? {}).filter((name) => name.startsWith('x-opt-delivery'))).toEqual([]);
  });

  test('removes and skips: what is skipped keeps its place, its order and its count, and others get it', async () => {
    const spec = fresh();
    const one = await started([spec]);
    await archive(one, spec, 30);
    const decide = ({ body }: WireMessage): CopyTo | 'remove' | 'skip' =>
      Number(body) % 3 === 0 ? 'remove' : Number(body) % 3 === 1 ? 'skip' : toQueue(spec)();
    expect(await one.provider.queues.take(spec.archive, {}, decide)).toBe(20);
    await rig.operator.holds(spec.archive, 10);
    expect(await bodiesOf(one, spec.archive)).toEqual(numbers(0, 30).filter((n) => Number(n) % 3 === 1));
    expect(await bodiesOf(one, queueOf(spec))).toEqual(numbers(0, 30).filter((n) => Number(n) % 3 === 2));
    const first = await rig.operator.take(spec.archive);
    expect([first.body, first.delivery_count]).toEqual(['1', undefined]);
    // A second time they are shown again.
    expect(await one.provider.queues.take(spec.archive, {}, () => 'remove')).toBe(9);
  });

  test('ends after `limit` were copied or removed, whatever was skipped before', async () => {
    const spec = fresh();
    const one = await started([spec]);
    await archive(one, spec, 25);
    expect(await one.provider.queues.take(spec.archive, { limit: 0 }, () => 'remove')).toBe(0);
    expect(await one.provider.queues.take(spec.archive, { limit: 4 }, ({ body }) => (Number(body) < 10 ? 'skip' : 'remove'))).toBe(4);
    await rig.operator.holds(spec.archive, 21);
    expect(await bodiesOf(one, spec.archive)).toEqual([...numbers(0, 10), ...numbers(14, 25)]);
    expect((await rig.operator.queue(spec.archive))?.['deliveringCount']).toBe('0');
  });

  test('looks at no more than stood there when it began, though each copy goes to the end of the same queue', async () => {
    const spec = fresh();
    const one = await started([spec]);
    for (const n of numbers(0, 5)) await one.send(spec.event, n);
    await one.send(spec.event, 'delayed', { notBefore: new Date(Date.now() + 60_000) });
    const seen: string[] = [];
    const again = ({ body }: WireMessage): CopyTo => {
      seen.push(String(body));
      return toQueue(spec, { headers: { again: 'yes' } })();
    };
    expect(await one.provider.queues.take(queueOf(spec), {}, again)).toBe(5);
    expect(seen).toEqual(numbers(0, 5));
    await rig.operator.holds(spec.queue, 6);
  });

  test('ends where nothing is left for it, though more stood there when it began', async () => {
    const spec = fresh();
    const one = await started([spec]);
    await archive(one, spec, 40);
    let taken = 0;
    const taking = one.provider.queues.take(spec.archive, {}, () => {
      // Somebody empties the queue meanwhile.
      if (++taken === 1) void rig.operator.management.operation(`queue.${spec.archive}`, 'removeAllMessages');
      return 'remove';
    });
    expect(await taking).toBeLessThanOrEqual(40);
    await rig.operator.holds(spec.archive, 0);
    expect(await one.provider.queues.take(unique('nothing'), {}, () => 'remove')).toBe(0);
    expect(await one.provider.queues.take(spec.archive, {}, () => 'remove')).toBe(0);
  });

  test('two at once, and a consumer beside them: each message once', async () => {
    const spec = fresh({ concurrency: 3, prefetch: 0 });
    const [one, two] = [await started([spec]), await started([spec])];
    for (const n of numbers(0, 300)) await one.send(spec.event, n);
    const target = fresh();
    await two.provider.stop({ deadlineMs: 1_000 });
    await two.start([target]);
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    const takes = [one, two].map((bench) => bench.provider.queues.take(queueOf(spec), {}, toQueue(target)));
    const [first = 0, second = 0] = await Promise.all(takes);
    await rig.operator.holds(spec.queue, 0);
    expect(first + second + inbox.deliveries.length).toBe(300);
    const copies = await bodiesOf(one, queueOf(target));
    expect([...copies, ...inbox.bodies].sort((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 300));
    expect(Math.min(first, second)).toBeGreaterThan(0);
  });

  test('into a queue that is not there copies nothing, makes nothing, and names it', async () => {
    const spec = fresh();
    const other = fresh();
    const one = await started([spec, other]);
    await archive(one, spec, 3);
    const missing = `${spec.event}::${unique('gone')}`;
    // A queue of that name is there, but of another event: the broker would take the copy and drop it.
    for (const to of [missing, `${other.event}::${spec.queue}`, unique('nowhere')]) {
      const error = await failure(one.provider.queues.take(spec.archive, {}, () => ({ to, headers: {} })));
      expect(error.code).toBe('missing-queue');
      expect(error.message).toContain(to);
    }
    await rig.operator.holds(spec.archive, 3);
    expect(await bodiesOf(one, spec.archive)).toEqual(numbers(0, 3));
    expect(await rig.operator.queue(missing.split('::')[1] ?? '')).toBeUndefined();
  });

  test('into a queue that goes away meanwhile ends with that, and loses no more than a second of it', async () => {
    const spec = fresh();
    const one = await started([spec]);
    const target = fresh();
    await rig.operator.createQueue(target.event, target.queue);
    await archive(one, spec, 3_000);
    let shown = 0;
    const taking = one.provider.queues.take(spec.archive, {}, () => {
      if (++shown === 5) void rig.operator.destroyQueue(target.queue);
      return toQueue(target)();
    });
    // The broker makes such a queue anew when a copy names it, unless it is told not to.
    await rig.operator.management.operation(
      'broker',
      'addAddressSettings',
      target.event,
      JSON.stringify({ autoCreateQueues: false, autoCreateAddresses: false }),
    );
    try {
      const error = await failure(taking);
      expect(error.message).toContain(target.queue);
      expect(['missing-queue', 'send-refused']).toContain(error.code);
      expect(await rig.operator.count(spec.archive)).toBeGreaterThan(0);
    } finally {
      await rig.operator.management.operation('broker', 'removeAddressSettings', target.event);
    }
  });

  test('a copy that is refused ends it with the code and the reason; the original stays where it is', async () => {
    const spec = fresh();
    const one = await started([spec]);
    await archive(one, spec, 3);
    const undo = await refuseOnArtemis(rig.operator, spec.event);
    try {
      const error = await failure(one.provider.queues.take(spec.archive, {}, toQueue(spec)));
      expect(error).toBeInstanceOf(SendError);
      expect(error).toMatchObject({ code: 'send-refused', outcome: 'refused', retryable: true });
      expect(error.message).toContain(`Address "${spec.event}" is full`);
    } finally {
      await undo();
    }
    expect(await bodiesOf(one, spec.archive)).toEqual(numbers(0, 3));
    // And it goes on where it stopped, once there is room.
    expect(await one.provider.queues.take(spec.archive, {}, toQueue(spec))).toBe(3);
    await rig.operator.holds(spec.queue, 3);
  });

  test("a lost connection ends it with 'connection'; what was not confirmed is still there", async () => {
    const spec = fresh();
    const one = await started([spec], through(rig.proxy));
    await archive(one, spec, 200);
    let shown = 0;
    const error = await failure(
      one.provider.queues.take(spec.archive, {}, ({ body }) => {
        if (++shown === 50) rig.proxy.cut();
        return toQueue(spec, { dedupeId: `${spec.queue}#${String(body)}` })();
      }),
    );
    expect(error).toMatchObject({ code: 'connection', retryable: true });
    await one.until('connected', one.states.length);
    await until('nothing is out', async () => (await rig.operator.queue(spec.archive))?.['deliveringCount'] === '0');
    const left = await rig.operator.count(spec.archive);
    expect(left).toBeGreaterThanOrEqual(150);
    // A death between confirmation and acceptance repeats one, which the broker knows by its id.
    expect(
      await one.provider.queues.take(spec.archive, {}, ({ body }) => toQueue(spec, { dedupeId: `${spec.queue}#${String(body)}` })()),
    ).toBe(left);
    await rig.operator.holds(spec.queue, 200);
  });

  test('a broker that falls silent ends it in time', async () => {
    const spec = fresh();
    const one = await started([spec], through(rig.proxy));
    await archive(one, spec, 20);
    let shown = 0;
    const taking = one.provider.queues.take(spec.archive, {}, () => {
      if (++shown === 3) rig.proxy.hold(true);
      return toQueue(spec)();
    });
    const error = await failure(taking);
    expect(['connection', 'send-timeout']).toContain(error.code);
  });

  test('of a queue that an operator has paused says that nothing is given', async () => {
    const spec = fresh();
    const one = await started([spec]);
    await archive(one, spec, 3);
    await rig.operator.management.operation(`queue.${spec.archive}`, 'pause');
    const error = await failure(one.provider.queues.take(spec.archive, {}, () => 'remove'));
    expect(error).toMatchObject({ code: 'connection', retryable: true });
    expect(error.message).toContain('paused');
    await rig.operator.holds(spec.archive, 3);
  });

  test('a decision that throws ends it with that, the message in its place', async () => {
    const spec = fresh();
    const one = await started([spec]);
    await archive(one, spec, 5);
    const broken = new Error('no decision');
    const taking = one.provider.queues.take(spec.archive, {}, ({ body }) => {
      if (body === '2') throw broken;
      return 'remove';
    });
    await expect(taking).rejects.toBe(broken);
    expect(await bodiesOf(one, spec.archive)).toEqual(['2', '3', '4']);
  });

  test('without the right to manage it is refused, and the error names the right', async () => {
    const prefix = unique('mine');
    const spec = specOf(`${prefix}.e`, 'L', { queue: `${prefix}.L` });
    rig.operator.clean(spec);
    await withUser(rig.operator, { prefix, manage: false }, async (url) => {
      const one = await started([spec], url);
      await archive(one, spec, 1);
      const error = await failure(one.provider.queues.take(spec.archive, {}, () => 'remove'));
      expect(error.code).toBe('permission');
      expect(error.message).toMatch(/lacks the right (MANAGE|SEND) on address activemq\.management/);
      await rig.operator.holds(spec.archive, 1);
      await one.provider.stop({ deadlineMs: 1_000 });
    });
  });

  test('ten thousand are shown in order, and skipped without keeping them in memory', async () => {
    const [count, copied] = [10_000, 1_000];
    const spec = fresh({ archiveBounds: { maxAgeMs: 3_600_000, maxCount: 2 * count } });
    const one = await started([spec]);
    const filler = 'x'.repeat(5_000);
    await Promise.all(numbers(0, count).map((n) => one.send(spec.archive, `${n} ${filler}`, { routing: 'anycast' })));
    const before = heapAfterCollection();
    let most = 0;
    let since = performance.now();
    let last = -1;
    const inOrder = (message: WireMessage): void => {
      const n = parseInt(String(message.body), 10);
      if (n % 2_500 === 0) most = Math.max(most, heapAfterCollection() - before);
      if (n !== last + 1) throw new Error(`${String(n)} came after ${String(last)}`);
      last = n;
    };
    const skip = (message: WireMessage): 'skip' => {
      inOrder(message);
      return 'skip';
    };
    expect(await one.provider.queues.take(spec.archive, {}, skip)).toBe(0);
    expect(last).toBe(count - 1);
    const skipMs = performance.now() - since;
    const grownMb = Math.max(most, heapAfterCollection() - before) / 1e6;
    // All of them together are 50 MB.
    expect(grownMb).toBeLessThan(15);
    since = performance.now();
    last = -1;
    const copy = (message: WireMessage): CopyTo => {
      inOrder(message);
      return toQueue(spec, { dedupeId: `${spec.queue}#${String(last)}` })();
    };
    expect(await one.provider.queues.take(spec.archive, { limit: copied }, copy)).toBe(copied);
    process.stderr.write(
      `${String(count)} skipped in ${(skipMs / 1000).toFixed(1)} s (${grownMb.toFixed(1)} MB more), ${String(copied)} copied in ${((performance.now() - since) / 1000).toFixed(1)} s\n`,
    );
    await rig.operator.holds(spec.archive, count - copied);
    await rig.operator.holds(spec.queue, copied);
  }, 120_000);
});
