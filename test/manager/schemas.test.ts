import { describe, expect, it } from '@jest/globals';
import { type } from 'arktype';
import { z } from 'zod';
import { noteEvent } from '../../src/core/registry.js';
import { defineEvent, event, eventListener, faultListener, InvalidEventError, Secret, upcaster } from '../../src/index.js';
import type { ArchivedEvent, Class, EnvelopePipeline, EventContext, EventManager, EventOf, Fault } from '../../src/index.js';
import { createHarness } from '../../src/testing/harness.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { unique, World } from '../support/world.js';

const text = '2026-05-01T10:00:00.000Z';
const moment = z.iso.datetime().transform((at) => new Date(at));

function shippedWorld(schemaOf: (base: z.ZodObject) => z.ZodType<object, object> = (base) => base) {
  const name = unique('shipped');
  const base = z.object({ id: z.string().min(1), at: moment, parcels: z.int().default(1) });
  const Shipped = defineEvent(name, schemaOf(base as never)) as unknown as ReturnType<typeof defineEvent<typeof base>>;
  const seen: EventOf<typeof Shipped>[] = [];
  @eventListener(Shipped, unique('l'))
  class L {
    on(shipped: EventOf<typeof Shipped>): void {
      seen.push(shipped);
    }
  }
  return { name, Shipped, L, seen, world: new World() };
}

/** As a program would that knows nothing of the schema. */
async function sendForeign(world: World, address: string, body: string, headers: Record<string, string> = {}): Promise<void> {
  const provider = await world.provider();
  const message = { body, headers: new Map(Object.entries(headers)), durable: true };
  await provider.send(message, { address, routing: 'multicast', deadlineAt: Date.now() + 10_000 });
}

async function archived(manager: EventManager, listener: Class, count = 1): Promise<ArchivedEvent[]> {
  const found: ArchivedEvent[] = [];
  await waitUntil(async () => (await manager.archive(listener).count()) === count);
  for await (const one of manager.archive(listener).browse()) found.push(one);
  return found;
}

