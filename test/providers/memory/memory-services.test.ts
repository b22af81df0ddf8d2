import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isPattern, matches } from '../../../src/providers/memory/address-pattern.js';
import { MemoryAddress } from '../../../src/providers/memory/memory-address.js';
import { coreOf } from '../../../src/providers/memory/memory-broker.js';
import { Rig, acceptAll, message, spec } from './rig.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

const mailer = spec('order', 'mailer', { concurrency: 1 });

describe('what may not wait for ever', () => {
  test('goes at its time though nobody consumes, and is counted', async () => {
    const service = await rig.started([mailer]);
    await service.send('order', 'short', { expiresAt: rig.clock.now() + 100 });
    await service.send('order', 'long', { expiresAt: rig.clock.now() + 10_000 });
    await service.send('order', 'past', { expiresAt: rig.clock.now() });
    const { queues } = service.provider;
    expect([await queues.count('order::mailer'), await queues.expired('order::mailer')]).toEqual([2, 1]);
    await rig.clock.advance(99);
    expect(await queues.count('order::mailer')).toBe(2);
    await rig.clock.advance(1);
    expect([await queues.count('order::mailer'), await queues.expired('order::mailer')]).toEqual([1, 2]);
  });

  test('is gone when it comes back from a consumer too late', async () => {
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await service.send('order', 'taken', { expiresAt: rig.clock.now() + 100 });
    await rig.clock.advance(200);
    expect(await service.provider.queues.count('order::mailer')).toBe(1);
    await listening.subscription.close();
    const { queues } = service.provider;
    expect([await queues.count('order::mailer'), await queues.expired('order::mailer')]).toEqual([0, 1]);
    expect((await service.listen(mailer, acceptAll)).deliveries).toEqual([]);
  });

  test('and nobody is connected is gone before anybody gets it', async () => {
    const service = await rig.started([mailer]);
    await service.send('order', 'late', { expiresAt: rig.clock.now() + 100 });
    rig.broker.down();
    const listening = service.listen(mailer, acceptAll);
    await rig.clock.advance(200);
    rig.broker.up();
    await rig.clock.advance(1_000);
    expect((await listening).deliveries).toEqual([]);
    expect(await service.provider.queues.expired('order::mailer')).toBe(1);
  });

  test('leaves no timer behind once it is settled, taken back or gone with its queue', async () => {
    const leaving = spec('order', 'leaving', { discard: true });
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer, acceptAll);
    const going = await service.listen({ ...leaving, concurrency: 1 });
    const before = rig.clock.pending;
    const headers = new Map([['cloudEvents_id', 'x']]);
    for (let n = 0; n < 3; n++) await service.send('order', message('', { headers }), { expiresAt: rig.clock.now() + 3_600_000 });
    await rig.rest();
    expect(listening.deliveries).toHaveLength(3);
    expect(await service.provider.queues.cancel('order', 'x')).toBe(1);
    await going.subscription.close();
    await rig.clock.advance(40_000);
    expect(rig.clock.pending).toBeLessThanOrEqual(before);
  });
});

