import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Delivery, Settlement } from '../../../src/core/provider.js';
import { Rig, acceptAll, collect, fate, message, spec } from './rig.js';

const mailer = spec('order', 'mailer', { concurrency: 1 });
const billing = spec('order', 'billing');

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

const at = (ms: number): Date => new Date(rig.clock.now() + ms);

describe('delays', () => {
  test('a message is held until its time, and does not hold up others', async () => {
    const service = await rig.started([billing]);
    const listening = await service.listen(billing, acceptAll);
    await service.send('order', 'in 60 s', { notBefore: at(60_000) });
    await service.send('order', 'in 1 s', { notBefore: at(1_000) });
    await service.send('order', 'in the past', { notBefore: at(-5) });
    await service.send('order', 'now');
    await rig.clock.advance(999);
    expect(listening.bodies).toEqual(['in the past', 'now']);
    await rig.clock.advance(1);
    expect(listening.bodies).toEqual(['in the past', 'now', 'in 1 s']);
    await rig.clock.advance(58_999);
    expect(listening.deliveries).toHaveLength(3);
    await rig.clock.advance(1);
    expect(listening.bodies.at(-1)).toBe('in 60 s');
  });

  test('what became due while nobody was connected is there on the next connection, in order', async () => {
    const first = await rig.started([billing]);
    await first.send('order', 'second', { notBefore: at(2_000) });
    await first.send('order', 'first', { notBefore: at(1_000) });
    await first.provider.stop({ deadlineMs: 0 });
    expect(rig.clock.pending).toBe(0);
    await rig.clock.advance(5_000);
    const second = await rig.started([billing]);
    expect(await collect(second.provider.queues.browse('order::billing'))).toEqual(['first', 'second']);
  });
});

describe('copies', () => {
  test('to self go into that queue alone, at their time, with the headers laid over and the original gone', async () => {
    const service = await rig.started([mailer, billing]);
    const one = await service.listen(mailer);
    const other = await service.listen(billing, acceptAll);
    const headers = new Map([
      ['keep', '1'],
      ['drop', '2'],
      ['change', '3'],
    ]);
    await service.send('order', message(new Uint8Array([0, 200]), { headers, contentType: 'x/y', correlationId: 'c' }));
    await rig.rest();
    const copied = one
      .at(0)
      .settle({ do: 'copy', to: 'self', headers: { drop: undefined, change: 'new', add: 'more' }, notBefore: at(500) });
    expect(await copied).toBe('settled');
    expect(await service.provider.queues.count('order::mailer')).toBe(1);
    await rig.clock.advance(499);
    expect(one.deliveries).toHaveLength(1);
    await rig.clock.advance(1);
    expect(one.at(1).message).toEqual({
      address: 'order',
      body: new Uint8Array([0, 200]),
      headers: new Map([
        ['keep', '1'],
        ['change', 'new'],
        ['add', 'more'],
      ]),
      contentType: 'x/y',
      correlationId: 'c',
      durable: true,
    });
    expect(other.deliveries).toHaveLength(1);
  });

  test('to the archive stand there as text or bytes as they were, and the original is gone', async () => {
    const service = await rig.started([mailer]);
    const one = await service.listen(mailer, (delivery) => void delivery.settle({ do: 'copy', to: 'archive', headers: { why: 'bad' } }));
    await service.send('order', 'poison');
    await service.send('order', 'next');
    await rig.rest();
    expect(one.bodies).toEqual(['poison', 'next']);
    expect(await collect(service.provider.queues.browse('archive.mailer'))).toEqual(['poison', 'next']);
    expect(await service.provider.queues.count('order::mailer')).toBe(0);
  });

  test('the original stays until the copy is confirmed', async () => {
    const service = await rig.started([mailer]);
    const one = await service.listen(mailer);
    await service.send('order', 'first');
    await service.send('order', 'second');
    await rig.rest();
    const release = rig.broker.holdConfirmations();
    const copied = one.at(0).settle({ do: 'copy', to: 'archive', headers: {} });
    await rig.clock.advance(60_000);
    expect(await fate(copied)).toBe('pending');
    expect(one.deliveries).toHaveLength(1);
    expect(await service.provider.queues.count('order::mailer')).toBe(2);
    release();
    expect(await copied).toBe('settled');
    await rig.rest();
    expect(one.bodies).toEqual(['first', 'second']);
  });

  test.each(['limit', 'forbid', 'block'] as const)(
    'a copy that is not taken (%s) is tried again with growing pauses, and holds its slot meanwhile',
    async (fault) => {
      const set = {
        limit: (on: boolean) => rig.broker.limit('archive.mailer', on ? 0 : undefined),
        forbid: (on: boolean) => rig.broker.forbid('archive.mailer', on),
        block: (on: boolean) => rig.broker.block('archive.mailer', on),
      }[fault];
      const service = await rig.started([mailer]);
      const one = await service.listen(mailer);
      await service.send('order', 'first');
      await service.send('order', 'second');
      await rig.rest();
      set(true);
      const copied = one.at(0).settle({ do: 'copy', to: 'archive', headers: {} });
      await rig.clock.advance(300_000);
      expect(await fate(copied)).toBe('pending');
      expect(one.deliveries).toHaveLength(1);
      expect(await service.provider.queues.count('order::mailer')).toBe(2);
      expect(service.logs.filter((log) => log.level === 'warn')).toHaveLength(1);
      set(false);
      await rig.clock.advance(10_000);
      expect(await copied).toBe('settled');
      await rig.rest();
      expect(one.bodies).toEqual(['first', 'second']);
      expect(await service.provider.queues.count('archive.mailer')).toBe(1);
    },
  );

  test('a refused copy is tried first after at most 100 ms', async () => {
    const service = await rig.started([mailer]);
    const one = await service.listen(mailer);
    await service.send('order');
    await rig.rest();
    rig.broker.limit('archive.mailer', 0);
    const copied = one.at(0).settle({ do: 'copy', to: 'archive', headers: {} });
    await rig.rest();
    rig.broker.limit('archive.mailer', undefined);
    await rig.clock.advance(49);
    expect(await fate(copied)).toBe('pending');
    await rig.clock.advance(51);
    expect(await copied).toBe('settled');
  });

  test.each(['cut', 'close'] as const)('a copy under way is stale after a %s, and nothing of it is left but the original', async (how) => {
    const service = await rig.started([mailer]);
    const one = await service.listen(mailer);
    await service.send('order', 'first');
    await rig.rest();
    rig.broker.limit('archive.mailer', 0);
    const copied = one.at(0).settle({ do: 'copy', to: 'archive', headers: {} });
    await rig.rest();
    if (how === 'cut') rig.broker.cut();
    else await one.subscription.close();
    expect(await copied).toBe('stale');
    rig.broker.limit('archive.mailer', undefined);
    const again = how === 'cut' ? one : await service.listen(mailer);
    await rig.clock.advance(60_000);
    expect(again.bodies).toEqual(how === 'cut' ? ['first', 'first'] : ['first']);
    expect(again.at(-1).brokerCount).toBe(how === 'cut' ? 1 : 0);
    expect(await service.provider.queues.count('archive.mailer')).toBe(0);
  });

  test('a copy whose confirmation was lost is repeated, and kept once by its id', async () => {
    const service = await rig.started([mailer]);
    const settlements: Promise<Settlement>[] = [];
    const fail = (delivery: Delivery): void => {
      const { headers } = delivery.message;
      if (headers.get('attempt') === '2') return;
      settlements.push(
        delivery.settle({ do: 'copy', to: 'self', headers: { attempt: '2' }, notBefore: at(60_000), dedupeId: 'id#mailer#1' }),
      );
    };
    await service.send('order');
    const release = rig.broker.holdConfirmations();
    await service.listen(mailer, fail);
    await rig.rest();
    rig.broker.cut();
    release();
    await rig.clock.advance(1_000);
    expect(await Promise.all(settlements)).toEqual(['stale', 'settled']);
    expect(await service.provider.queues.count('order::mailer')).toBe(1);
  });
});