describe('an event by definition', () => {
  it('is sent in each of the ways that an event of a class is, and its listener gets what the schema makes of it', async () => {
    const { Shipped, L, seen, world } = shippedWorld();
    await using _ = world;
    const Again = defineEvent(unique('again'), type({ id: 'string.numeric.parse' }));
    const again: number[] = [];
    @eventListener(Again, unique('l'))
    class Forwards {
      async on({ id }: EventOf<typeof Again>, context: EventContext): Promise<void> {
        again.push(id);
        await context.sendEvent(Shipped, { id: 'forwarded', at: text });
        await context.sendEvent(new Shipped({ id: 'forwarded', at: text }));
      }
    }
    const manager = await world.started({ listeners: [L, Forwards] });
    const harness = createHarness(manager);
    await manager.sendEvent(Shipped, { id: '1', at: text });
    await manager.sendEvent(new Shipped({ id: '1', at: text, parcels: 3 }));
    await manager.sendEvents([new Shipped({ id: '1', at: text }), new Again({ id: '42' })]);
    await harness.waitFor.handled(L, { count: 5 });
    const at = new Date(text);
    expect(seen.filter(({ id }) => id === '1')).toEqual([
      { id: '1', at, parcels: 1 },
      { id: '1', at, parcels: 3 },
      { id: '1', at, parcels: 1 },
    ]);
    expect(seen.filter(({ id }) => id === 'forwarded')).toHaveLength(2);
    expect(again).toEqual([42]);
    expect(harness.sent(Shipped)).toHaveLength(5);
  });

  it('has its archive and its listener reached by it, a fault listener, and upcasters', async () => {
    const name = unique('versions');
    const Def = defineEvent(name, z.object({ id: z.string(), at: moment, unit: z.string() }), { version: 2 });
    let healthy = false;
    const handled: string[] = [];
    @eventListener(Def, { name: unique('l'), onError: 'archive' })
    class L {
      on({ unit, at }: EventOf<typeof Def>): void {
        if (!healthy) throw new Error('not yet');
        handled.push(`${unit} ${String(at.getUTCFullYear())}`);
      }
    }
    const faults: unknown[] = [];
    @faultListener(Def, unique('lost'))
    class Faults {
      on(sent: { at: string } | undefined, { reason, failed }: Fault): void {
        faults.push([sent?.at, reason, failed.listener]);
      }
    }
    @upcaster(Def, 1)
    class AddUnit {
      up(body: Record<string, unknown>): Record<string, unknown> {
        return { ...body, unit: 'kg' };
      }
    }
    expect(AddUnit.name).toBe('AddUnit');
    await using world = new World();
    const manager = await world.started({ listeners: [L, Faults] });
    await sendForeign(world, name, JSON.stringify({ id: '1', at: text }));
    await waitUntil(() => faults.length === 1);
    expect(faults).toEqual([[text, 'failed', manager.health().subscriptions.find(({ event: of }) => of === name)?.listener]]);
    healthy = true;
    await manager.listener(L, Def).pause();
    await manager.archive(L, Def).replay();
    manager.listener(L, Def).resume();
    await waitUntil(() => handled.length === 1);
    expect(handled).toEqual(['kg 2026']);
  });

  it('is known to another copy of the library, and an older one that writes no kind means a class', async () => {
    const { Shipped } = shippedWorld();
    expect((Reflect.getOwnMetadata('tidings:event', Shipped) as object | undefined) ?? {}).toMatchObject({ kind: 'definition' });
    class Old {
      n = 1;
    }
    const name = unique('old');
    noteEvent(Old, { target: Old, name, options: { name, schema: z.object({ n: z.number() }) } });
    const seen: unknown[] = [];
    @eventListener(Old, unique('l'))
    class L {
      on(old: Old): void {
        seen.push(old);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    await manager.sendEvent(Old, { n: 2 });
    await waitUntil(() => seen.length === 1);
    expect(seen[0]).toBeInstanceOf(Old);
  });

  it('may not have the name of another that is listened to', async () => {
    const { name, L, world } = shippedWorld();
    await using _ = world;
    const Second = defineEvent(name, z.object({ id: z.string() }));
    @eventListener(Second, unique('second'))
    class M {
      on(second: { id: string }): string {
        return second.id;
      }
    }
    await expect(world.started({ listeners: [L, M] })).rejects.toMatchObject({
      mistakes: [`a definition and a definition are both named '${name}': give one another name, defineEvent('another.name', schema)`],
    });
  });

  it('is a mistake without a schema, when it is listened to and when it is sent', async () => {
    await using world = new World();
    const name = unique('bare');
    const Bare = defineEvent(name, undefined as unknown as z.ZodObject);
    @eventListener(Bare, unique('bare'))
    class L {
      on(): void {
        // nothing to do
      }
    }
    const mistake = expect.stringMatching(/option 'schema': is undefined: give one, .*circular import/);
    await expect(world.started({ listeners: [L] })).rejects.toMatchObject({ mistakes: [mistake] });
    await expect(world.manager().sendEvent(Bare, {})).rejects.toMatchObject({ code: 'configuration', mistakes: [mistake] });
  });

  it.each(['constructor', 'prototype', '__proto__'])('may not have a field with the name %s', async (field) => {
    await using world = new World();
    const manager = world.manager();
    const Def = defineEvent(unique('loose'), z.looseObject({}));
    const fields = JSON.parse(`{"${field}":{"polluted":true}}`) as Record<string, unknown>;
    const refused = { code: 'not-an-event', message: expect.stringContaining(`'${field}'`) };
    await expect(manager.sendEvent(Def, fields)).rejects.toMatchObject(refused);
    expect(() => new Def(fields)).toThrow(expect.objectContaining(refused));
  });
});

describe('sending what the schema does not take', () => {
  it('rejects with every path before anything leaves', async () => {
    const { name, Shipped, L, world } = shippedWorld();
    await using _ = world;
    const manager = await world.started({ listeners: [L] });
    const sending = manager.sendEvent(Shipped, { id: '', at: 'yesterday' });
    await expect(sending).rejects.toBeInstanceOf(InvalidEventError);
    await expect(sending).rejects.toMatchObject({
      code: 'invalid-event',
      faults: [
        { path: 'id', expected: 'at least 1', received: '""' },
        { path: 'at', expected: 'datetime', received: '"yesterday"' },
      ],
    });
    expect(manager.counters()).toMatchObject({ sent: 0 });
    const queues = await world.queues();
    expect(await queues.count(`${name}::${manager.health().subscriptions[0]?.listener ?? ''}`)).toBe(0);
  });

  it('is a class whose Date is no moment as the schema wants it; one that is goes as ISO text', async () => {
    const name = unique('dated');
    @event({ name, schema: z.object({ at: z.iso.datetime() }) })
    class Dated {
      at: Date | string = new Date(text);
    }
    const seen: Dated[] = [];
    @eventListener(Dated, unique('l'))
    class L {
      on(dated: Dated): void {
        seen.push(dated);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    await manager.sendEvent(new Dated());
    await expect(manager.sendEvent(Dated, { at: '01.05.2026' })).rejects.toMatchObject({ faults: [{ path: 'at' }] });
    await waitUntil(() => seen.length === 1);
    expect(seen[0]).toBeInstanceOf(Dated);
    expect(seen[0]?.at).toBe(text);
  });

  it('is what JSON cannot hold; it is not sent to decorators alone, which do not count here', async () => {
    await using world = new World();
    const Def = defineEvent(unique('big'), z.looseObject({}));
    const message = expect.stringMatching(/^is a bigint, .*: keep it as something that JSON knows, or .* in a class without a schema$/);
    await expect(world.manager().sendEvent(Def, { n: 1n })).rejects.toMatchObject({ faults: [{ path: 'n', message }] });
  });

  it('waits for a schema that answers later no longer than the send may take', async () => {
    const Def = defineEvent(unique('slow'), z.object({ id: z.string().refine(() => new Promise<boolean>(() => undefined)) }));
    await using world = new World();
    const manager = await world.started();
    await expect(manager.sendEvent(Def, { id: '1' }, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'send-timeout',
      outcome: 'not-sent',
    });
  });

  it('is not asked with validate: { send: false }; nor is the own validate()', async () => {
    let asked = 0;
    const name = unique('free');
    @event({ name, schema: z.object({ id: z.string() }) })
    class Free {
      id: unknown = 5;
      validate(): void {
        asked++;
      }
    }
    await using world = new World();
    const manager = await world.started({ validate: { send: false } });
    await expect(manager.sendEvent(new Free())).resolves.toMatchObject({ sent: true });
    expect(asked).toBe(0);
  });
});

describe('receiving what the schema does not take', () => {
  it("ends in the archive as 'invalid' at attempt 1, with every path, and the listener is not called", async () => {
    const { name, L, seen, world } = shippedWorld();
    await using _ = world;
    const manager = await world.started({ listeners: [L] });
    await sendForeign(world, name, JSON.stringify({ id: '', at: 'yesterday' }));
    const [one] = await archived(manager, L);
    expect(one).toMatchObject({ reason: 'invalid', attempts: 1, error: { name: 'InvalidEventError' } });
    expect(one?.error.message).toMatch(/id: .*; at: /);
    expect(one?.body).toBe(JSON.stringify({ id: '', at: 'yesterday' }));
    expect(seen).toEqual([]);
    expect(manager.counters()).toMatchObject({ failed: 1, retried: 0, archived: 1 });
  });

  it("is no matter of the schema where the message is of another event: 'unknown-event'", async () => {
    const { name, L, world } = shippedWorld();
    await using _ = world;
    const manager = await world.started({ listeners: [L] });
    await sendForeign(world, name, '{}', { cloudEvents_type: 'something.else' });
    expect(await archived(manager, L)).toMatchObject([{ reason: 'unknown-event', attempts: 1 }]);
  });

  it("or of which it makes no object ends as 'undecodable' at attempt 1", async () => {
    const { name, L, world } = shippedWorld((base) => base.transform(() => 5 as unknown as object));
    await using _ = world;
    const manager = await world.started({ listeners: [L] });
    await sendForeign(world, name, JSON.stringify({ id: '1', at: text }));
    expect(await archived(manager, L)).toMatchObject([{ reason: 'undecodable', attempts: 1 }]);
  });

  it('is not asked with validate: { receive: false }: the listener gets it as it was sent', async () => {
    const { name, L, seen, world } = shippedWorld();
    await using _ = world;
    await world.started({ listeners: [L], validate: { receive: false } });
    await sendForeign(world, name, JSON.stringify({ at: 'yesterday' }));
    await waitUntil(() => seen.length === 1);
    expect(seen).toEqual([{ at: 'yesterday' }]);
  });

  it('is tried again where the schema itself failed: that says nothing about the event', async () => {
    let retried = (): number => 0;
    const { name, L, seen, world } = shippedWorld((base) =>
      base.refine(() => {
        if (retried() < 2) throw new TypeError('a bug');
        return true;
      }),
    );
    await using _ = world;
    const manager = await world.started({ listeners: [L], retry: { initialDelayMs: 0, jitter: 'none' } });
    retried = () => manager.counters().retried;
    await sendForeign(world, name, JSON.stringify({ id: '1', at: text }));
    await waitUntil(() => seen.length === 1);
    expect(manager.counters().retried).toBeGreaterThanOrEqual(2);
    expect(manager.counters().archived).toBe(0);
  });
});

describe('a pipeline', () => {
  it('sees the event as it was sent until it is validated, and afterwards what the schema made of it', async () => {
    const { Shipped, L, world } = shippedWorld();
    await using _ = world;
    @event({ name: unique('class'), schema: z.object({ n: z.coerce.number() }) })
    class Counted {
      n: unknown = '5';
    }
    @eventListener(Counted, unique('l'))
    class M {
      on({ n }: Counted): unknown {
        return n;
      }
    }
    const seen: unknown[] = [];
    const looks: EnvelopePipeline = {
      async handle(envelope, _listener, next) {
        const before = envelope.event;
        await next();
        seen.push([before.constructor.name, { ...before }, envelope.event.constructor.name, { ...envelope.event }]);
      },
    };
    const manager = await world.started({ listeners: [L, M], pipelines: [looks] });
    await manager.sendEvent(Shipped, { id: '1', at: text });
    await waitUntil(() => seen.length === 1);
    await manager.sendEvent(new Counted());
    await waitUntil(() => seen.length === 2);
    expect(seen).toEqual([
      ['Object', { id: '1', at: text }, 'Object', { id: '1', at: new Date(text), parcels: 1 }],
      ['Counted', { n: '5' }, 'Counted', { n: 5 }],
    ]);
  });
});

describe('a secret', () => {
  it.each([
    ['the schema', z.object({ pin: z.string().max(4).meta({ secret: true }) })],
    ['@Secret()', z.object({ pin: z.string().max(4) })],
  ])('that %s marks is in no log, error or header when it is at fault', async (by, schema) => {
    const name = unique('secret');
    @event({ name, schema: schema.refine(() => false, { error: ({ input }) => `not ${JSON.stringify(input)}` }) })
    class Paid {
      pin = 'hunter2-hunter2';
    }
    if (by === '@Secret()') Secret()(Paid.prototype, 'pin');
    @eventListener(Paid, unique('l'))
    class L {
      on({ pin }: Paid): string {
        return pin;
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    const error = await manager.sendEvent(new Paid()).catch((thrown: unknown) => thrown as InvalidEventError);
    await sendForeign(world, name, JSON.stringify({ pin: 'hunter2-hunter2' }));
    await sendForeign(world, name, JSON.stringify({ pin: 'h2' }));
    const found = await archived(manager, L, 2);
    expect(found.map(({ reason }) => reason)).toEqual(['invalid', 'invalid']);
    const told = [
      world.logger.text(),
      error instanceof Error ? `${error.message} ${String(error.stack)} ${JSON.stringify(error)}` : 'no error',
      ...found.map(({ error: last, history, headers }) => JSON.stringify([last, history, [...headers]])),
    ].join('\n');
    expect(told).toContain('invalid');
    expect(told).not.toMatch(/hunter2|"h2/);
  });
});
