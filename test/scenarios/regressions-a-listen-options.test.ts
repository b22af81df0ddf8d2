import 'reflect-metadata';
import { expect } from '@jest/globals';
import type { EventManager, StreamOptions } from '../../src/index.js';
import { range } from '../../src/testing/conformance/gate.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { unique, World } from '../support/world.js';
import { eventOf, note, optionEffects, queueOf } from './option-effects.js';

optionEffects('ListenOptions', {
  name: async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('function');
    await manager.listen(eventOf(), { name }, () => undefined).ready;
    expect(queueOf(manager)?.split('::')[1]).toBe(name);
  },
});

type Reading = AsyncIterator<unknown> & { readonly manager: EventManager };

/** Some events wait in a stream of these options; `look` sees the reader, and what it comes to is returned. */
async function reading<T>(options: StreamOptions, look: (reading: Reading) => Promise<T>, events = 5): Promise<T> {
  await using world = new World();
  const made = eventOf();
  const manager = await world.started();
  const stream = manager.stream(made, options);
  await stream.ready;
  for (const n of range(events)) await manager.sendEvent(made, { n, text: '' });
  const iterator = stream[Symbol.asyncIterator]();
  try {
    return await look({ manager, next: () => iterator.next() });
  } finally {
    await iterator.return();
  }
}

const held = (manager: EventManager): number | undefined => manager.health().subscriptions[0]?.held;

optionEffects('StreamOptions', {
  name: async () => {
    const name = unique('stream');
    const queue = ({ manager }: Reading): Promise<string | undefined> => Promise.resolve(queueOf(manager)?.split('::')[1]);
    expect(await reading({ name }, queue)).toBe(name);
    expect(await reading({}, queue)).toMatch(/^stream-/);
  },
  concurrency: async () => {
    const accepted = async ({ manager, next }: Reading): Promise<number> => {
      await next();
      await next();
      return manager.counters().handled;
    };
    expect([await reading({}, accepted), await reading({ concurrency: 2 }, accepted)]).toEqual([1, 0]);
  },
  prefetch: async () => {
    await reading({}, ({ manager }) => waitUntil(() => held(manager) === 4));
    await reading({ prefetch: 0 }, async ({ manager }) => {
      await waitUntil(() => manager.health().subscriptions[0]?.running === 1);
      await stays(() => held(manager) === 0, { windowMs: 50 });
    });
  },
  breaker: async () => {
    const pauses = async ({ manager, next }: Reading): Promise<number> => {
      const { value } = (await next()) as { value: { retry(): Promise<unknown> } };
      await value.retry();
      return manager.counters().paused;
    };
    expect(await reading({ breaker: { failures: 1, pauseMs: 60_000 } }, pauses, 1)).toBe(1);
    expect(await reading({}, pauses, 1)).toBe(0);
  },
  signal: async () => {
    const abort = new AbortController();
    const ends = async ({ next }: Reading): Promise<boolean | undefined> => {
      const last = next();
      abort.abort();
      return (await last).done;
    };
    expect(await reading({ signal: abort.signal }, ends, 0)).toBe(true);
  },
});

optionEffects('PullOptions', {
  name: async () => {
    await using world = new World();
    const made = eventOf();
    const manager = await world.started();
    const name = unique('pull');
    const pulled = async (options: { name?: string }): Promise<number> => {
      const events = await manager.pull(made, { ...options, max: 1, timeoutMs: 50 });
      for (const { accept } of events) await accept();
      return events.length;
    };
    await pulled({ name });
    await manager.sendEvent(made, note);
    expect([await pulled({}), await pulled({ name })]).toEqual([0, 1]);
  },
  max: async () => {
    await using world = new World();
    const made = eventOf();
    const manager = await world.started();
    const name = unique('pull');
    await manager.pull(made, { name, max: 1, timeoutMs: 1 });
    for (const n of range(3)) await manager.sendEvent(made, { n, text: '' });
    for (const [max, count] of [
      [2, 2],
      [5, 1],
    ] as const) {
      const events = await manager.pull(made, { name, max, timeoutMs: 100 });
      for (const { accept } of events) await accept();
      expect(events).toHaveLength(count);
    }
  },
  timeoutMs: async () => {
    await using world = new World();
    const manager = await world.started();
    for (const timeoutMs of [50, 150]) {
      const since = performance.now();
      expect(await manager.pull(eventOf(), { max: 1, timeoutMs })).toEqual([]);
      expect(performance.now() - since).toBeGreaterThanOrEqual(timeoutMs - 1);
    }
  },
  signal: async () => {
    await using world = new World();
    const manager = await world.started();
    const abort = new AbortController();
    const pulling = manager.pull(eventOf(), { max: 1, timeoutMs: 600_000, signal: abort.signal });
    abort.abort();
    expect(await pulling).toEqual([]);
  },
});
