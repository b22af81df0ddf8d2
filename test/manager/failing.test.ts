import { describe, expect, it } from '@jest/globals';
import { event, eventListener, faultListener, MemoryBroker, MemoryProvider } from '../../src/index.js';
import type { EventContext, Fault } from '../../src/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { gate, unique, World } from '../support/world.js';

class Note {
  readonly n: number = 0;
}

describe('a listener that fails three times, then succeeds', () => {
  it('is called with attempt 1, 2, 3, 4, each not before its delay, and its sibling once; minutes pass in milliseconds', async () => {
    event(unique('e'))(Note);
    const clock = new VirtualClock();
    const broker = new MemoryBroker({ clock });
    const calls: { attempt: number; at: number }[] = [];
    let siblings = 0;
    class Failing {
      on(_note: Note, { attempt }: EventContext): void {
        calls.push({ attempt, at: clock.now() });
        if (attempt < 4) throw new Error('not yet');
      }
    }
    eventListener(Note, { name: unique('failing'), retry: { initialDelayMs: 60_000, jitter: 'none' } })(Failing);
    class Sibling {
      on(): void {
        siblings++;
      }
    }
    eventListener(Note, unique('sibling'))(Sibling);
    await using world = new World();
    const manager = await world.started({ provider: new MemoryProvider({ broker }), listeners: [Failing, Sibling] });
    await manager.sendEvent(new Note());
    // A new process in the middle goes on counting.
    await clock.advance(61_000);
    await manager.stop();
    await world.started({ provider: new MemoryProvider({ broker }), listeners: [Failing, Sibling] });
    await clock.advance(10 * 60_000);
    expect(calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    const delays = calls.slice(1).map(({ at }, index) => at - (calls[index]?.at ?? 0));
    for (const [index, delay] of delays.entries()) expect(delay).toBeGreaterThanOrEqual(60_000 * 2 ** index);
    expect(siblings).toBe(1);
  });
});

describe('a breaker', () => {
  it('lets one event through after its pause, and by default that is 30 s after 20 failures in a row', async () => {
    const { E, world, manager, clock, down, calls } = await failingWorld({});
    await using _ = world;
    for (let n = 0; n < 60; n++) await manager.sendEvent(E, { n });
    await clock.advance(5_000);
    const first = calls.length;
    expect(first).toBeGreaterThanOrEqual(20);
    expect(first).toBeLessThan(30);
    await clock.advance(24_000);
    expect(calls.length).toBe(first);
    await clock.advance(5_000);
    expect(calls.length).toBe(first + 1);
    down.until = 0;
    await clock.advance(31_000);
    await clock.advance(600_000);
    expect(new Set(calls.filter(({ ok }) => ok).map(({ n }) => n)).size).toBe(60);
    expect(manager.counters()).toMatchObject({ archived: 0, paused: 2 });
    expect(world.logger.text()).toMatch(/breaker: false/);
  });

  it('keeps a minute of outage under 50 events a second from archiving anything; all are handled afterwards', async () => {
    const { E, world, manager, clock, down, calls } = await failingWorld({});
    await using _ = world;
    down.until = clock.now() + 60_000;
    let n = 0;
    for (let second = 0; second < 60; second++) {
      for (let each = 0; each < 50; each++) await manager.sendEvent(E, { n: n++ });
      await clock.advance(1_000);
    }
    await clock.advance(600_000);
    expect(new Set(calls.filter(({ ok }) => ok).map((call) => call.n)).size).toBe(3_000);
    expect(manager.counters()).toMatchObject({ archived: 0, handled: 3_000 });
    // 20 until the pause, what ran besides, and a probe for each pause.
    expect(manager.counters().failed).toBeLessThan(40);
  });

  it('that is switched off lets every retry be used up', async () => {
    const { E, world, manager, clock } = await failingWorld({ breaker: false, retry: { maxRetries: 2 } });
    await using _ = world;
    for (let n = 0; n < 60; n++) await manager.sendEvent(E, { n });
    await clock.advance(60_000);
    expect(manager.counters()).toMatchObject({ archived: 60, failed: 180, paused: 0 });
  });

  it('leaves no timer behind when the manager stops while it pauses', async () => {
    const { E, world, manager, clock } = await failingWorld({});
    await using _ = world;
    for (let n = 0; n < 60; n++) await manager.sendEvent(E, { n });
    await clock.advance(5_000);
    expect(manager.health().subscriptions[0]).toMatchObject({ paused: true, held: 0 });
    await manager.stop();
    await clock.advance(120_000);
    expect(clock.pending).toBe(0);
  });
});

describe('a user’s pause', () => {
  it('outlasts that of the breaker, and the other way round', async () => {
    const { E, L, world, manager, clock, calls } = await failingWorld({});
    await using _ = world;
    for (let n = 0; n < 60; n++) await manager.sendEvent(E, { n });
    await clock.advance(5_000);
    const control = manager.listener(L);
    await control.pause();
    const before = calls.length;
    await clock.advance(60_000);
    expect(calls.length).toBe(before);
    control.resume();
    await clock.advance(5_000);
    expect(calls.length).toBe(before + 1);
    control.resume();
    expect(control.paused).toBe(true);
  });
});

describe('the access to listeners and archives', () => {
  it('says what is wrong with what it was given', async () => {
    event(unique('e'))(Note);
    class Other {
      readonly o = 1;
    }
    event(unique('o'))(Other);
    class Two {
      on(): void {
        // never called
      }
    }
    eventListener(Note, unique('a'))(Two);
    eventListener(Other, unique('b'))(Two);
    class Undecorated {}
    await using world = new World();
    const manager = world.manager({ listeners: [Two] });
    expect(() => manager.archive(Undecorated)).toThrow(/is no listener/);
    expect(() => manager.listener(Two)).toThrow(/say which one is meant/);
    expect(() => manager.listener(Two, Undecorated)).toThrow(/does not listen to Undecorated/);
    await expect(manager.archive(Two, Note).count()).rejects.toMatchObject({ code: 'not-running' });
    await manager.start();
    expect(await manager.archive(Two, Note).count()).toBe(0);
    expect(() => {
      manager.listener(Two, Other).setConcurrency(0);
    }).toThrow(/1 or more/);
  });
});

describe('an archive', () => {
  it('that is nearly full is told in health and log, without making the manager unready, until it has room again', async () => {
    const { E, L, world, manager, clock } = await failingWorld({ onError: 'archive', breaker: false }, { archive: { maxCount: 10 } });
    await using _ = world;
    for (let n = 0; n < 7; n++) await manager.sendEvent(E, { n });
    await clock.advance(61_000);
    expect(manager.health().degraded).toEqual([]);
    for (let n = 0; n < 20; n++) await manager.sendEvent(E, { n });
    await clock.advance(61_000);
    expect(manager.health()).toMatchObject({ ready: true, degraded: [expect.stringContaining('10 events of at most 10')] });
    expect(world.logger.text()).toContain('an archive is nearly full');
    await manager.archive(L).remove({ limit: 5 });
    await clock.advance(61_000);
    expect(manager.health().degraded).toEqual([]);
  });
});

describe('a fault listener', () => {
  it('is told of an event that could not be read, without one', async () => {
    event(unique('e'))(Note);
    const told: { note: Note | undefined; fault: Fault }[] = [];
    class Watcher {
      on(note: Note | undefined, fault: Fault): void {
        told.push({ note, fault });
      }
    }
    faultListener(Note, unique('watcher'))(Watcher);
    class L {
      on(): void {
        // never called
      }
    }
    eventListener(Note, unique('l'))(L);
    await using world = new World();
    const manager = await world.started({ listeners: [L, Watcher] });
    const queue = manager.health().subscriptions[0]?.queue ?? '';
    const address = queue.slice(0, queue.indexOf('::'));
    const body = '{ this is no JSON';
    await (
      await world.provider()
    ).send({ body, headers: new Map(), durable: true }, { address, routing: 'multicast', deadlineAt: Date.now() + 5_000 });
    await waitUntil(() => told.length === 1);
    expect(told[0]?.note).toBeUndefined();
    expect(told[0]?.fault).toMatchObject({ reason: 'undecodable', attempts: 1 });
    expect(new TextDecoder().decode(told[0]?.fault.envelope.body)).toBe(body);
    expect(manager.counters()).toMatchObject({ handled: 1, archived: 1, failed: 1 });
  });
});

describe('a run that is given up at its timeout', () => {
  it('leaves its place at once, is not waited for by stop(), and its later failure is no failure', async () => {
    event(unique('e'))(Note);
    const hold = gate();
    let calls = 0;
    class Slow {
      async on(): Promise<void> {
        calls++;
        await hold.promise;
        throw new Error('late');
      }
    }
    eventListener(Note, { name: unique('slow'), timeoutMs: 50, concurrency: 1, retry: { maxRetries: 1, initialDelayMs: 1 } })(Slow);
    await using world = new World();
    const manager = await world.started({ listeners: [Slow] });
    await manager.sendEvent(new Note());
    await waitUntil(() => manager.counters().archived === 1);
    expect(calls).toBe(2);
    expect(manager.health().subscriptions[0]).toMatchObject({ running: 0, overdue: 2 });
    const began = Date.now();
    await manager.stop({ deadlineMs: 10_000 });
    expect(Date.now() - began).toBeLessThan(5_000);
    hold.open();
    await waitUntil(() => manager.counters().late === 2);
    expect(manager.counters()).toMatchObject({ failed: 2, archived: 1 });
  });
});

/** A listener that fails while it is down, over virtual time. */
async function failingWorld(
  listener: Parameters<typeof eventListener>[1] & object,
  options: Parameters<World['manager']>[0] = {},
): Promise<{
  E: new () => { n: number };
  L: new () => object;
  world: World;
  manager: Awaited<ReturnType<World['started']>>;
  clock: VirtualClock;
  down: { until: number };
  calls: { n: number; ok: boolean }[];
}> {
  class E {
    n = 0;
  }
  event(unique('e'))(E);
  const clock = new VirtualClock();
  const down = { until: Infinity };
  const calls: { n: number; ok: boolean }[] = [];
  class L {
    on({ n }: E): void {
      const ok = clock.now() >= down.until;
      calls.push({ n, ok });
      if (!ok) throw new Error('the database is down');
    }
  }
  eventListener(E, { name: unique('l'), ...listener })(L);
  const world = new World();
  const manager = await world.started({
    provider: new MemoryProvider({ broker: new MemoryBroker({ clock }) }),
    listeners: [L],
    ...options,
  });
  return { E, L, world, manager, clock, down, calls };
}
