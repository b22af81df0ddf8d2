import { describe, expect, it } from '@jest/globals';
import { event, eventListener, MemoryBroker, MemoryProvider, RetryLater, Unrecoverable } from '../../src/index.js';
import type { ArchivedEvent, Class, EventContext, EventListenerOptions, EventManager } from '../../src/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { ByHand } from '../support/by-hand.js';
import { randomFrom, seedOfTests } from '../support/random.js';
import { gate, unique, World } from '../support/world.js';

/** One call of the listener, as a text: `a1` is the first event of key a. */
interface Call {
  readonly what: string;
  readonly attempt: number;
  readonly at: number;
  readonly firstFailureAt: Date | undefined;
}

type Handle = (what: string, context: EventContext) => unknown;

/** A listener of events with keys, on a broker whose time is the test's. */
class Keyed implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly broker = new MemoryBroker({ clock: this.clock });
  readonly world = new World();
  readonly calls: Call[] = [];
  readonly handled: string[] = [];
  readonly event: Class;
  readonly listener: Class;

  constructor(handle: Handle, options: EventListenerOptions = {}) {
    class E {
      readonly key: string = '';
      readonly n: number = 0;
    }
    event<E>({ name: unique('keyed'), key: ({ key }) => key })(E);
    const call = async (what: string, context: EventContext): Promise<void> => {
      const { attempt, firstFailureAt } = context;
      this.calls.push({ what, attempt, at: this.clock.now(), firstFailureAt });
      await handle(what, context);
      this.handled.push(what);
    };
    class L {
      on({ key, n }: E, context: EventContext): Promise<void> {
        return call(`${key}${String(n)}`, context);
      }
    }
    eventListener(E, { name: unique('l'), retry: { jitter: 'none', initialDelayMs: 1_000 }, ...options })(L);
    this.event = E;
    this.listener = L;
  }

  get begun(): string[] {
    return this.calls.map(({ what }) => what);
  }

  started(): Promise<EventManager> {
    return this.world.started({ provider: new MemoryProvider({ broker: this.broker }), listeners: [this.listener] });
  }

  /** `a1 a2 b1` */
  async send(manager: EventManager, events: string): Promise<void> {
    for (const what of events.split(' ')) await manager.sendEvent(this.event, { key: what.slice(0, 1), n: Number(what.slice(1)) });
  }

  async archived(manager: EventManager): Promise<ArchivedEvent[]> {
    const found: ArchivedEvent[] = [];
    for await (const each of manager.archive(this.listener).browse()) found.push(each);
    return found;
  }

  async left(manager: EventManager): Promise<number> {
    return manager.listener(this.listener).lag();
  }

  // Time that stands still would not let it end.
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.world[Symbol.asyncDispose]();
    await this.clock.advance(5_000);
    await ended;
  }
}

/** Fails the first so many attempts at these. */
function failing(times: Readonly<Record<string, number>>, error: () => Error = () => new Error('not yet')): Handle {
  const left = new Map(Object.entries(times));
  return (what) => {
    const more = left.get(what) ?? 0;
    if (more === 0) return;
    left.set(what, more - 1);
    throw error();
  };
}

