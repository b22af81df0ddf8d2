import { describe, expect, it } from '@jest/globals';
import { event, eventListener, MemoryBroker, MemoryProvider, TidingsError } from '../../src/index.js';
import type { ArchivedEvent, Capability, Class, EventContext, EventListenerOptions, EventManager, EventOptions } from '../../src/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { unique, World } from '../support/world.js';

type Handle = (n: number, context: EventContext) => unknown;

class Timed implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly broker = new MemoryBroker({ clock: this.clock });
  readonly world = new World();
  readonly calls: { readonly n: number; readonly at: number }[] = [];
  readonly event: Class;
  readonly listener: Class;

  constructor(handle: Handle = () => undefined, options: EventListenerOptions = {}, eventOptions: Omit<EventOptions, 'name'> = {}) {
    class E {
      readonly n: number = 0;
    }
    event({ ...eventOptions, name: unique('timed') })(E);
    const call = async (n: number, context: EventContext): Promise<void> => {
      this.calls.push({ n, at: this.clock.now() });
      await handle(n, context);
    };
    class L {
      on({ n }: E, context: EventContext): Promise<void> {
        return call(n, context);
      }
    }
    eventListener(E, { name: unique('l'), retry: { jitter: 'none', initialDelayMs: 1_000 }, ...options, batch: undefined })(L);
    this.event = E;
    this.listener = L;
  }

  get numbers(): number[] {
    return this.calls.map(({ n }) => n);
  }

  started(): Promise<EventManager> {
    return this.world.started({ provider: new MemoryProvider({ broker: this.broker }), listeners: [this.listener] });
  }

  async archived(manager: EventManager): Promise<ArchivedEvent[]> {
    const found: ArchivedEvent[] = [];
    for await (const each of manager.archive(this.listener).browse()) found.push(each);
    return found;
  }

  // Time that stands still would not let it end.
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.world[Symbol.asyncDispose]();
    await this.clock.advance(5_000);
    await ended;
  }
}

