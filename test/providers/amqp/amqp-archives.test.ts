import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { ArchiveBounds, SubscriptionSpec } from '../../../src/core/provider.js';
import type { AmqpOptions } from '../../../src/providers/amqp/index.js';
import { ArtemisManagement } from '../../../src/providers/artemis/artemis-management.js';
import { Rig } from './rig.js';
import { type Bench, specOf, unique, until, withUser } from './support.js';
import type { LogLine } from './support.js';

/** The broker looks for what has expired twice a minute, unless it is told otherwise. */
const scanMs = 45_000;

const rig = Rig.forEachTest();

afterEach(() => {
  jest.restoreAllMocks();
});

function bench(options: AmqpOptions = {}): Bench {
  return rig.bench(options);
}

function fresh(bounds: Partial<ArchiveBounds> = {}, more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  const archiveBounds = { maxAgeMs: 3_600_000, maxCount: 10_000, ...bounds };
  return rig.fresh(unique('kept'), { archiveBounds, concurrency: 50, prefetch: 50, ...more });
}

const boundedBy = (spec: SubscriptionSpec, bounds: Partial<ArchiveBounds>): SubscriptionSpec => ({
  ...spec,
  archiveBounds: { ...spec.archiveBounds, ...bounds },
});

/** Sends so many events and has the listener archive each, in order. */
async function archive(one: Bench, spec: SubscriptionSpec, from: number, to: number): Promise<void> {
  const inbox = await one.listen(spec);
  inbox.subscription.open();
  for (let i = from; i < to; i++) {
    await one.send(spec.event, String(i));
    await inbox.count(i - from + 1);
    const copy = { do: 'copy', to: 'archive', headers: { tidings_error: 'why' }, dedupeId: `${spec.queue}#${String(i)}` } as const;
    expect(await inbox.deliveries.at(-1)?.settle(copy)).toBe('settled');
  }
  await inbox.subscription.close();
}

async function restarted(one: Bench, spec: SubscriptionSpec): Promise<void> {
  await one.provider.stop({ deadlineMs: 2_000 });
  await one.start([spec]);
}

async function archived(one: Bench, spec: SubscriptionSpec): Promise<string[]> {
  const bodies: string[] = [];
  for await (const { body } of one.provider.queues.browse(spec.archive)) bodies.push(String(body));
  return bodies;
}

async function settingsOf(address: string): Promise<Record<string, unknown>> {
  return JSON.parse(String(await rig.operator.management.operation('broker', 'getAddressSettingsAsJSON', address))) as Record<
    string,
    unknown
  >;
}

const setSettings = (match: string, settings: Record<string, unknown>): Promise<unknown> =>
  rig.operator.management.operation('broker', 'addAddressSettings', match, JSON.stringify(settings));

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i));
const warnings = (one: Bench): LogLine[] => one.log.filter(({ level }) => level === 'warn');

async function countIn(queue: string): Promise<number> {
  const row = await rig.operator.queue(queue);
  return Number(row?.['messagesAdded'] ?? 0);
}