describe('events of one key', () => {
  it('are handled one at a time and in order, and those that wait take no place from other keys', async () => {
    const gates = new Map(['a1', 'a2', 'b1'].map((what) => [what, gate()]));
    await using keyed = new Keyed((what) => gates.get(what)?.promise, { concurrency: 2, prefetch: 20 });
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2 a3 a4 b1 c1 c2');
    await keyed.clock.advance(100);
    expect(keyed.begun).toEqual(['a1', 'b1']);
    expect(manager.health().subscriptions[0]).toMatchObject({ running: 2, held: 5 });
    gates.get('b1')?.open();
    await keyed.clock.advance(100);
    expect(keyed.begun).toEqual(['a1', 'b1', 'c1', 'c2']);
    gates.get('a1')?.open();
    await keyed.clock.advance(100);
    gates.get('a2')?.open();
    await keyed.clock.advance(100);
    expect(keyed.handled).toEqual(['b1', 'c1', 'c2', 'a1', 'a2', 'a3', 'a4']);
  });

  it('leave their places in turn: a key with many does not keep others waiting', async () => {
    await using keyed = new Keyed(() => undefined, { concurrency: 1, prefetch: 50 });
    const manager = await keyed.started();
    await manager.listener(keyed.listener).pause();
    await keyed.send(manager, 'a1 a2 a3 a4 a5 b1 b2 c1');
    manager.listener(keyed.listener).resume();
    await keyed.clock.advance(100);
    expect(keyed.handled.slice(0, 3)).toEqual(['a1', 'b1', 'c1']);
    expect(keyed.handled).toHaveLength(8);
  });

  it('wait while a failed one is tried again here, which counts and tells its attempts as a copy would', async () => {
    await using keyed = new Keyed(failing({ a1: 3 }), { retry: { jitter: 'none', initialDelayMs: 4_000 } });
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2 b1');
    await keyed.clock.advance(60_000);
    expect(keyed.handled).toEqual(['b1', 'a1', 'a2']);
    const tries = keyed.calls.filter(({ what }) => what === 'a1');
    expect(tries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    const delays = tries.slice(1).map(({ at }, index) => at - (tries[index]?.at ?? 0));
    // 4 s, 8 s, and not 16 s but the most that an event is held for.
    for (const [index, least] of [4_000, 8_000, 10_000].entries()) {
      expect(delays[index]).toBeGreaterThanOrEqual(least);
      expect(delays[index]).toBeLessThan(least + 100);
    }
    expect(new Set(tries.slice(1).map(({ firstFailureAt }) => firstFailureAt?.getTime()))).toEqual(new Set([tries[0]?.at]));
    expect(manager.counters()).toMatchObject({ failed: 3, retried: 3, handled: 3, archived: 0, stale: 0 });
    expect(await keyed.left(manager)).toBe(0);
  });

  it('go on when the one before them is archived, with its whole history, after the last retry', async () => {
    await using keyed = new Keyed(failing({ a1: 99 }), { retry: { jitter: 'none', initialDelayMs: 1_000, maxRetries: 2 } });
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2');
    await keyed.clock.advance(60_000);
    expect(keyed.begun).toEqual(['a1', 'a1', 'a1', 'a2']);
    const [item, ...others] = await keyed.archived(manager);
    expect(others).toEqual([]);
    expect(item).toMatchObject({ reason: 'failed', attempts: 3, firstFailureAt: new Date(keyed.calls[0]?.at ?? 0) });
    expect(item?.history.map(({ attempt, error }) => [attempt, error])).toEqual([1, 2, 3].map((n) => [n, 'Error: not yet']));
    expect(await manager.archive(keyed.listener).replay()).toBe(1);
    await keyed.clock.advance(60_000);
    const [again] = await keyed.archived(manager);
    expect(again?.history.map(({ round, attempt }) => [round, attempt])).toEqual(
      [0, 1].flatMap((round) => [1, 2, 3].map((n) => [round, n])),
    );
  });

  it('wait for RetryLater too, at most 10 s, and for nothing that cannot be mended', async () => {
    await using keyed = new Keyed((what, { attempt }) => {
      if (what === 'a1' && attempt === 1) throw new RetryLater(3_600_000);
      if (what === 'b1') throw new Unrecoverable('never');
    });
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2 b1 b2');
    await keyed.clock.advance(9_000);
    expect(keyed.begun).toEqual(['a1', 'b1', 'b2']);
    await keyed.clock.advance(2_000);
    expect(keyed.handled).toEqual(['b2', 'a1', 'a2']);
    expect(await keyed.archived(manager)).toHaveLength(1);
  });

  it('are discarded by onError as any others', async () => {
    await using keyed = new Keyed(failing({ a1: 99 }), { onError: 'discard' });
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2');
    await keyed.clock.advance(100);
    expect(keyed.begun).toEqual(['a1', 'a2']);
    expect(manager.counters().discarded).toBe(1);
  });

  it("overtake one that failed, with order: 'loose', and still never run beside each other", async () => {
    const first = gate();
    await using keyed = new Keyed(
      async (what, { attempt }) => {
        if (what === 'a1' && attempt === 1) {
          await first.promise;
          throw new Error('not yet');
        }
      },
      { order: 'loose' },
    );
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2');
    await keyed.clock.advance(100);
    expect(keyed.begun).toEqual(['a1']);
    first.open();
    await keyed.clock.advance(5_000);
    expect(keyed.handled).toEqual(['a2', 'a1']);
  });

  it('are not held up by what has no key, nor the other way round', async () => {
    const held = gate();
    await using keyed = new Keyed(() => held.promise, { concurrency: 3 });
    const manager = await keyed.started();
    class Plain {
      readonly n: number = 0;
    }
    event(unique('plain'))(Plain);
    await keyed.send(manager, 'a1 a2');
    await manager.sendEvent(keyed.event, { key: undefined, n: 7 });
    await manager.sendEvent(keyed.event, { key: undefined, n: 8 });
    await keyed.clock.advance(100);
    expect(manager.health().subscriptions[0]).toMatchObject({ running: 3, held: 1 });
    held.open();
    await keyed.clock.advance(100);
    expect(keyed.handled).toHaveLength(4);
  });

  it('that wait are given back by a pause, and come again in order, none settled twice', async () => {
    await using keyed = new Keyed(failing({ a1: 2 }));
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2 a3');
    await keyed.clock.advance(100);
    expect(manager.health().subscriptions[0]).toMatchObject({ running: 0, held: 3 });
    const control = manager.listener(keyed.listener);
    await control.pause();
    expect(manager.health().subscriptions[0]?.held).toBe(0);
    expect(manager.counters().returned).toBe(3);
    await keyed.clock.advance(30_000);
    expect(keyed.begun).toEqual(['a1']);
    control.resume();
    await keyed.clock.advance(30_000);
    expect(keyed.handled).toEqual(['a1', 'a2', 'a3']);
    expect(keyed.calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 1, 1]);
    expect(manager.counters()).toMatchObject({ handled: 3, retried: 2, stale: 0 });
    expect(await keyed.left(manager)).toBe(0);
  });

  it('are not held by a listener that was paused while one of them failed', async () => {
    const held = gate();
    await using keyed = new Keyed(async (what, { attempt }) => {
      if (what !== 'a1' || attempt > 1) return;
      await held.promise;
      throw new Error('not yet');
    });
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2');
    await keyed.clock.advance(100);
    await manager.listener(keyed.listener).pause();
    held.open();
    await keyed.clock.advance(60_000);
    expect(keyed.begun).toEqual(['a1']);
    expect(manager.counters()).toMatchObject({ failed: 1, returned: 2 });
    manager.listener(keyed.listener).resume();
    await keyed.clock.advance(100);
    expect(keyed.handled).toEqual(['a1', 'a2']);
    expect(keyed.calls[1]).toMatchObject({ what: 'a1', attempt: 2 });
  });

  it('that wait are given back by a stop, which does not wait for them, and are handled in order elsewhere', async () => {
    await using keyed = new Keyed(failing({ a1: 1 }), { retry: { jitter: 'none', initialDelayMs: 9_000 } });
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2 a3');
    await keyed.clock.advance(100);
    const stopped = manager.stop({ deadlineMs: 5_000 });
    await keyed.clock.advance(1_000);
    await stopped;
    expect(manager.counters().returned).toBe(3);
    const other = await keyed.started();
    await keyed.clock.advance(1_000);
    expect(keyed.handled).toEqual(['a1', 'a2', 'a3']);
    expect(await keyed.left(other)).toBe(0);
  });

  it('keep their order over a connection that goes while one waits for its next attempt', async () => {
    await using keyed = new Keyed(failing({ a1: 2 }), { retry: { jitter: 'none', initialDelayMs: 5_000 } });
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2 a3');
    await keyed.clock.advance(1_000);
    keyed.broker.cut();
    await keyed.clock.advance(60_000);
    expect(keyed.handled).toEqual(['a1', 'a2', 'a3']);
    // Those that waited were dropped: the broker has delivered them again, at once.
    expect((keyed.calls[1]?.at ?? 0) - (keyed.calls[0]?.at ?? 0)).toBeLessThan(3_000);
    expect(manager.counters().stale).toBe(3);
    expect(await keyed.left(manager)).toBe(0);
  });

  it('do not overtake one that outlives its connection', async () => {
    const held = gate();
    await using keyed = new Keyed((what) => (what === 'a1' ? held.promise : undefined));
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2 a3');
    await keyed.clock.advance(100);
    keyed.broker.cut();
    await keyed.clock.advance(10_000);
    expect(keyed.begun).toEqual(['a1']);
    held.open();
    await keyed.clock.advance(1_000);
    expect(keyed.begun).toEqual(['a1', 'a2', 'a3']);
    expect(manager.counters()).toMatchObject({ adopted: 1, handled: 3 });
    expect(await keyed.left(manager)).toBe(0);
  });

  it('that waited for a connection which is gone make room for those of the next', async () => {
    const held = gate();
    await using keyed = new Keyed((what) => (what === 'a1' ? held.promise : undefined), { concurrency: 2, prefetch: 2 });
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2 a3 a4');
    await keyed.clock.advance(100);
    expect(manager.health().subscriptions[0]).toMatchObject({ running: 1, held: 3 });
    const handledAlready = [...keyed.handled];
    expect(handledAlready).toEqual([]);
    keyed.broker.cut();
    await keyed.clock.advance(10_000);
    expect(manager.health().subscriptions[0]).toMatchObject({ running: 1, held: 3 });
    expect(manager.counters().stale).toBeGreaterThanOrEqual(4);
    held.open();
    await keyed.clock.advance(1_000);
    expect(keyed.handled).toEqual(['a1', 'a2', 'a3', 'a4']);
  });

  it('reach the archive though a breaker pauses the listener again and again', async () => {
    const handle = failing({ a1: 99 });
    await using keyed = new Keyed(handle, {
      retry: { jitter: 'none', initialDelayMs: 100, maxRetries: 6 },
      breaker: { failures: 2, pauseMs: 1_000 },
    });
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2');
    await keyed.clock.advance(60_000);
    expect(keyed.calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 1]);
    expect(keyed.handled).toEqual(['a2']);
    expect(manager.counters().paused).toBeGreaterThan(1);
    const [item] = await keyed.archived(manager);
    expect(item?.history).toHaveLength(7);
  });

  it('wait for one that was given up at its timeout and is tried again', async () => {
    const held = gate();
    await using keyed = new Keyed((what, { attempt }) => (what === 'a1' && attempt === 1 ? held.promise : undefined), { timeoutMs: 2_000 });
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2');
    await keyed.clock.advance(10_000);
    expect(keyed.handled).toEqual(['a1', 'a2']);
    expect(manager.counters()).toMatchObject({ failed: 1, retried: 1, handled: 2 });
    held.open();
    await keyed.clock.advance(100);
    expect(manager.counters()).toMatchObject({ late: 1, handled: 2 });
  });

  it('of which one may end its process wait until that was tried alone, as often as its retries say', async () => {
    class E {
      readonly n: number = 0;
    }
    event(unique('e'))(E);
    const begun: string[] = [];
    let running = 0;
    class L {
      async on({ n }: E, { attempt }: EventContext): Promise<void> {
        begun.push(`${String(n)}.${String(attempt)} beside ${String(running++)}`);
        await Promise.resolve();
        running--;
        if (n === 1) throw new Error('not yet');
      }
    }
    const name = unique('l');
    eventListener(E, { name, retry: { jitter: 'none', initialDelayMs: 1_000, maxRetries: 2 } })(L);
    const provider = new ByHand();
    const { clock } = provider;
    const manager = await new World().started({ provider, listeners: [L] });
    const suspect = provider.deliver(name, 1, 2, 'a');
    await clock.advance(100);
    const later = provider.deliver(name, 2, 0, 'a');
    const other = provider.deliver(name, 3, 0, 'b');
    await clock.advance(500);
    expect([begun, other, later]).toEqual([['1.1 beside 0', '3.1 beside 0'], [{ do: 'accept' }], []]);
    await clock.advance(60_000);
    expect(begun).toEqual(['1.1 beside 0', '3.1 beside 0', '1.2 beside 0', '1.3 beside 0']);
    // Nothing is held beside it, so the later one was given back.
    expect(later).toEqual([{ do: 'return' }]);
    expect(suspect).toMatchObject([{ do: 'copy', to: 'archive', headers: { tidings_attempt: '3', tidings_error_attempts: '3' } }]);
    const stopped = manager.stop({ deadlineMs: 0 });
    await clock.advance(5_000);
    await stopped;
  });
});

