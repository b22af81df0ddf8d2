import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineEvent, eventListener, InvalidEventError } from '../../src/index.js';
import type { EventOf } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { ArtemisWorld, artemisProvider, protocols } from '../support/artemis.js';
import { unique } from '../support/world.js';

const text = '2026-05-01T10:00:00.000Z';

function shipped() {
  const [name, listener] = [unique('shipped'), unique('shipping')];
  const moment = z.iso.datetime().transform((at) => new Date(at));
  const Shipped = defineEvent(
    name,
    z.object({ id: z.string(), at: moment, parcels: z.int().default(1), pin: z.string().max(4).meta({ secret: true }).optional() }),
  );
  const seen: EventOf<typeof Shipped>[] = [];
  @eventListener(Shipped, listener)
  class Shipping {
    on(event: EventOf<typeof Shipped>): void {
      seen.push(event);
    }
  }
  return { name, listener, Shipped, Shipping, seen };
}

describe.each(protocols)('over $name', ({ url }) => {
  it('dates and defaults of a definition come out as its schema makes them', async () => {
    const { Shipped, Shipping, seen } = shipped();
    await using world = new ArtemisWorld(url());
    const manager = await world.started({ listeners: [Shipping] });
    await manager.sendEvent(Shipped, { id: '1', at: text });
    await manager.sendEvents([new Shipped({ id: '2', at: text, parcels: 2 })]);
    await waitUntil(() => seen.length === 2);
    const at = new Date(text);
    expect(seen.sort((a, b) => a.parcels - b.parcels)).toEqual([
      { id: '1', at, parcels: 1 },
      { id: '2', at, parcels: 2 },
    ]);
  });

  it("what the schema does not take is archived as 'invalid' at attempt 1, with every path and without the secret; the next one is handled", async () => {
    const { name, listener, Shipped, Shipping, seen } = shipped();
    await using world = new ArtemisWorld(url());
    const provider = artemisProvider(url());
    const manager = await world.started({ provider, listeners: [Shipping] });
    const body = JSON.stringify({ id: 5, at: 'yesterday', pin: 'hunter2' });
    const message = { body, headers: new Map<string, string>(), durable: true };
    await provider.send(message, { address: name, routing: 'multicast', deadlineAt: Date.now() + 30_000 });
    await manager.sendEvent(Shipped, { id: '1', at: text });
    await waitUntil(() => seen.length === 1);
    await waitUntil(async () => (await provider.queues.count(`archive.${listener}`)) === 1);
    for await (const archived of manager.archive(Shipping).browse()) {
      expect(archived).toMatchObject({ reason: 'invalid', attempts: 1, error: { name: 'InvalidEventError' }, body });
      expect(archived.error.message).toMatch(/id: .*; at: .*; pin: must be: at most 4/);
      expect(JSON.stringify([...archived.headers])).not.toContain('hunter2');
    }
    expect(world.logger.text()).not.toContain('hunter2');
    expect(manager.counters()).toMatchObject({ handled: 1, failed: 1, retried: 0, archived: 1 });
  });

  it('sending what the schema does not take rejects before anything leaves', async () => {
    const { name, listener, Shipped, Shipping, seen } = shipped();
    await using world = new ArtemisWorld(url());
    const receiving = await world.started({ listeners: [Shipping] });
    await receiving.listener(Shipping).pause();
    const queues = await world.queues();
    const manager = await world.started();
    const results = await Promise.allSettled([
      manager.sendEvent(Shipped, { id: '1', at: 'yesterday' }),
      manager.sendEvents([new Shipped({ id: '2', at: text }), new Shipped({ id: 3 as never, at: text })]),
    ]);
    expect(results).toMatchObject([
      { status: 'rejected', reason: expect.any(InvalidEventError) },
      { status: 'rejected', reason: { code: 'send-many', results: [{ status: 'fulfilled' }, { status: 'rejected' }] } },
    ]);
    expect(manager.counters()).toMatchObject({ sent: 1 });
    await waitUntil(async () => (await queues.count(`${name}::${listener}`)) === 1);
    receiving.listener(Shipping).resume();
    await waitUntil(() => seen.length === 1);
    expect(seen[0]?.id).toBe('2');
  });
});
