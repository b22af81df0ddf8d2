import { afterEach, describe, expect, test } from '@jest/globals';
import { TidingsError } from '../../../src/core/errors.js';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import type { AmqpOptions } from '../../../src/providers/amqp/index.js';
import { Rig } from './rig.js';
import { type Bench, Proxy, specOf, through, unique, until, withUser } from './support.js';

const rig = Rig.forEachTest();
const proxies: Proxy[] = [];

afterEach(async () => {
  await rig.stopAll();
  for (const proxy of proxies.splice(0)) await proxy.close();
});

function bench(options: AmqpOptions = {}, host: ConstructorParameters<typeof Bench>[1] = {}): Bench {
  return rig.bench(options, host);
}

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('made'), more);
}

async function refusal(work: Promise<unknown>): Promise<TidingsError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(TidingsError.is(error)).toBe(true);
  return error as TidingsError;
}

describe('provisioning by management', () => {
  test('makes queues and archives that stay, and those of temporary listeners that go', async () => {
    const event = unique('made');
    const lasting = specOf(event, unique('A'));
    const temporary = specOf(event, unique('B'), { temporary: true });
    const work = unique('work');
    const anycast = specOf(work, 'W', { routing: 'anycast', queue: work });
    rig.operator.clean(lasting, temporary, anycast);
    await bench().start([lasting, temporary, anycast]);
    expect(await rig.operator.queue(lasting.queue)).toMatchObject({
      address: event,
      routingType: 'MULTICAST',
      durable: 'true',
      autoDelete: 'false',
      autoCreated: 'false',
    });
    expect(await rig.operator.queue(temporary.queue)).toMatchObject({
      address: event,
      routingType: 'MULTICAST',
      durable: 'true',
      autoDelete: 'true',
    });
    expect(await rig.operator.queue(work)).toMatchObject({ address: work, routingType: 'ANYCAST', autoDelete: 'false' });
    for (const { archive } of [lasting, temporary, anycast]) {
      expect(await rig.operator.queue(archive)).toMatchObject({
        address: archive,
        routingType: 'ANYCAST',
        durable: 'true',
        autoDelete: 'false',
      });
      const settings: unknown = JSON.parse(String(await rig.operator.management.operation('broker', 'getAddressSettingsAsJSON', archive)));
      expect(settings).toMatchObject({ sendToDLAOnNoRoute: true, autoDeleteQueues: false, autoDeleteAddresses: false });
    }
  });

  test('leaves what is there as it is', async () => {
    const spec = fresh();
    await rig.operator.createQueue(spec.event, spec.queue, { 'ring-size': 7 });
    await rig.operator.publish(spec.event, { body: 'kept', durable: true });
    await rig.operator.holds(spec.queue, 1);
    const one = bench();
    await one.start([spec]);
    expect(await rig.operator.queue(spec.queue)).toMatchObject({ ringSize: '7', messageCount: '1' });
    await one.provider.stop({ deadlineMs: 1_000 });
    await one.start([spec]);
    expect(await rig.operator.queue(spec.queue)).toMatchObject({ messageCount: '1' });
  });

  test('works with a broker that is told to make neither addresses nor queues by itself', async () => {
    const spec = fresh();
    const none = JSON.stringify({ autoCreateAddresses: false, autoCreateQueues: false });
    for (const address of [spec.event, spec.archive])
      await rig.operator.management.operation('broker', 'addAddressSettings', address, none);
    try {
      const one = bench();
      await one.start([spec]);
      const inbox = await one.listen(spec);
      inbox.subscription.open();
      await one.send(spec.event, 'x');
      const [delivery] = await inbox.count(1);
      expect(await delivery?.settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
      await rig.operator.holds(spec.archive, 1);
    } finally {
      await rig.operator.management.operation('broker', 'removeAddressSettings', spec.event);
    }
  });

  test('refuses a queue of another event, naming both and the remedy', async () => {
    const taken = fresh();
    const spec = { ...fresh(), queue: taken.queue };
    await bench().start([taken]);
    const error = await refusal(bench().start([spec]));
    expect(error.code).toBe('queue-conflict');
    for (const part of [taken.event, spec.event, spec.listener, "queueNaming: 'qualified'"]) expect(error.message).toContain(part);
  });

  test.each([
    ['with a filter', { 'filter-string': "color = 'red'" }, 'filter'],
    ['of the other routing type', { 'routing-type': 'ANYCAST' }, 'ANYCAST'],
  ])('refuses a queue %s', async (_what, more, word) => {
    const spec = fresh();
    await rig.operator.createQueue(spec.event, spec.queue, more);
    const error = await refusal(bench().start([spec]));
    expect(error.code).toBe('queue-conflict');
    expect(error.message).toContain(word);
  });

  test('warns of an address that is anycast too, and events still reach every queue', async () => {
    const spec = fresh();
    await rig.operator.createQueue(spec.event, unique('other'), { 'routing-type': 'ANYCAST' });
    const one = bench();
    await one.start([spec]);
    expect(
      one.log
        .filter(({ level }) => level === 'warn')
        .map(({ message }) => message)
        .join(),
    ).toContain(`address ${spec.event} is ANYCAST too`);
    await one.send(spec.event, 'x');
    await rig.operator.holds(spec.queue, 1);
  });

  test('makes queues anew that were missing after a reconnect, and says that events may have been missed', async () => {
    const spec = fresh();
    const proxy = await Proxy.open();
    proxies.push(proxy);
    const one = bench({ url: through(proxy) });
    await one.start([spec]);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    proxy.refuse(true);
    proxy.cut();
    await one.until('reconnecting');
    await rig.operator.destroyQueue(spec.queue);
    proxy.refuse(false);
    await one.until('connected', 2);
    await one.send(spec.event, 'x');
    await inbox.count(1);
    expect(await rig.operator.queue(spec.queue)).toMatchObject({ autoCreated: 'false' });
    expect(one.log.find(({ message }) => message.includes('events may have been missed'))).toMatchObject({
      level: 'warn',
      fields: { count: 1 },
    });
  });
});

describe('other services', () => {
  test('that consume from a queue are an error at start, unless it is shared; processes of the own service are none', async () => {
    const spec = fresh();
    const one = bench({}, { serviceName: 'orders' });
    await one.start([spec]);
    await one.listen(spec);
    const error = await refusal(bench({}, { serviceName: 'billing' }).start([spec]));
    expect(error.code).toBe('queue-conflict');
    expect(error.message).toContain('service orders');
    expect(error.message).toContain('sharedQueue');
    const sharing = bench({}, { serviceName: 'billing' });
    await sharing.start([{ ...spec, shared: true }]);
    await sharing.provider.stop({ deadlineMs: 1_000 });
    const sibling = bench({}, { serviceName: 'orders' });
    await sibling.start([spec]);
    expect(sibling.log.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  test('that do not tell who they are give a warning', async () => {
    const spec = fresh();
    await rig.operator.createQueue(spec.event, spec.queue);
    const taking = rig.operator.take(`${spec.event}::${spec.queue}`, 'topic');
    const one = bench();
    await until('somebody consumes', async () => (await rig.operator.queue(spec.queue))?.['consumerCount'] === '1');
    await one.start([spec]);
    expect(one.log.some(({ level, message }) => level === 'warn' && message.includes('another program consumes'))).toBe(true);
    await one.send(spec.event, 'x');
    await taking;
  });
});

describe('other ways of provisioning', () => {
  test("'attach' lets the broker make the queues", async () => {
    const spec = fresh();
    const one = bench({ provisioning: 'attach' });
    await one.start([spec]);
    expect(await rig.operator.queue(spec.queue)).toBeUndefined();
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    expect(await rig.operator.queue(spec.queue)).toMatchObject({ routingType: 'MULTICAST', autoCreated: 'true' });
    expect(await rig.operator.queue(spec.archive)).toMatchObject({ routingType: 'ANYCAST' });
    await one.send(spec.event, 'x');
    const [delivery] = await inbox.count(1);
    expect(await delivery?.settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
    await rig.operator.holds(spec.archive, 1);
  });

  test('a link to a queue of another event is refused, naming both and the remedy', async () => {
    const taken = fresh();
    await bench().start([taken]);
    const spec = { ...fresh(), queue: taken.queue };
    const one = bench({ provisioning: 'attach' });
    await one.start([spec]);
    const error = await refusal(one.listen(spec));
    expect(error.code).toBe('queue-conflict');
    for (const part of [spec.event, spec.listener, "queueNaming: 'qualified'"]) expect(error.message).toContain(part);
    await one.send(spec.event, 'the connection lives');
  });

  test("'none' makes nothing, and names what is missing", async () => {
    const spec = fresh();
    const one = bench({ provisioning: 'none' });
    const error = await refusal(one.start([spec]));
    expect(error.code).toBe('missing-queue');
    expect(error.message).toContain(`${spec.event}::${spec.queue}`);
    expect(await rig.operator.queue(spec.queue)).toBeUndefined();
    await rig.operator.createQueue(spec.event, spec.queue);
    expect((await refusal(one.start([spec]))).message).toContain(spec.archive);
    await rig.operator.createQueue(spec.archive, spec.archive, { 'routing-type': 'ANYCAST' });
    await one.start([spec]);
    await one.listen(spec);
  });

  test('unset, without the right to manage: queues are made by attaching, with one info line', async () => {
    const prefix = unique('mine');
    const spec = specOf(`${prefix}.e`, 'L', { queue: `${prefix}.L` });
    rig.operator.clean(spec);
    await withUser(rig.operator, { prefix, manage: false }, async (url) => {
      const one = bench({ url });
      await one.start([spec]);
      const inbox = await one.listen(spec);
      inbox.subscription.open();
      await one.send(spec.event, 'x');
      await inbox.count(1);
      expect(one.log.filter(({ message }) => message.includes('made by attaching'))).toHaveLength(1);
      await expect(one.provider.queues.count(spec.queue)).rejects.toMatchObject({ code: 'permission' });
      const strict = await refusal(bench({ url, provisioning: 'management' }).start([spec]));
      expect(strict.code).toBe('permission');
      expect(strict.message).toContain('activemq.management');
      await one.provider.stop({ deadlineMs: 1_000 });
    });
  });

  test('without the right to consume or to send: the error names the right and the address, and the password nowhere', async () => {
    const prefix = unique('mine');
    const spec = specOf(`${prefix}.e`, 'L', { queue: `${prefix}.L` });
    rig.operator.clean(spec);
    await withUser(rig.operator, { prefix, manage: false, revoke: 'consume' }, async (url) => {
      const one = bench({ url, provisioning: 'attach' });
      await one.start([spec]);
      const error = await refusal(one.listen(spec));
      expect(error.code).toBe('permission');
      expect(error.message).toMatch(/CONSUME/);
      expect(error.message).toContain(spec.event);
      expect(JSON.stringify([one.log, String(error.stack), String((error.cause as Error).stack)])).not.toMatch(/p@ss|p%40ss/);
      await one.provider.stop({ deadlineMs: 1_000 });
    });
    const muted = unique('mine');
    await withUser(rig.operator, { prefix: muted, manage: false, revoke: 'send' }, async (url) => {
      const one = bench({ url, provisioning: 'attach' });
      await one.start([]);
      const error = await refusal(one.send(`${muted}.e`, 'x'));
      expect(error).toMatchObject({ code: 'permission', outcome: 'refused' });
      expect(error.message).toContain('SEND');
      await one.provider.stop({ deadlineMs: 1_000 });
    });
  });
});