describe('a filter', () => {
  it('keeps events from its listener, which are gone from the queue, counted, and nobody is told that they were handled', async () => {
    await using timed = new Timed(undefined, { filter: (envelope) => envelope.get('region') === 'eu' });
    const manager = await timed.started();
    const told: number[] = [];
    manager.observe({ handled: ({ envelope }) => told.push((envelope.event as { n: number }).n) });
    for (const [n, region] of ['eu', 'us', 'eu', 'us', 'us'].entries())
      await manager.sendEvent(timed.event, { n }, { headers: { region } });
    await timed.clock.advance(100);
    expect(timed.numbers).toEqual([0, 2]);
    expect(told).toEqual([0, 2]);
    expect(manager.counters()).toMatchObject({ handled: 2, filtered: 3, failed: 0 });
    expect(await manager.listener(timed.listener).lag()).toBe(0);
  });

  it('is asked after the pipelines, once an attempt, and what it throws fails that', async () => {
    let asked = 0;
    await using timed = new Timed(undefined, {
      filter: (envelope) => {
        if (asked++ === 0) throw new Error('not yet');
        return envelope.get('seen') === 'by a pipeline';
      },
    });
    const pipeline = {
      handle: async (envelope: { set: (name: string, value: string) => unknown }, _: unknown, next: () => Promise<void>) => {
        envelope.set('seen', 'by a pipeline');
        await next();
      },
    };
    const manager = await timed.world.started({
      provider: new MemoryProvider({ broker: timed.broker }),
      listeners: [timed.listener],
      pipelines: [pipeline],
    });
    await manager.sendEvent(timed.event, { n: 1 });
    await timed.clock.advance(5_000);
    expect([asked, timed.numbers]).toEqual([2, [1]]);
    expect(manager.counters()).toMatchObject({ failed: 1, handled: 1, filtered: 0 });
  });

  it.each([
    ['a promise', () => Promise.resolve(true)],
    ['a promise that rejects', () => Promise.reject(new Error('the database is down'))],
  ])('that gives %s is a mistake, and lets nothing through', async (_, given) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const filter = given as unknown as () => boolean;
    await using timed = new Timed(undefined, { filter, retry: false });
    const manager = await timed.started();
    await manager.sendEvent(timed.event, { n: 1 });
    await timed.clock.advance(100);
    expect(timed.numbers).toEqual([]);
    const [item] = await timed.archived(manager);
    expect(item?.error.message).toMatch(/return true or false, not a promise/);
    // Node looks for what nobody handles between two turns.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });
});

describe('an event with a time to live', () => {
  it('is not handled when it comes too late, though the broker has given it out, and is counted', async () => {
    await using timed = new Timed(
      async (n, { signal }) => {
        if (n === 1) await new Promise<void>((resolve) => timed.clock.schedule(3_000, resolve));
        signal.throwIfAborted();
      },
      { concurrency: 1, prefetch: 5 },
    );
    const manager = await timed.started();
    await manager.sendEvent(timed.event, { n: 1 });
    await timed.clock.advance(10);
    await manager.sendEvent(timed.event, { n: 2 }, { ttlMs: 1_000 });
    await manager.sendEvent(timed.event, { n: 3 }, { ttlMs: 60_000 });
    await timed.clock.advance(10_000);
    expect(timed.numbers).toEqual([1, 3]);
    expect(manager.counters()).toMatchObject({ handled: 2, expired: 1, archived: 0, failed: 0 });
    expect(await manager.listener(timed.listener).lag()).toBe(0);
  });

  it.each([
    ['by copy', undefined],
    ['in place', 'k'],
  ])("is archived as 'expired' when its time passes while it is retried %s, and a replay of it is handled", async (_, key) => {
    let mended = false;
    await using timed = new Timed(() => {
      if (!mended) throw new Error('not yet');
    });
    const manager = await timed.started();
    await manager.sendEvent(timed.event, { n: 1 }, { ttlMs: 2_500, key });
    await timed.clock.advance(60_000);
    // At 0 and 1 s; at 3 s it is too late.
    expect(timed.numbers).toEqual([1, 1]);
    expect(manager.counters()).toMatchObject({ expired: 1, archived: 1 });
    const [item] = await timed.archived(manager);
    expect(item).toMatchObject({ reason: 'expired', error: { message: expect.stringMatching(/its time passed at 2020-01-01T00:00:02/) } });
    mended = true;
    expect(await manager.archive(timed.listener).replay()).toBe(1);
    await timed.clock.advance(100);
    expect(manager.counters()).toMatchObject({ handled: 1, expired: 1 });
  });

  it('is handled late when somebody has put it back from an archive with another program', async () => {
    await using timed = new Timed((_, { attempt }) => {
      if (attempt < 3) throw new Error('not yet');
    });
    const manager = await timed.started();
    const foreign = new MemoryProvider({ broker: timed.broker });
    const { clock, world } = timed;
    const host = { serviceName: 'f', serverName: 'f', logger: world.logger, clock, onState: () => undefined };
    await foreign.start(host, { specs: [], signal: new AbortController().signal });
    const headers = new Map([
      ['tidings_id', unique('id')],
      ['tidings_expires_at', new Date(clock.now() - 1_000).toISOString()],
      ['tidings_error_reason', 'failed'],
    ]);
    const address = manager.health().subscriptions[0]?.queue.split('::')[0] ?? '';
    const sent = foreign.send(
      { body: '{"n":1}', headers, durable: true },
      { address, routing: 'multicast', deadlineAt: clock.now() + 5_000 },
    );
    await clock.advance(60_000);
    await sent;
    expect(manager.counters()).toMatchObject({ handled: 1, failed: 2, expired: 0 });
    const stopped = foreign.stop({ deadlineMs: 100 });
    await clock.advance(1_000);
    await stopped;
  });

  it('counts from when it may be delivered', async () => {
    await using timed = new Timed();
    const manager = await timed.started();
    const sentAt = timed.clock.now();
    await manager.sendEvent(timed.event, { n: 1 }, { delayMs: 5_000, ttlMs: 1_000 });
    await timed.clock.advance(4_900);
    expect(timed.numbers).toEqual([]);
    await timed.clock.advance(1_000);
    expect(timed.numbers).toEqual([1]);
    expect((timed.calls[0]?.at ?? 0) - sentAt).toBeGreaterThanOrEqual(5_000);
  });
});

describe('a time that no date can say', () => {
  it.each([{ deliverAt: new Date(8.64e15) }, { deliverAt: new Date(NaN) }, { delayMs: 1e15 }, { ttlMs: Infinity }, { ttlMs: 0 }])(
    'is a mistake of the send: %j',
    async (options) => {
      await using timed = new Timed();
      const manager = await timed.started();
      await expect(manager.sendEvent(timed.event, { n: 1 }, options)).rejects.toMatchObject({ code: 'configuration' });
    },
  );

  it('is a mistake of the event', async () => {
    await using timed = new Timed(undefined, {}, { ttlMs: 1e300 });
    await expect(timed.started()).rejects.toThrow(/option 'ttlMs'/);
  });
});

describe('a delayed event', () => {
  it('can be taken back until its time, by its id, and no later', async () => {
    await using timed = new Timed();
    const manager = await timed.started();
    const { id } = await manager.sendEvent(timed.event, { n: 1 }, { delayMs: 5_000 });
    await manager.sendEvent(timed.event, { n: 2 }, { deliverAt: new Date(timed.clock.now() + 5_000), id: 'mine' });
    expect(await manager.cancel(timed.event, 'nobody')).toBe(0);
    expect(await manager.cancel(timed.event, id)).toBe(1);
    expect(await manager.cancel(timed.event, id)).toBe(0);
    await timed.clock.advance(10_000);
    expect(timed.numbers).toEqual([2]);
    expect(await manager.cancel(timed.event, 'mine')).toBe(0);
    await expect(manager.cancel(class Stranger {}, id)).rejects.toMatchObject({ code: 'not-an-event' });
    await expect(manager.cancel(timed.event, '')).rejects.toMatchObject({ code: 'configuration' });
  });
});

/** The memory provider, without some of what it can do. */
function without(...missing: Capability[]): MemoryProvider {
  const provider = new MemoryProvider();
  Object.defineProperty(provider, 'capabilities', { value: new Set([...provider.capabilities].filter((one) => !missing.includes(one))) });
  return provider;
}

describe('what a provider cannot do', () => {
  it.each([
    [{ delayMs: 1 }, {}, 'delay', 'delayMs'],
    [{ deliverAt: new Date() }, {}, 'delay', 'deliverAt'],
    [{ ttlMs: 1 }, {}, 'ttl', 'ttlMs'],
    [{}, { ttlMs: 1 }, 'ttl', 'ttlMs'],
    [{ priority: 4 }, {}, 'priority', 'priority'],
    [{}, { priority: 4 }, 'priority', 'priority'],
  ] as const)(
    'fails a send with %j and @event(%j) at once, by the name of the option',
    async (options, eventOptions, capability, option) => {
      await using timed = new Timed(undefined, {}, eventOptions);
      const manager = await timed.world.started({ provider: without(capability) });
      const sending: Promise<unknown>[] = [
        manager.sendEvent(timed.event, { n: 1 }, options),
        manager.sendEvents([new timed.event()], options),
      ];
      for (const [sent] of [sending.slice(0, 1)]) {
        await expect(sent).rejects.toMatchObject({ code: 'not-supported' });
        await expect(sent).rejects.toThrow(new RegExp(`${option} needs a provider with the capability '${capability}', and memory`));
      }
      await expect(sending[1]).rejects.toMatchObject({ code: 'send-many' });
      expect(manager.counters().sent).toBe(0);
    },
  );

  it('is no matter where nothing of it is asked for: a key says what an event is about', async () => {
    await using timed = new Timed();
    const provider = without('delay', 'ttl', 'priority', 'keys');
    const manager = await timed.world.started({ provider });
    await expect(manager.sendEvent(timed.event, { n: 1 }, { delayMs: 0, key: 'k' })).resolves.toMatchObject({ sent: true });
  });

  it('is told at start where a listener asks for order', async () => {
    await using timed = new Timed(undefined, { order: 'strict', retry: false });
    const manager = timed.world.manager({ provider: without('keys'), listeners: [timed.listener] });
    await expect(manager.start()).rejects.toThrow(/asks for order, and the provider memory does not keep events of a key together/);
  });

  it.each([
    ['cancel', (manager: EventManager, { event: sent }: Timed) => manager.cancel(sent, 'some-id')],
    ['ttl', (manager: EventManager, { listener }: Timed) => manager.listener(listener).expired()],
  ] as const)("is told by calls that need '%s'", async (capability, call) => {
    await using timed = new Timed(undefined, { retry: false });
    const manager = await timed.world.started({ provider: without(capability), listeners: [timed.listener] });
    const error: unknown = await call(manager, timed).catch((reason: unknown) => reason);
    expect(TidingsError.is(error) && error.code).toBe('not-supported');
    expect(String(error)).toContain(`'${capability}'`);
  });
});