describe('an archive', () => {
  test('keeps the newest so many', async () => {
    const spec = fresh({ maxCount: 100 });
    const one = bench();
    await one.start([spec]);
    expect(await rig.operator.queue(spec.archive)).toMatchObject({ ringSize: '100', durable: 'true', autoDelete: 'false' });
    await archive(one, spec, 0, 130);
    await rig.operator.holds(spec.archive, 100);
    expect(await archived(one, spec)).toEqual(numbers(30, 130));
    await rig.operator.holds(spec.queue, 0);
  });

  test('drops what has passed its age, and not into the queue of expired messages', async () => {
    const spec = fresh({ maxAgeMs: 1_500 });
    const one = bench();
    await one.start([spec]);
    const expiredBefore = await countIn('ExpiryQueue');
    const since = Date.now();
    await archive(one, spec, 0, 3);
    await rig.operator.holds(spec.archive, 3);
    await until('they are gone', async () => (await rig.operator.count(spec.archive)) === 0, scanMs);
    expect(Date.now() - since).toBeGreaterThanOrEqual(1_500);
    expect((await rig.operator.queue(spec.archive))?.['messagesExpired']).toBe('3');
    expect(await countIn('ExpiryQueue')).toBe(expiredBefore);
  }, 90_000);

  test('whose event had a time to live keeps it for its own time', async () => {
    const spec = fresh();
    const one = bench();
    await one.start([spec]);
    await rig.operator.publish(spec.event, { body: 'short-lived', durable: true, ttl: 2_000 } as never);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    const [delivery] = await inbox.count(1);
    expect(await delivery?.settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
    await rig.operator.holds(spec.archive, 1);
    const taken = (await rig.operator.take(spec.archive)) as Record<string, unknown>;
    expect(taken['ttl'] ?? Infinity).toBeGreaterThan(60_000);
    expect(Number(taken['absolute_expiry_time']) - Date.now()).toBeGreaterThan(3_000_000);
  });

  test('that held more than a new bound drops the oldest of them at once, and no more than it must', async () => {
    const spec = fresh({ maxCount: 50 });
    const one = bench();
    await one.start([spec]);
    await archive(one, spec, 0, 40);
    await rig.operator.holds(spec.archive, 40);
    const smaller = boundedBy(spec, { maxCount: 15 });
    await restarted(one, smaller);
    await rig.operator.holds(spec.archive, 15);
    expect(await archived(one, spec)).toEqual(numbers(25, 40));
    await archive(one, smaller, 40, 43);
    expect(await archived(one, spec)).toEqual(numbers(28, 43));
    await restarted(one, boundedBy(spec, { maxCount: 20 }));
    expect((await rig.operator.queue(spec.archive))?.['ringSize']).toBe('20');
    expect(await archived(one, spec)).toEqual(numbers(28, 43));
    await archive(one, boundedBy(spec, { maxCount: 20 }), 43, 53);
    expect(await archived(one, spec)).toEqual(numbers(33, 53));
    expect(warnings(one)).toEqual([]);
  });

  test.each([
    ['in memory', { maxSizeBytes: -1 }],
    ['on disk', { addressFullMessagePolicy: 'PAGE', maxSizeBytes: 200_000, pageSizeBytes: 100_000 }],
  ])('with thousands %s beyond a new bound drops the oldest, though several processes start at once', async (_where, settings) => {
    const spec = fresh({ maxCount: 5_000 });
    await setSettings(spec.archive, settings);
    const one = bench();
    await one.start([spec]);
    await Promise.all(numbers(0, 2_200).map((n) => one.send(spec.archive, n, { routing: 'anycast' })));
    await rig.operator.holds(spec.archive, 2_200);
    await one.provider.stop({ deadlineMs: 1_000 });
    const smaller = boundedBy(spec, { maxCount: 100 });
    const several = [bench(), bench(), bench()];
    await Promise.all(several.map((each) => each.start([smaller])));
    await until('the bound holds', async () => (await rig.operator.count(spec.archive)) <= 100);
    await rig.operator.holds(spec.archive, 100);
    expect(await archived(several[0] as Bench, spec)).toEqual(numbers(2_100, 2_200));
    expect(several.flatMap(warnings)).toEqual([]);
  });

  test('with somebody else at its messages is not cut down under his hands, and that is told', async () => {
    const spec = fresh({ maxCount: 50 });
    const one = bench();
    await one.start([spec]);
    await archive(one, spec, 0, 30);
    await rig.operator.holds(spec.archive, 30);
    const release = await rig.operator.hold(spec.archive, 3);
    await restarted(one, boundedBy(spec, { maxCount: 10 }));
    expect(warnings(one).map(({ fields }) => fields['archive'])).toEqual([spec.archive]);
    await rig.operator.holds(spec.archive, 30);
    await release();
    await restarted(one, boundedBy(spec, { maxCount: 10 }));
    await rig.operator.holds(spec.archive, 10);
    expect(await archived(one, spec)).toEqual(numbers(20, 30));
  });

  test('takes a new age for what comes from then on', async () => {
    const spec = fresh({ maxAgeMs: 3_600_000 });
    const one = bench();
    await one.start([spec]);
    await archive(one, spec, 0, 1);
    const shorter = boundedBy(spec, { maxAgeMs: 1_000 });
    await restarted(one, shorter);
    expect(await settingsOf(spec.archive)).toMatchObject({ expiryDelay: 1_000, expiryAddress: '' });
    await archive(one, shorter, 1, 2);
    await until('the new one is gone', async () => (await rig.operator.count(spec.archive)) === 1, scanMs);
    expect(await archived(one, spec)).toEqual(['0']);
  }, 90_000);

  test('of an earlier version, or of an operator, is given its bounds and keeps what it holds', async () => {
    const spec = fresh({ maxCount: 10 });
    await rig.operator.createQueue(spec.archive, spec.archive, { 'routing-type': 'ANYCAST', 'max-consumers': 7 });
    for (const n of numbers(0, 6)) await rig.operator.publish(spec.archive, { body: n, durable: true }, 'queue');
    await rig.operator.holds(spec.archive, 6);
    const one = bench();
    await one.start([spec]);
    expect(await rig.operator.queue(spec.archive)).toMatchObject({ ringSize: '10', maxConsumers: '7', messageCount: '6' });
    expect(await archived(one, spec)).toEqual(numbers(0, 6));
  });
});

describe('the address settings of an archive', () => {
  test('are written beside those of the operator, and only when they differ', async () => {
    const spec = fresh({ maxAgeMs: 7_000_000 });
    await setSettings(spec.archive, { maxSizeBytes: 20_000, pageSizeBytes: 10_000, redeliveryDelay: 5, expiryAddress: 'mine' });
    const one = bench();
    await one.start([spec]);
    const expected = {
      maxSizeBytes: 20_000,
      pageSizeBytes: 10_000,
      redeliveryDelay: 5,
      expiryDelay: 7_000_000,
      expiryAddress: '',
      sendToDLAOnNoRoute: true,
      autoDeleteQueues: false,
      autoDeleteAddresses: false,
    };
    expect(await settingsOf(spec.archive)).toMatchObject(expected);
    const operation = jest.spyOn(ArtemisManagement.prototype, 'operation');
    await restarted(one, spec);
    expect(operation.mock.calls.map(([, name]) => name).filter((name) => /^(?:add|update|create)/.test(name))).toEqual([]);
    expect(await settingsOf(spec.archive)).toMatchObject(expected);
  });

  test('leave what is inherited to the operator, who may change it later', async () => {
    const group = unique('archive.group');
    const spec = { ...fresh(), archive: `${group}.L` };
    rig.operator.clean(spec);
    await setSettings(`${group}.#`, { redeliveryDelay: 7, maxSizeBytes: 30_000, pageSizeBytes: 10_000 });
    try {
      await bench().start([spec]);
      expect(await settingsOf(spec.archive)).toMatchObject({ redeliveryDelay: 7, maxSizeBytes: 30_000, expiryDelay: 3_600_000 });
      await setSettings(`${group}.#`, { redeliveryDelay: 9, maxSizeBytes: 40_000, pageSizeBytes: 10_000 });
      expect(await settingsOf(spec.archive)).toMatchObject({ redeliveryDelay: 9, maxSizeBytes: 40_000, expiryDelay: 3_600_000 });
    } finally {
      await rig.operator.management.operation('broker', 'removeAddressSettings', `${group}.#`);
    }
  });
});

describe('without the management of the broker', () => {
  const told = (one: Bench): LogLine[] => one.log.filter(({ message }) => message.includes('archives are not bounded'));

  test.each(['attach', 'none', undefined] as const)('(%s) archives work unbounded, and that is told once', async (provisioning) => {
    const prefix = unique('mine');
    const spec = specOf(`${prefix}.e`, 'L', { queue: `${prefix}.L`, archiveBounds: { maxAgeMs: 1_000, maxCount: 2 } });
    rig.operator.clean(spec);
    if (provisioning === 'none') {
      await rig.operator.createQueue(spec.event, spec.queue);
      await rig.operator.createQueue(spec.archive, spec.archive, { 'routing-type': 'ANYCAST' });
    }
    await withUser(rig.operator, { prefix, manage: false }, async (url) => {
      const one = bench({ url, ...(provisioning !== undefined && { provisioning }) });
      await one.start([spec]);
      await archive(one, spec, 0, 4);
      await rig.operator.holds(spec.archive, 4);
      await restarted(one, spec);
      expect(told(one).map(({ level }) => level)).toEqual(['info', 'info']);
      expect(warnings(one)).toEqual([]);
      await one.provider.stop({ deadlineMs: 1_000 });
    });
  });
});

describe('settings of an event that would lose it', () => {
  const about = (one: Bench, event: string, word: string): LogLine[] =>
    warnings(one).filter(({ fields, message }) => fields['event'] === event && message.includes(word));

  async function withSettings(event: string, settings: Record<string, unknown>, work: () => Promise<void>): Promise<void> {
    await setSettings(event, settings);
    try {
      await work();
    } finally {
      await rig.operator.management.operation('broker', 'removeAddressSettings', event);
    }
  }

  test('a broker that gives up before maxCrashes is told of once for each event, with both numbers and the remedy', async () => {
    const event = unique('crashing');
    const specs = [specOf(event, unique('A'), { maxCrashes: 3 }), specOf(event, unique('B'), { maxCrashes: 8 })];
    const usual = fresh();
    rig.operator.clean(...specs);
    await withSettings(event, { maxDeliveryAttempts: 9 }, async () => {
      const one = bench();
      await one.start([...specs, usual]);
      const [line, ...more] = about(one, event, 'max-delivery-attempts');
      expect(more).toEqual([]);
      expect(line?.fields).toMatchObject({ maxDeliveryAttempts: 9, maxCrashes: 8 });
      expect(line?.message).toMatch(/max-delivery-attempts to 10 or more/);
      expect(about(one, usual.event, 'max-delivery-attempts')).toEqual([]);
    });
  });

  test.each([-1, 0, 10, 11])('a limit of %i deliveries is none too low for 8 crashes', async (maxDeliveryAttempts) => {
    const spec = fresh({}, { maxCrashes: 8 });
    await withSettings(spec.event, { maxDeliveryAttempts }, async () => {
      const one = bench();
      await one.start([spec]);
      expect(warnings(one)).toEqual([]);
    });
  });

  test('the usual limit of the broker counts where no settings name one', async () => {
    const spec = fresh({}, { maxCrashes: 9 });
    const one = bench();
    await one.start([spec]);
    expect(about(one, spec.event, 'max-delivery-attempts')).toHaveLength(1);
  });

  test('dead-letter queues that the broker makes and filters by itself are told of once', async () => {
    const spec = fresh();
    await withSettings(spec.event, { autoCreateDeadLetterResources: true }, async () => {
      const one = bench();
      await one.start([spec]);
      expect(about(one, spec.event, 'auto-create-dead-letter-resources')).toHaveLength(1);
    });
  });

  test('are asked for once an address: many listeners take few requests', async () => {
    const event = unique('many');
    const specs = Array.from({ length: 40 }, (_, i) => specOf(i < 30 ? event : `${event}.${String(i)}`, unique('L')));
    rig.operator.clean(...specs);
    const one = bench();
    await one.start(specs);
    await one.provider.stop({ deadlineMs: 2_000 });
    const operation = jest.spyOn(ArtemisManagement.prototype, 'operation');
    await one.start(specs);
    const counts: Record<string, number> = {};
    for (const [, name] of operation.mock.calls) counts[name] = (counts[name] ?? 0) + 1;
    // 40 archives and 11 events.
    expect(counts).toEqual({ listQueues: expect.any(Number), listAddresses: expect.any(Number), getAddressSettingsAsJSON: 51 });
  });
});
