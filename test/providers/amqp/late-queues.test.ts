import { describe, expect, test } from '@jest/globals';
import { TidingsError } from '../../../src/core/errors.js';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { Rig } from './rig.js';
import { through, unique, until, withUser } from './support.js';

const rig = Rig.forEachTest();

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('late'), more);
}

/** What one process waits at for answers. */
function replies(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  const address = `${unique('late')}.replies.${unique('server')}`;
  return rig.fresh(address, { queue: address, routing: 'anycast', temporary: true, discard: true, ...more });
}

async function refusal(work: Promise<unknown>): Promise<TidingsError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(TidingsError.is(error)).toBe(true);
  return error as TidingsError;
}

function gone(queue: string): Promise<boolean> {
  return until(`${queue} is gone`, async () => (await rig.operator.queue(queue)) === undefined);
}

describe('a subscription that comes after the start', () => {
  test('has its queue and its archive made, and gets what is sent', async () => {
    const spec = fresh();
    const one = await rig.started([]);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    expect(await rig.operator.queue(spec.queue)).toMatchObject({ address: spec.event, routingType: 'MULTICAST', autoCreated: 'false' });
    expect(await rig.operator.queue(spec.archive)).toMatchObject({ routingType: 'ANYCAST', ringSize: '10000' });
    await one.send(spec.event, 'x');
    await inbox.count(1);
  });

  test('is refused like one at start, and nothing of it is left', async () => {
    const taken = fresh();
    const one = await rig.started([taken]);
    await one.listen(taken);
    const conflict = await refusal(one.listen({ ...fresh(), queue: taken.queue }));
    expect(conflict.code).toBe('queue-conflict');
    expect(conflict.message).toContain(taken.event);
    const other = rig.bench({}, { serviceName: 'billing' });
    await other.start([]);
    expect((await refusal(other.listen({ ...taken }))).message).toContain('service tests');
    const strict = await rig.started([], { provisioning: 'none' });
    expect((await refusal(strict.listen(fresh()))).code).toBe('missing-queue');
    await one.send(taken.event, 'the connection lives');
  });

  test('has its queue made anew on each later connection, until it is closed', async () => {
    const spec = fresh();
    const one = await rig.started([], { url: through(rig.proxy) });
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    const away = async (meanwhile: () => Promise<void>): Promise<void> => {
      const from = one.states.length;
      rig.proxy.refuse(true);
      rig.proxy.cut();
      await one.until('reconnecting', from);
      await meanwhile();
      rig.proxy.refuse(false);
      await one.until('connected', from);
    };
    await away(() => rig.operator.destroyQueue(spec.queue));
    expect(await rig.operator.queue(spec.queue)).toMatchObject({ autoCreated: 'false' });
    await one.send(spec.event, 'x');
    await inbox.count(1);
    await inbox.accept(inbox.deliveries[0]);
    await inbox.subscription.close();
    await away(() => rig.operator.destroyQueue(spec.queue));
    expect(await rig.operator.queue(spec.queue)).toBeUndefined();
  });

  test('waits for the next connection while there is none', async () => {
    const spec = fresh();
    const one = await rig.started([], { url: through(rig.proxy) });
    rig.proxy.refuse(true);
    rig.proxy.cut();
    await one.until('reconnecting');
    const coming = one.listen(spec);
    expect(await rig.operator.queue(spec.queue)).toBeUndefined();
    rig.proxy.refuse(false);
    const inbox = await coming;
    inbox.subscription.open();
    expect(await rig.operator.queue(spec.archive)).toMatchObject({ routingType: 'ANYCAST' });
    await one.send(spec.event, 'x');
    await inbox.count(1);
  });

  test('that waits for a connection is ended by the stop', async () => {
    const one = await rig.started([], { url: through(rig.proxy) });
    rig.proxy.refuse(true);
    rig.proxy.cut();
    await one.until('reconnecting');
    const coming = refusal(one.listen(fresh()));
    await one.provider.stop({ deadlineMs: 500 });
    expect((await coming).code).toBe('not-running');
  });

  test('that comes back has its temporary queue made anew as it was at the start', async () => {
    const spec = fresh({ temporary: true });
    const one = await rig.started([spec]);
    await (await one.listen(spec)).subscription.close();
    await rig.operator.destroyQueue(spec.queue);
    const again = await one.listen(spec);
    again.subscription.open();
    expect(await rig.operator.queue(spec.queue)).toMatchObject({ autoDelete: 'true', autoCreated: 'false' });
    await one.send(spec.event, 'x');
    await again.count(1);
  });

  test('works without the right to manage', async () => {
    const prefix = unique('mine');
    const spec = rig.fresh(`${prefix}.e`, { queue: `${prefix}.L`, archive: `archive.${prefix}.L`, discard: true });
    await withUser(rig.operator, { prefix, manage: false }, async (url) => {
      const one = await rig.started([], { url });
      const inbox = await one.listen(spec);
      inbox.subscription.open();
      await one.send(spec.event, 'x');
      await inbox.count(1);
      await inbox.accept(inbox.deliveries[0]);
      await inbox.subscription.close();
      expect(one.log.filter(({ message }) => message.includes('was not deleted'))).toHaveLength(1);
      await one.provider.stop({ deadlineMs: 1_000 });
    });
  });
});

