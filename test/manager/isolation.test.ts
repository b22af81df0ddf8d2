import { describe, expect, it } from '@jest/globals';
import { event, eventListener } from '../../src/index.js';
import type { Class, EventListenerOptions } from '../../src/index.js';
import { ByHand } from '../support/by-hand.js';
import { unique, World } from '../support/world.js';

/** A listener that notes its calls, each of which lasts until its gate is opened. */
function holding(options: EventListenerOptions = {}) {
  class E {
    readonly n: number = 0;
  }
  event(unique('e'))(E);
  const begun: number[] = [];
  const ends = new Map<number, () => void>();
  class L {
    async on({ n }: E): Promise<void> {
      begun.push(n);
      await new Promise<void>((resolve) => ends.set(n, resolve));
    }
  }
  const name = unique('l');
  eventListener(E, { name, concurrency: 5, ...options })(L);
  return { L: L as Class, name, begun, end: (n: number) => ends.get(n)?.() };
}

async function worldOf(...listeners: Class[]) {
  const provider = new ByHand();
  const { clock } = provider;
  const manager = new World().manager({ provider, listeners });
  await manager.start();
  // Time that stands still would not let it end.
  const end = async (): Promise<void> => {
    const stopped = manager.stop({ deadlineMs: 0 });
    await clock.advance(5_000);
    await stopped;
  };
  return { provider, clock, manager, world: { [Symbol.asyncDispose]: end } };
}

const suspect = 2;
const lastChance = 6;

describe('an event that may end its process', () => {
  it('gives its listener and its process free when it is given up at its timeout, though its run hangs', async () => {
    const poison = holding({ timeoutMs: 1_000 });
    const other = holding();
    const { provider, clock, world, manager } = await worldOf(poison.L, other.L);
    await using _ = world;
    provider.deliver(poison.name, 1, lastChance);
    await clock.advance(500);
    const held = provider.deliver(other.name, 2);
    await clock.advance(100);
    expect([poison.begun, other.begun, held]).toEqual([[1], [], []]);
    await clock.advance(1_000);
    provider.deliver(poison.name, 3);
    await clock.advance(100);
    expect([poison.begun, other.begun]).toEqual([[1, 3], [2]]);
    expect(manager.health().subscriptions.map(({ overdue }) => overdue)).toEqual([1, 0]);
  });

  it('does not keep its listener and its process waiting for more than a minute', async () => {
    const poison = holding();
    const other = holding();
    const { provider, clock, world } = await worldOf(poison.L, other.L);
    await using _ = world;
    provider.deliver(poison.name, 1, lastChance);
    await clock.advance(59_000);
    provider.deliver(poison.name, 2);
    provider.deliver(other.name, 3);
    await clock.advance(100);
    expect([poison.begun, other.begun]).toEqual([[1], []]);
    await clock.advance(2_000);
    expect([poison.begun, other.begun]).toEqual([[1, 2], [3]]);
  });

  it('does not begin in a listener that was paused while it waited to be alone', async () => {
    const poison = holding();
    const { provider, clock, world, manager } = await worldOf(poison.L);
    await using _ = world;
    provider.deliver(poison.name, 1);
    const outcomes = provider.deliver(poison.name, 2, suspect);
    await clock.advance(100);
    const control = manager.listener(poison.L);
    await control.pause();
    poison.end(1);
    await clock.advance(100);
    expect(poison.begun).toEqual([1]);
    expect(outcomes).toEqual([{ do: 'return' }]);
    control.resume();
    provider.deliver(poison.name, 3);
    await clock.advance(100);
    expect(poison.begun).toEqual([1, 3]);
  });

  it('has its last chance alone, though another suspect waited to be alone in its own listener', async () => {
    const poison = holding();
    const other = holding();
    const { provider, clock, world } = await worldOf(poison.L, other.L);
    await using _ = world;
    provider.deliver(other.name, 1);
    const outcomes = provider.deliver(other.name, 2, suspect);
    await clock.advance(100);
    provider.deliver(poison.name, 3, lastChance);
    await clock.advance(100);
    other.end(1);
    await clock.advance(100);
    expect([poison.begun, other.begun]).toEqual([[3], [1]]);
    expect(outcomes).toEqual([{ do: 'return' }]);
    poison.end(3);
    await clock.advance(100);
    provider.deliver(other.name, 2, suspect);
    await clock.advance(100);
    expect(other.begun).toEqual([1, 2]);
  });

  it('has its last chance one after the other with that of another listener', async () => {
    const listeners = [holding(), holding()] as const;
    const { provider, clock, world } = await worldOf(listeners[0].L, listeners[1].L);
    await using _ = world;
    for (const { name } of listeners) provider.deliver(name, 1, lastChance);
    await clock.advance(100);
    expect(listeners.map(({ begun }) => begun)).toEqual([[1], []]);
    listeners[0].end(1);
    await clock.advance(100);
    expect(listeners.map(({ begun }) => begun)).toEqual([[1], [1]]);
    listeners[1].end(1);
    await clock.advance(100);
    for (const { name } of listeners) provider.deliver(name, 2);
    await clock.advance(100);
    expect(listeners.map(({ begun }) => begun)).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it('does not hold up a stop while it waits, and is left for others', async () => {
    const listeners = [holding(), holding()] as const;
    const { provider, clock, world, manager } = await worldOf(listeners[0].L, listeners[1].L);
    await using _ = world;
    const outcomes = listeners.map(({ name }) => provider.deliver(name, 1, lastChance));
    await clock.advance(100);
    const stopped = manager.stop({ deadlineMs: 5_000 });
    await clock.advance(6_000);
    await stopped;
    await clock.advance(100);
    expect(outcomes).toEqual([[{ do: 'return' }], [{ do: 'return' }]]);
    expect(clock.pending).toBe(0);
  });
});

describe('a provider that fails to pause a subscription', () => {
  it('keeps nothing shut, nor an event that waited to be alone', async () => {
    const poison = holding();
    const { provider, clock, world, manager } = await worldOf(poison.L);
    await using _ = world;
    provider.pausing = () => Promise.reject(new Error('no pause today'));
    const outcomes = provider.deliver(poison.name, 1, suspect);
    await clock.advance(100);
    expect(poison.begun).toEqual([1]);
    poison.end(1);
    await clock.advance(100);
    expect(outcomes).toEqual([{ do: 'accept' }]);
    const control = manager.listener(poison.L);
    await control.pause();
    control.resume();
    provider.deliver(poison.name, 2);
    await clock.advance(100);
    expect(poison.begun).toEqual([1, 2]);
  });
});
