import { describe, expect, it } from '@jest/globals';
import { dedupe, event, eventListener, faultListener, MemoryDedupeStore, Unrecoverable } from '../../src/index.js';
import type { DedupeStore, EnvelopePipeline, EventContext, EventingOptions, EventListenerOptions, Fault } from '../../src/index.js';
import { createHarness } from '../../src/testing/harness.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { gate, unique, World } from '../support/world.js';

/** An event, and a listener of it that does what it is told and notes its calls. */
function eventAndListener(act: (context: EventContext) => unknown = () => undefined, options: EventListenerOptions = {}) {
  const address = unique('deduped');
  @event(address)
  class E {
    readonly n: number = 0;
  }
  const calls: EventContext[] = [];
  const make = () => {
    @eventListener(E, { name: unique('l'), ...options })
    class L {
      async on(_e: E, context: EventContext): Promise<void> {
        calls.push(context);
        await act(context);
      }
    }
    return L;
  };
  return { address, E, L: make(), make, calls };
}

/** Sends as a program does that repeats itself: the broker is told nothing by which it could drop the repeat. */
async function sends(world: World, address: string, id: string, source = 'elsewhere'): Promise<void> {
  const headers = new Map([['cloudEvents_id', id]]);
  if (source !== '') headers.set('cloudEvents_source', source);
  const provider = await world.provider();
  await provider.send({ body: '{"n":1}', headers, durable: true }, { address, routing: 'multicast', deadlineAt: Date.now() + 5000 });
}

/** A store that keeps a list of what it was asked, and fails when told to. */
class ListedStore implements DedupeStore {
  readonly inner = new MemoryDedupeStore();
  readonly added: { key: string; ttlMs: number }[] = [];
  failing: 'has' | 'add' | undefined;

  async has(key: string): Promise<boolean> {
    if (this.failing === 'has') throw new Error('the store is away');
    return this.inner.has(key);
  }

  async add(key: string, ttlMs: number): Promise<void> {
    if (this.failing === 'add') throw new Error('the store is away');
    this.added.push({ key, ttlMs });
    await this.inner.add(key, ttlMs);
  }
}

const quick: Partial<EventingOptions> = { retry: { initialDelayMs: 1, factor: 1, jitter: 'none' } };

