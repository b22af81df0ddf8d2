import 'reflect-metadata';
import { expect } from '@jest/globals';
import { MemoryProvider } from '../../src/index.js';
import type { ArchiveBounds, Class, RetryOptions } from '../../src/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { World } from '../support/world.js';
import { eventOf, failing, listenerOf, note, optionEffects, pausedAfter } from './option-effects.js';
import { notes } from './scenario.js';

/** When the attempts of an event that always fails are begun, in milliseconds after the first, by a clock that is moved. */
async function attemptsAt(retry: Partial<RetryOptions>): Promise<number[]> {
  await using world = new World();
  const clock = new VirtualClock();
  const made = eventOf();
  const at: number[] = [];
  const listener = listenerOf(made, () => {
    at.push(clock.now());
    throw new Error('always');
  });
  const provider = new MemoryProvider({ clock });
  const manager = await world.started({ provider, listeners: [listener.target], retry });
  await manager.sendEvent(made, note);
  for (let step = 0; step < 200 && manager.counters().archived === 0; step++) await clock.advance(100);
  return at.map((time) => time - (at[0] ?? 0));
}

const plain = { maxRetries: 3, initialDelayMs: 1_000, factor: 2, jitter: 'none' } as const;

optionEffects('RetryOptions', {
  maxRetries: async () => {
    expect(await attemptsAt(plain)).toEqual([0, 1_000, 3_000, 7_000]);
    expect(await attemptsAt({ ...plain, maxRetries: 1 })).toEqual([0, 1_000]);
  },
  initialDelayMs: async () => {
    expect(await attemptsAt({ ...plain, initialDelayMs: 500 })).toEqual([0, 500, 1_500, 3_500]);
  },
  factor: async () => {
    expect(await attemptsAt({ ...plain, factor: 1 })).toEqual([0, 1_000, 2_000, 3_000]);
  },
  maxDelayMs: async () => {
    expect(await attemptsAt({ ...plain, maxDelayMs: 1_500 })).toEqual([0, 1_000, 2_500, 4_000]);
  },
  jitter: async () => {
    expect(await attemptsAt(plain)).toEqual([0, 1_000, 3_000, 7_000]);
    const jittered = await attemptsAt({ ...plain, maxRetries: 10, factor: 1, jitter: 'full' });
    const gaps = jittered.slice(1).map((time, index) => time - (jittered[index] ?? 0));
    expect(gaps).toHaveLength(10);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_000);
    expect(new Set(gaps).size).toBeGreaterThan(5);
  },
});

/** Which of five events are in the archive, so many milliseconds after they came there. */
async function archivedOf(archive: Partial<ArchiveBounds>, laterMs = 0): Promise<number[]> {
  await using world = new World();
  const clock = new VirtualClock();
  const made = eventOf();
  const listener = failing(made, { retry: false, concurrency: 1 });
  const manager = await world.started({ provider: new MemoryProvider({ clock }), listeners: [listener.target], archive });
  await manager.sendEvents(notes(made, 5));
  await waitUntil(() => manager.counters().archived === 5);
  await clock.advance(laterMs);
  const found: number[] = [];
  for await (const { body } of manager.archive(listener.target).browse()) found.push((JSON.parse(String(body)) as { n: number }).n);
  return found;
}

optionEffects('BreakerOptions', {
  failures: async () => {
    expect(await pausedAfter({ breaker: { failures: 5 } })).toBe(5);
    expect(await pausedAfter({ breaker: { failures: 7 } })).toBe(7);
  },
  pauseMs: async () => {
    await using world = new World();
    const made = eventOf();
    const [short, long] = [200, 60_000].map((pauseMs) =>
      failing(made, { retry: false, concurrency: 1, breaker: { failures: 1, pauseMs } }),
    );
    const manager = await world.started({ listeners: [short, long].map((listener) => listener?.target as Class) });
    const since = Date.now();
    await manager.sendEvents(notes(made, 3));
    await waitUntil(() => short?.calls.length === 3);
    expect(Date.now() - since).toBeGreaterThanOrEqual(400);
    expect(long?.calls).toHaveLength(1);
  },
});

optionEffects('ArchiveBounds', {
  maxCount: async () => {
    expect(await archivedOf({ maxCount: 2 })).toEqual([3, 4]);
    expect(await archivedOf({ maxCount: 3 })).toEqual([2, 3, 4]);
  },
  maxAgeMs: async () => {
    expect(await archivedOf({ maxAgeMs: 60_000 }, 100_000)).toEqual([]);
    expect(await archivedOf({ maxAgeMs: 200_000 }, 100_000)).toEqual([0, 1, 2, 3, 4]);
  },
});