describe('a key whose event outlives its listener', () => {
  it('is free again when that is stopped at its deadline and started', async () => {
    const held = gate();
    let calls = 0;
    await using keyed = new Keyed((what) => (what === 'a1' && ++calls === 1 ? held.promise : undefined));
    const manager = await keyed.started();
    await keyed.send(manager, 'a1 a2');
    await keyed.clock.advance(100);
    const control = manager.listener(keyed.listener);
    const stopped = control.stop({ deadlineMs: 1_000 });
    await keyed.clock.advance(3_000);
    await stopped;
    const started = control.start();
    await keyed.clock.advance(1_000);
    await started;
    expect(keyed.handled).toEqual(['a1', 'a2']);
    // What was left to others moves nothing in the order of those who have it now.
    held.open();
    await keyed.clock.advance(1_000);
    await keyed.send(manager, 'a3');
    await keyed.clock.advance(1_000);
    expect(keyed.handled).toEqual(['a1', 'a2', 'a1', 'a3']);
    expect(manager.counters()).toMatchObject({ handled: 3, late: 1 });
    expect(await keyed.left(manager)).toBe(0);
  });

  it('moves nothing in the order of those who have the key now when its settlement comes late', async () => {
    class E {
      readonly n: number = 0;
    }
    event(unique('e'))(E);
    const begun: number[] = [];
    const held = gate();
    class L {
      async on({ n }: E): Promise<void> {
        begun.push(n);
        if (n === 1) throw new Error('never');
        if (n === 2) await held.promise;
      }
    }
    const name = unique('l');
    eventListener(E, { name, concurrency: 5, retry: false })(L);
    const provider = new ByHand();
    const { clock } = provider;
    const manager = await new World().started({ provider, listeners: [L] });
    const late = gate();
    provider.settling = () => late.promise;
    expect(provider.deliver(name, 1, 0, 'a')).toEqual([]);
    await clock.advance(100);
    const control = manager.listener(L);
    const off = control.stop({ deadlineMs: 1_000 });
    await clock.advance(3_000);
    await off;
    await control.start();
    provider.deliver(name, 2, 0, 'a');
    provider.deliver(name, 3, 0, 'a');
    await clock.advance(100);
    expect(begun).toEqual([1, 2]);
    late.open();
    await clock.advance(100);
    expect(begun).toEqual([1, 2]);
    held.open();
    await clock.advance(100);
    expect(begun).toEqual([1, 2, 3]);
    const stopped = manager.stop({ deadlineMs: 0 });
    await clock.advance(5_000);
    await stopped;
  });
});