describe('a queue that nobody will come for', () => {
  test('is deleted with what is left in it when its subscription is closed, and its archive stays', async () => {
    const spec = fresh({ temporary: true, discard: true });
    const one = await rig.started([]);
    const inbox = await one.listen(spec);
    await one.send(spec.event, 'left');
    await rig.operator.holds(spec.queue, 1);
    await inbox.subscription.close();
    expect(await rig.operator.queue(spec.queue)).toBeUndefined();
    expect(await rig.operator.queue(spec.archive)).toBeDefined();
  });

  test('is deleted at the stop too, also when it was given to the start', async () => {
    const spec = fresh({ discard: true });
    const one = await rig.started([spec]);
    await one.listen(spec);
    await one.provider.stop({ deadlineMs: 2_000 });
    expect(await rig.operator.queue(spec.queue)).toBeUndefined();
  });

  test('whose subscription was closed while the connection was away is deleted with the next', async () => {
    const spec = fresh({ discard: true });
    const one = await rig.started([], { url: through(rig.proxy) });
    const inbox = await one.listen(spec);
    rig.proxy.refuse(true);
    rig.proxy.cut();
    await one.until('reconnecting');
    await inbox.subscription.close();
    expect(await rig.operator.queue(spec.queue)).toBeDefined();
    rig.proxy.refuse(false);
    await gone(spec.queue);
  });

  test('stays while another process consumes from it', async () => {
    const spec = fresh({ discard: true });
    const [one, other] = [await rig.started([]), await rig.started([])];
    const [mine, theirs] = [await one.listen(spec), await other.listen({ ...spec })];
    await mine.subscription.close();
    expect(await rig.operator.queue(spec.queue)).toBeDefined();
    await theirs.subscription.close();
    expect(await rig.operator.queue(spec.queue)).toBeUndefined();
  });

  test('can be had again at once', async () => {
    const spec = fresh({ discard: true });
    const one = await rig.started([]);
    const first = await one.listen(spec);
    const closed = first.subscription.close();
    await closed;
    const again = await one.listen(spec);
    again.subscription.open();
    await one.send(spec.event, 'x');
    await again.count(1);
  });

  test('of answers has no archive', async () => {
    const spec = replies();
    const one = await rig.started([]);
    await one.listen(spec);
    expect(await rig.operator.queue(spec.queue)).toMatchObject({ address: spec.event, routingType: 'ANYCAST', autoDelete: 'true' });
    expect(await rig.operator.queue(spec.archive)).toBeUndefined();
  });
});

describe('reply addresses', () => {
  test('are never made by the broker itself, and what the operator has set for them stays', async () => {
    const spec = replies();
    const match = `${spec.event.slice(0, spec.event.indexOf('replies.'))}replies.#`;
    const settings = async (): Promise<unknown> =>
      JSON.parse(String(await rig.operator.management.operation('broker', 'getAddressSettingsAsJSON', spec.event)));
    await rig.operator.management.operation('broker', 'addAddressSettings', match, JSON.stringify({ maxSizeBytes: 123_456_789 }));
    try {
      const one = await rig.started([]);
      await one.listen(spec);
      const wanted = { autoCreateQueues: false, autoCreateAddresses: false, expiryAddress: '', maxSizeBytes: 123_456_789 };
      expect(await settings()).toMatchObject(wanted);
      await rig.operator.management.operation('broker', 'addAddressSettings', match, JSON.stringify({ ...wanted, maxDeliveryAttempts: 3 }));
      await one.listen({ ...spec, event: `${spec.event}2`, queue: `${spec.queue}2` });
      expect(await settings()).toMatchObject({ maxDeliveryAttempts: 3 });
    } finally {
      await rig.operator.management.operation('broker', 'removeAddressSettings', match);
    }
  });

  test('that others have set so are no more made by attaching: the queue has to be there', async () => {
    const prefix = unique('mine');
    const managed = rig.fresh(`${prefix}.replies.a`, { queue: `${prefix}.replies.a`, routing: 'anycast', temporary: true, discard: true });
    const attached = { ...managed, event: `${prefix}.replies.b`, queue: `${prefix}.replies.b` };
    rig.operator.clean(attached);
    try {
      await withUser(rig.operator, { prefix, manage: false }, async (url) => {
        const one = await rig.started([], { url });
        await (await one.listen(attached)).subscription.close();
        await rig.operator.destroyQueue(attached.queue);
        await (await rig.started([])).listen(managed);
        const refused = await refusal(one.listen({ ...attached }));
        expect(refused.code).toBe('missing-queue');
        expect(refused.message).toContain(`${attached.event}::${attached.queue}`);
        await one.provider.stop({ deadlineMs: 1_000 });
      });
    } finally {
      await rig.operator.management.operation('broker', 'removeAddressSettings', `${prefix}.replies.#`);
    }
  });
});