describe('duplicate ids', () => {
  test('an id is taken once on an address, and both sends resolve', async () => {
    const service = await rig.started([billing]);
    const one = await service.listen(billing, acceptAll);
    await service.send('order', 'a', { dedupeId: '1' });
    await service.send('order', 'b', { dedupeId: '1' });
    await service.send('order', 'c', { dedupeId: '2' });
    await rig.rest();
    expect(one.bodies).toEqual(['a', 'c']);
  });

  test('the address and its queues share one memory of ids; another address has its own', async () => {
    const service = await rig.started([mailer]);
    const one = await service.listen(mailer);
    await service.send('order', 'first', { dedupeId: '1' });
    await rig.rest();
    expect(await one.at(0).settle({ do: 'copy', to: 'self', headers: {}, dedupeId: '1' })).toBe('settled');
    expect(await service.provider.queues.count('order::mailer')).toBe(0);
    await service.send('order', 'second');
    await rig.rest();
    expect(await one.at(1).settle({ do: 'copy', to: 'archive', headers: {}, dedupeId: '1' })).toBe('settled');
    expect(await service.provider.queues.count('archive.mailer')).toBe(1);
  });

  test('a refused message leaves its id free', async () => {
    const service = await rig.started([billing]);
    rig.broker.limit('order', 0);
    await expect(service.send('order', 'a', { dedupeId: '1' })).rejects.toMatchObject({ outcome: 'refused' });
    rig.broker.limit('order', undefined);
    await service.send('order', 'a', { dedupeId: '1' });
    expect(await service.provider.queues.count('order::billing')).toBe(1);
  });

  test('the oldest of 20 000 ids is forgotten first', async () => {
    const service = await rig.started([billing]);
    await Promise.all(Array.from({ length: 20_000 }, (_, id) => service.send('order', 'x', { dedupeId: String(id) })));
    await service.send('order', 'x', { dedupeId: '0' });
    expect(await service.provider.queues.count('order::billing')).toBe(20_000);
    await service.send('order', 'x', { dedupeId: 'new' });
    await service.send('order', 'x', { dedupeId: '1' });
    expect(await service.provider.queues.count('order::billing')).toBe(20_001);
    await service.send('order', 'x', { dedupeId: '0' });
    expect(await service.provider.queues.count('order::billing')).toBe(20_002);
  });
});