describe('a key whose event fails while a pause is taken back', () => {
  it('keeps its order: what follows the failed event goes back with it', async () => {
    class E {
      readonly n: number = 0;
    }
    event(unique('e'))(E);
    const begun: number[] = [];
    const fails = gate();
    const other = gate();
    class L {
      async on({ n }: E): Promise<void> {
        begun.push(n);
        if (n === 3) await other.promise;
        if (n !== 1) return;
        await fails.promise;
        throw new Error('not yet');
      }
    }
    const name = unique('l');
    eventListener(E, { name, concurrency: 2, prefetch: 10, retry: { jitter: 'none', initialDelayMs: 1_000 } })(L);
    const provider = new ByHand();
    const { clock } = provider;
    const manager = await new World().started({ provider, listeners: [L] });
    const first = provider.deliver(name, 1, 0, 'a');
    const second = provider.deliver(name, 2, 0, 'a');
    provider.deliver(name, 3, 0, 'b');
    await clock.advance(100);
    const paused = gate();
    provider.pausing = () => paused.promise;
    const control = manager.listener(L);
    void control.pause();
    fails.open();
    await clock.advance(100);
    expect(first).toEqual([{ do: 'return' }]);
    control.resume();
    // A place is free, and the broker has not stopped yet.
    other.open();
    await clock.advance(100);
    const third = provider.deliver(name, 4, 0, 'a');
    await clock.advance(100);
    paused.open();
    await clock.advance(5_000);
    expect(begun).toEqual([1, 3]);
    expect([second, third]).toEqual([[{ do: 'return' }], [{ do: 'return' }]]);
    const stopped = manager.stop({ deadlineMs: 0 });
    await clock.advance(5_000);
    await stopped;
  });
});