describe('an address', () => {
  test.each([
    ['shop.*', 'shop.paid', true],
    ['shop.*', 'shop.paid.late', false],
    ['shop.*', 'shop', false],
    ['*.paid', 'shop.paid', true],
    ['shop.#', 'shop.paid.late', true],
    ['shop.#', 'shop', true],
    ['#.late', 'shop.paid.late', true],
    ['shop.#.late', 'shop.late', true],
    ['#', 'anything.at.all', true],
    ['shop.#', 'shopping.paid', false],
    ['shop.paid', 'shop.paid', true],
  ])('%s stands for %s: %s', (pattern, address, is) => {
    expect(matches(pattern, address)).toBe(is);
  });

  test('is a pattern only by whole words', () => {
    expect(['shop.*', '#', 'a.#.b', 'shop.a*', 'c#.d', 'shop'].map(isPattern)).toEqual([true, true, true, false, false, false]);
  });

  test('that no pattern stands for gives out its own list of queues', () => {
    const address = new MemoryAddress('order');
    expect(address.everyone).toBe(address.queues);
  });

  test('that is a pattern takes nothing', async () => {
    const service = await rig.started([spec('shop.*', 'auditor', { pattern: true })]);
    await expect(service.send('shop.*')).rejects.toMatchObject({ outcome: 'refused', code: 'send-refused' });
  });

  test('that answers went to is forgotten with its queue, and asking nobody makes none', async () => {
    const { topology } = coreOf(rig.broker);
    const service = await rig.started();
    const replies = spec('replies.x', 'replies', { queue: 'replies.x', routing: 'anycast', temporary: true, discard: true });
    const listening = await service.listen(replies);
    expect(topology.known('replies.x')).toBeDefined();
    await listening.subscription.close();
    await service.send('replies.x', 'late', { routing: 'anycast', ifThere: true });
    await rig.rest();
    expect(topology.known('replies.x')).toBeUndefined();
  });

  test('gets the queues of patterns made before and after it, until they are discarded', async () => {
    const service = await rig.started([mailer]);
    const early = await service.listen(spec('*', 'early', { pattern: true, discard: true }));
    await service.send('order', '0');
    const late = await service.listen(spec('#', 'late', { pattern: true }));
    await service.send('order', '1');
    await service.send('new', '2');
    await rig.rest();
    expect([early.bodies, late.bodies]).toEqual([
      ['0', '1', '2'],
      ['1', '2'],
    ]);
    expect(early.deliveries.map(({ message: { address } }) => address)).toEqual(['order', 'order', 'new']);
    await early.subscription.close();
    await service.send('order', '3');
    await rig.rest();
    expect(late.bodies).toEqual(['1', '2', '3']);
    expect(
      coreOf(rig.broker)
        .topology.known('order')
        ?.listening.map(({ name }) => name),
    ).toEqual(['late']);
  });
});

describe('a subscription that comes after the start', () => {
  test('is refused on a forbidden address, and may be tried again', async () => {
    const service = await rig.started();
    rig.broker.forbid('order');
    await expect(service.listen(mailer)).rejects.toMatchObject({ code: 'permission' });
    expect(await service.provider.queues.list('order')).toEqual([]);
    rig.broker.forbid('order', false);
    await service.send('order', 'before');
    const listening = await service.listen(mailer, acceptAll);
    await service.send('order', 'after');
    await rig.rest();
    expect(listening.bodies).toEqual(['after']);
  });

  test('is refused when it is closed before the broker is back', async () => {
    const service = await rig.started();
    rig.broker.down();
    const subscribing = service.listen(mailer);
    subscribing.catch(() => undefined);
    await service.provider.stop({ deadlineMs: 0 });
    await expect(subscribing).rejects.toMatchObject({ code: 'not-running' });
  });

  test('keeps the queue of others that discard one of the same name', async () => {
    const going = { ...mailer, discard: true };
    const [first, second] = [await rig.started(), await rig.started()];
    const [one, other] = [await first.listen(going), await second.listen(going)];
    await one.subscription.close();
    await second.send('order', 'kept');
    await rig.rest();
    expect(other.bodies).toEqual(['kept']);
    await other.subscription.close();
    expect(await second.provider.queues.list('order')).toEqual([]);
  });
});

describe('a temporary queue that was given to the start', () => {
  test('is made again for a subscription that comes back after it has gone', async () => {
    const passing = spec('order', 'passing', { concurrency: 1, temporary: true });
    const service = await rig.started([passing]);
    await (await service.listen(passing)).subscription.close();
    await rig.clock.advance(11 * 60_000);
    expect(await service.provider.queues.list('order')).toEqual([]);
    const again = await service.listen(passing, acceptAll);
    await service.send('order', 'x');
    await rig.rest();
    expect(again.deliveries).toHaveLength(1);
  });
});