describe('dedupe', () => {
  it('calls the listener once for an event that comes three times, and counts the repeats', async () => {
    const { address, L, calls } = eventAndListener();
    await using world = new World();
    const manager = await world.started({ listeners: [L], addPipelines: [dedupe()] });
    for (let round = 0; round < 3; round++) await sends(world, address, 'same');
    await waitUntil(() => manager.counters().stopped === 2);
    expect(calls).toHaveLength(1);
    expect(manager.counters()).toMatchObject({ handled: 1, failed: 0 });
    expect(await (await world.queues()).count(`${address}::${calls[0]?.listener.name ?? ''}`)).toBe(0);
  });

  it('tells events of one id from different sources apart, and always hands over what has no source', async () => {
    const { address, L, calls } = eventAndListener();
    await using world = new World();
    const manager = await world.started({ listeners: [L], addPipelines: [dedupe()] });
    for (const source of ['a', 'b', 'a', 'b']) await sends(world, address, '1', source);
    await waitUntil(() => manager.counters().stopped === 2);
    expect(calls.map(({ envelope }) => envelope.source).sort()).toEqual(['a', 'b']);
    for (let round = 0; round < 2; round++) await sends(world, address, '1', '');
    await waitUntil(() => calls.length === 4);
  });

  it('remembers for each listener of its own', async () => {
    const { address, make, calls } = eventAndListener();
    await using world = new World();
    const manager = await world.started({ listeners: [make(), make()], addPipelines: [dedupe()] });
    for (let round = 0; round < 2; round++) await sends(world, address, 'same');
    await waitUntil(() => manager.counters().stopped === 2);
    expect(new Set(calls.map(({ listener }) => listener.name)).size).toBe(2);
    expect(calls).toHaveLength(2);
  });

  it('shares a store between processes, though not for listeners of which each process has its own copy', async () => {
    const shared = eventAndListener();
    const copied = eventAndListener(undefined, { perProcess: true });
    await using world = new World();
    const store = new MemoryDedupeStore();
    const options = (): Partial<EventingOptions> => ({ listeners: [shared.L, copied.L], addPipelines: [dedupe(store)] });
    const first = await world.started(options());
    for (const { address } of [shared, copied]) await sends(world, address, 'same');
    await waitUntil(() => shared.calls.length === 1 && copied.calls.length === 1);
    const second = await world.started(options());
    await first.stop();
    for (const { address } of [shared, copied]) await sends(world, address, 'same');
    await waitUntil(() => second.counters().stopped === 1 && second.counters().handled === 1);
    expect([shared.calls.length, copied.calls.length]).toEqual([1, 2]);
  });

  it('hands each fault of one event to a fault listener, of several listeners and of several rounds', async () => {
    const { E, L, make } = eventAndListener(() => {
      throw new Unrecoverable('never');
    });
    const Other = make();
    const told: string[] = [];
    class Watcher {
      on(_e: object | undefined, { failed }: Fault): void {
        told.push(failed.listener);
      }
    }
    faultListener(E, unique('watcher'))(Watcher);
    await using world = new World();
    const manager = await world.started({ listeners: [L, Other, Watcher], addPipelines: [dedupe()] });
    await manager.sendEvent(new E());
    await waitUntil(() => told.length === 2);
    await manager.archive(L).replay();
    await waitUntil(() => told.length === 3);
    expect(new Set(told).size).toBe(2);
    expect(manager.counters().stopped).toBe(0);
  });

  it('does not remember an attempt that failed', async () => {
    const { address, L, calls } = eventAndListener(({ attempt }) => {
      if (attempt < 3) throw new Error('not yet');
    });
    await using world = new World();
    const store = new ListedStore();
    const manager = await world.started({ listeners: [L], addPipelines: [dedupe(store)], ...quick });
    await sends(world, address, 'same');
    await waitUntil(() => manager.counters().handled === 1);
    expect(calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(store.added).toHaveLength(1);
    await sends(world, address, 'same');
    await waitUntil(() => manager.counters().stopped === 1);
    expect(calls).toHaveLength(3);
  });

  it('does not remember a run of which a pipeline or an unawaited send failed', async () => {
    const follow = eventAndListener();
    const big = { n: 'x'.repeat(2 * 1024 * 1024) as unknown as number };
    const { address, L, calls } = eventAndListener(({ attempt, sendEvent }) => {
      if (attempt === 1) void sendEvent(follow.E, big);
    });
    const failsOnce: EnvelopePipeline & { order: number } = {
      order: -1_000_000,
      handle: async (_envelope, _listener, next) => {
        await next();
        if (calls.length === 2) throw new Error('the last step');
      },
    };
    await using world = new World();
    const store = new ListedStore();
    const manager = await world.started({ listeners: [L], addPipelines: [dedupe(store), failsOnce], ...quick });
    await sends(world, address, 'same');
    await waitUntil(() => manager.counters().handled === 1);
    expect(calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(store.added).toHaveLength(1);
  });

  it('stands outside all other pipelines, unless it is given another order', async () => {
    const { address, L } = eventAndListener();
    let passed = 0;
    const counting: EnvelopePipeline & { order: number } = {
      order: -1_000_000,
      handle: (_envelope, _listener, next) => {
        passed++;
        return next();
      },
    };
    await using world = new World();
    const outermost = await world.started({ listeners: [L], addPipelines: [counting, dedupe()] });
    for (let round = 0; round < 2; round++) await sends(world, address, 'same');
    await waitUntil(() => outermost.counters().stopped === 1);
    expect(passed).toBe(1);
    await outermost.stop();
    const inner = Object.assign(dedupe(), { order: 0 });
    const innermost = await world.started({ listeners: [L], addPipelines: [inner, counting] });
    for (let round = 0; round < 2; round++) await sends(world, address, 'same');
    await waitUntil(() => innermost.counters().stopped === 1);
    expect(passed).toBe(3);
  });

  it('lets a repeat wait while the first still runs, and hands it over when that fails', async () => {
    const hold = gate();
    const { address, L, calls } = eventAndListener(
      async () => {
        if (calls.length > 1) return;
        await hold.promise;
        throw new Error('the first fails');
      },
      { concurrency: 3 },
    );
    await using world = new World();
    const manager = await world.started({ listeners: [L], addPipelines: [dedupe()], retry: { initialDelayMs: 200, jitter: 'none' } });
    for (let round = 0; round < 3; round++) await sends(world, address, 'same');
    await waitUntil(() => manager.health().subscriptions[0]?.running === 3);
    await stays(() => calls.length === 1, { windowMs: 100, what: 'the one call' });
    hold.open();
    // One of the two that waited is handled; the other, and the retry of the first, are repeats then.
    await waitUntil(() => manager.counters().stopped === 2);
    expect(calls.map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(manager.counters()).toMatchObject({ handled: 1, failed: 1, retried: 1 });
  });

  it('fails the attempt when the store cannot tell or cannot remember, and skips nothing', async () => {
    const { address, L, calls } = eventAndListener();
    await using world = new World();
    const store = new ListedStore();
    const manager = await world.started({ listeners: [L], addPipelines: [dedupe(store)], ...quick });
    const harness = createHarness(manager);
    store.failing = 'has';
    await sends(world, address, 'same');
    await waitUntil(() => manager.counters().failed >= 2);
    expect(calls).toEqual([]);
    store.failing = 'add';
    await waitUntil(() => calls.length >= 2);
    expect(manager.counters()).toMatchObject({ handled: 0, stopped: 0 });
    store.failing = undefined;
    await waitUntil(() => manager.counters().handled === 1);
    expect(harness.failed(L).every(({ error }) => (error as Error).message === 'the store is away')).toBe(true);
    const { length } = calls;
    await sends(world, address, 'same');
    await waitUntil(() => manager.counters().stopped === 1);
    expect(calls).toHaveLength(length);
  });

  it('does not remember a run that returned early because it was given up: another one handles the event', async () => {
    const { address, L, calls } = eventAndListener(
      ({ signal }) =>
        calls.length > 1 ||
        new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            resolve();
          });
        }),
    );
    await using world = new World();
    const store = new ListedStore();
    const manager = await world.started({ listeners: [L], addPipelines: [dedupe(store)] });
    await sends(world, address, 'same');
    await waitUntil(() => calls.length === 1);
    await manager.stop({ deadlineMs: 30 });
    await waitUntil(() => manager.counters().late === 1);
    expect(store.added).toEqual([]);
    const next = await world.started({ listeners: [L], addPipelines: [dedupe(store)] });
    await waitUntil(() => next.counters().handled === 1);
    expect(calls).toHaveLength(2);
  });

  it('does not wait for a run that was given up and hangs', async () => {
    const never = gate();
    const { address, L, calls } = eventAndListener(() => (calls.length === 1 ? never.promise : undefined));
    await using world = new World();
    const manager = await world.started({ listeners: [L], addPipelines: [dedupe()] });
    await sends(world, address, 'same');
    await waitUntil(() => calls.length === 1);
    await manager.stop({ deadlineMs: 30 });
    await manager.start();
    await waitUntil(() => manager.counters().handled === 1);
    expect(calls).toHaveLength(2);
    never.open();
    await waitUntil(() => manager.counters().late === 1);
  });

  it('does not go on with a repeat that was given up while it waited', async () => {
    const hold = gate();
    const { address, L, calls } = eventAndListener(() => hold.promise);
    await using world = new World();
    const manager = await world.started({ listeners: [L], addPipelines: [dedupe()] });
    for (let round = 0; round < 2; round++) await sends(world, address, 'same');
    await waitUntil(() => manager.health().subscriptions[0]?.running === 2);
    await manager.stop({ deadlineMs: 30 });
    hold.open();
    await waitUntil(() => manager.counters().late === 2);
    expect(calls).toHaveLength(1);
  });

  it('remembers for a day, or as long as it is told', async () => {
    const { address, L, calls } = eventAndListener();
    const clock = new VirtualClock();
    const remembering = new MemoryDedupeStore({ clock });
    const store = new ListedStore();
    await using world = new World();
    const byDefault = await world.started({ listeners: [L], addPipelines: [dedupe(store)] });
    await sends(world, address, 'same');
    await waitUntil(() => byDefault.counters().handled === 1);
    expect(store.added).toEqual([{ key: JSON.stringify([address, calls[0]?.listener.name, 'elsewhere', 'same']), ttlMs: 86_400_000 }]);
    await byDefault.stop();
    const brief = await world.started({ listeners: [L], addPipelines: [dedupe(remembering, { ttlMs: 5_000 })] });
    await sends(world, address, 'same');
    await waitUntil(() => brief.counters().handled === 1);
    await clock.advance(5_000);
    await sends(world, address, 'same');
    await waitUntil(() => brief.counters().stopped === 1);
    await clock.advance(1);
    await sends(world, address, 'same');
    await waitUntil(() => brief.counters().handled === 2);
  });

  it('gives a store no key beyond 500 characters', async () => {
    const { address, L } = eventAndListener();
    const store = new ListedStore();
    await using world = new World();
    const manager = await world.started({ listeners: [L], addPipelines: [dedupe(store)] });
    for (const end of ['a', 'b', 'a']) await sends(world, address, 'x'.repeat(5_000) + end);
    await waitUntil(() => manager.counters().stopped === 1 && manager.counters().handled === 2);
    expect(store.added.map(({ key }) => key.length)).toEqual([64, 64]);
  });

  it('refuses options that it does not know', () => {
    expect(() => dedupe(undefined, { ttlMs: 0 })).toThrow(/option 'ttlMs'/);
    expect(() => dedupe(undefined, { ttl: 5 } as object)).toThrow(/unknown option 'ttl': did you mean 'ttlMs'\?/);
    expect(() => new MemoryDedupeStore({ maxEntries: 0 })).toThrow(/option 'maxEntries'/);
  });
});

describe('a dedupe store in memory', () => {
  it('forgets a key when its time is over, without a timer', async () => {
    const clock = new VirtualClock();
    const store = new MemoryDedupeStore({ clock });
    await store.add('key', 1_000);
    await clock.advance(1_000);
    expect(await store.has('key')).toBe(true);
    await clock.advance(1);
    expect(await store.has('key')).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('keeps the newest so many keys', async () => {
    const store = new MemoryDedupeStore({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c']) await store.add(key, 1_000);
    expect(await store.has('a')).toBe(true);
    await store.add('d', 1_000);
    expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => store.has(key)))).toEqual([false, true, true, true]);
  });
});