describe('the order of each key', () => {
  it('holds over 3 processes, random failures, cuts, and one that goes without a word', async () => {
    const seed = seedOfTests();
    const random = randomFrom(seed);
    await using world = new World();
    class E {
      readonly key: string = '';
      readonly n: number = 0;
    }
    event<E>({ name: unique('keyed'), key: ({ key }) => key })(E);
    const handled = new Map<string, number[]>();
    const running = new Set<string>();
    const gone = new Set<EventManager>();
    let beside = 0;
    class L {
      async on({ key, n }: E, { signal, attempt }: EventContext): Promise<void> {
        if (running.has(key)) beside++;
        running.add(key);
        await new Promise((resolve) => setTimeout(resolve, random() * 4));
        running.delete(key);
        // What is left to others counts for nothing.
        if (signal.aborted) return;
        if (attempt < 4 && random() < 0.1) throw new Error('at random');
        handled.set(key, [...(handled.get(key) ?? []), n]);
      }
    }
    eventListener(E, { name: unique('l'), concurrency: 8, retry: { initialDelayMs: 20 }, breaker: false })(L);
    const managers = [1, 2, 3].map(() => world.manager({ listeners: [L] }));
    for (const manager of managers) await manager.start();
    const keys = 20;
    const each = 50;
    const sender = await world.started();
    const sending = (async () => {
      for (let n = 0; n < each; n++)
        await sender.sendEvents(Array.from({ length: keys }, (_, key) => Object.assign(new E(), { key: `k${String(key)}`, n })));
    })();
    const count = (): number => new Set([...handled].flatMap(([key, list]) => list.map((n) => `${key}.${String(n)}`))).size;
    const [victim] = managers;
    await waitUntil(() => count() > 200);
    if (victim !== undefined) {
      gone.add(victim);
      await victim.stop({ deadlineMs: 0 });
    }
    await waitUntil(() => count() > 400);
    world.broker.cut();
    await waitUntil(() => count() > 600);
    await world.started({ listeners: [L] });
    await sending;
    await waitUntil(() => count() === keys * each, { what: () => `all: ${String(count())}, seed ${String(seed)}`, timeoutMs: 15_000 });
    for (const [key, list] of handled)
      expect({ seed, key, order: [...new Set(list)] }).toEqual({ seed, key, order: Array.from({ length: each }, (_, n) => n) });
    await stays(() => count() === keys * each, { windowMs: 50 });
    process.stdout.write(`order by key: seed ${String(seed)}, ${String(beside)} runs of one key beside each other around the faults\n`);
  }, 40_000);
});
