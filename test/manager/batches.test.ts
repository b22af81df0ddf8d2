import { describe, expect, it } from '@jest/globals';
import { BatchError, event, eventListener, MemoryBroker, MemoryProvider, RetryLater, Unrecoverable } from '../../src/index.js';
import type { Class, EventContext, EventListenerOptions, EventManager, EventOptions } from '../../src/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { gate, unique, World } from '../support/world.js';

type Handle = (numbers: number[], contexts: EventContext[]) => unknown;

/** A batch listener, on a broker whose time is the test's. */
class Batched implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly broker = new MemoryBroker({ clock: this.clock });
  readonly world = new World();
  /** As they were handed over, each with when. */
  readonly batches: { readonly numbers: number[]; readonly at: number }[] = [];
  running = 0;
  mostRunning = 0;
  readonly event: Class;
  readonly listener: Class;

  constructor(
    handle: Handle,
    batch: { size: number; maxAgeMs: number },
    options: EventListenerOptions & { key?: EventOptions['key'] } = {},
  ) {
    class E {
      readonly n: number = 0;
    }
    const { key, ...more } = options;
    event({ name: unique('batched'), key })(E);
    const call = async (numbers: number[], contexts: EventContext[]): Promise<void> => {
      this.batches.push({ numbers, at: this.clock.now() });
      this.mostRunning = Math.max(this.mostRunning, ++this.running);
      try {
        await handle(numbers, contexts);
      } finally {
        this.running--;
      }
    };
    class L {
      on(events: E[], contexts: EventContext[]): Promise<void> {
        return call(
          events.map(({ n }) => n),
          contexts,
        );
      }
    }
    eventListener(E, { name: unique('l'), retry: { jitter: 'none', initialDelayMs: 1_000 }, ...more, batch })(L);
    this.event = E;
    this.listener = L;
  }

  get numbers(): number[][] {
    return this.batches.map(({ numbers }) => numbers);
  }

  started(): Promise<EventManager> {
    return this.world.started({ provider: new MemoryProvider({ broker: this.broker }), listeners: [this.listener] });
  }

  async send(manager: EventManager, ...numbers: number[]): Promise<void> {
    for (const n of numbers) await manager.sendEvent(this.event, { n });
  }

  // Time that stands still would not let it end.
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.world[Symbol.asyncDispose]();
    await this.clock.advance(5_000);
    await ended;
  }
}

describe('a batch', () => {
  it('is handed over when it is full, and each of its events is settled by itself', async () => {
    await using batched = new Batched(() => undefined, { size: 3, maxAgeMs: 60_000 });
    const manager = await batched.started();
    await batched.send(manager, 1, 2, 3, 4, 5);
    await batched.clock.advance(100);
    expect(batched.numbers).toEqual([[1, 2, 3]]);
    await batched.send(manager, 6);
    await batched.clock.advance(100);
    expect(batched.numbers).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(manager.counters()).toMatchObject({ handled: 6, failed: 0 });
    expect(await manager.listener(batched.listener).lag()).toBe(0);
  });

  it('REG-48: is handed over when its first event is old enough, however many come meanwhile', async () => {
    await using batched = new Batched(() => undefined, { size: 10, maxAgeMs: 1_000 });
    const manager = await batched.started();
    const begun = batched.clock.now();
    for (let n = 0; n < 5; n++) {
      await batched.send(manager, n);
      await batched.clock.advance(500);
    }
    await batched.clock.advance(1_000);
    expect(batched.numbers[0]).toEqual([0, 1]);
    const [first, second] = batched.batches;
    expect((first?.at ?? 0) - begun).toBeGreaterThanOrEqual(1_000);
    expect((first?.at ?? 0) - begun).toBeLessThan(1_100);
    expect(second?.numbers).toEqual([2, 3]);
  });

  it('fails for those events only that a BatchError names, each as its error says', async () => {
    await using batched = new Batched(
      (numbers, contexts) => {
        const errors = [
          [2, new Error('not yet')],
          [3, new Unrecoverable('never')],
          [4, new RetryLater(5_000)],
        ] as const;
        const failures = errors.flatMap(([n, error]) => {
          const index = numbers.indexOf(n);
          return index < 0 || contexts[index]?.attempt !== 1 ? [] : [{ index, error }];
        });
        if (failures.length > 0) throw new BatchError(failures);
      },
      { size: 5, maxAgeMs: 100 },
    );
    const manager = await batched.started();
    await batched.send(manager, 1, 2, 3, 4, 5);
    await batched.clock.advance(500);
    expect(manager.counters()).toMatchObject({ handled: 2, failed: 3, retried: 2, archived: 1 });
    await batched.clock.advance(2_000);
    await batched.clock.advance(5_000);
    expect(batched.numbers).toEqual([[1, 2, 3, 4, 5], [2], [4]]);
    expect(manager.counters()).toMatchObject({ handled: 4 });
    expect(await manager.archive(batched.listener).count()).toBe(1);
  });

  it.each([
    ['another error', new Error('all of it')],
    ['an index that is none of its', new BatchError([{ index: 7, error: new Error('whose?') }])],
  ])('fails for all of them with %s', async (_, error) => {
    await using batched = new Batched(
      () => {
        throw error;
      },
      { size: 2, maxAgeMs: 100 },
      { retry: false },
    );
    const manager = await batched.started();
    await batched.send(manager, 1, 2);
    await batched.clock.advance(500);
    expect(manager.counters()).toMatchObject({ handled: 0, failed: 2, archived: 2 });
  });

  it('is without those that cannot be read: they are archived, and the others go on', async () => {
    await using batched = new Batched(() => undefined, { size: 3, maxAgeMs: 100 });
    const manager = await batched.started();
    await batched.send(manager, 1);
    const spec = manager.health().subscriptions[0]?.queue.split('::')[0] ?? '';
    const foreign = new MemoryProvider({ broker: batched.broker });
    const { clock } = batched;
    const logger = batched.world.logger;
    await foreign.start(
      { serviceName: 'f', serverName: 'f', logger, clock, onState: () => undefined },
      { specs: [], signal: new AbortController().signal },
    );
    const options = { address: spec, routing: 'multicast', deadlineAt: clock.now() + 5_000 } as const;
    const sent = foreign.send({ body: '{', headers: new Map(), durable: true }, options);
    await clock.advance(10);
    await sent;
    await batched.send(manager, 2);
    await clock.advance(500);
    expect(batched.numbers).toEqual([[1, 2]]);
    expect(manager.counters()).toMatchObject({ handled: 2, archived: 1 });
    const stopped = foreign.stop({ deadlineMs: 100 });
    await clock.advance(1_000);
    await stopped;
  });

  it('counts as one for concurrency, which no number of half full ones exceeds', async () => {
    const held = gate();
    await using batched = new Batched(() => held.promise, { size: 4, maxAgeMs: 100 }, { concurrency: 2 });
    const manager = await batched.started();
    for (let n = 0; n < 12; n++) {
      await batched.send(manager, n);
      await batched.clock.advance(150);
    }
    expect(batched.numbers).toEqual([[0], [1]]);
    expect(batched.mostRunning).toBe(2);
    held.open();
    await batched.clock.advance(1_000);
    expect(batched.numbers.flat().sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    // What waited has filled up.
    expect(batched.numbers[2]).toHaveLength(4);
    expect(batched.mostRunning).toBe(2);
  });

  it('is as large as concurrency and size allow, and setConcurrency() counts batches too', async () => {
    const held = gate();
    await using batched = new Batched(() => held.promise, { size: 2, maxAgeMs: 100 }, { concurrency: 1, prefetch: 0 });
    const manager = await batched.started();
    manager.listener(batched.listener).setConcurrency(3);
    for (let n = 0; n < 10; n++) await batched.send(manager, n);
    await batched.clock.advance(500);
    expect(batched.numbers).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    held.open();
    await batched.clock.advance(500);
    expect(manager.counters().handled).toBe(10);
  });

  it('that is half full is handed over at once by a stop, which does not wait for its age', async () => {
    await using batched = new Batched(() => undefined, { size: 10, maxAgeMs: 3_600_000 });
    const manager = await batched.started();
    await batched.send(manager, 1, 2);
    await batched.clock.advance(1_000);
    expect(batched.numbers).toEqual([]);
    const begun = batched.clock.now();
    let stoppedAt = 0;
    const stopped = manager.stop().then(() => (stoppedAt = batched.clock.now()));
    await batched.clock.advance(2_000);
    await stopped;
    expect(batched.numbers).toEqual([[1, 2]]);
    expect(stoppedAt - begun).toBeLessThan(1_000);
    expect(manager.counters()).toMatchObject({ handled: 2, returned: 0 });
  });

  it('takes in what is still in its pipelines when a stop comes, at once too', async () => {
    await using batched = new Batched(() => undefined, { size: 10, maxAgeMs: 3_600_000 });
    const held = gate();
    const pipeline = {
      handle: async (_envelope: unknown, _listener: unknown, next: () => Promise<void>) => {
        await held.promise;
        await next();
      },
    };
    const manager = await batched.world.started({
      provider: new MemoryProvider({ broker: batched.broker }),
      listeners: [batched.listener],
      pipelines: [pipeline],
    });
    await batched.send(manager, 1, 2);
    await batched.clock.advance(100);
    const stopped = manager.stop();
    await batched.clock.advance(100);
    held.open();
    await batched.clock.advance(500);
    await stopped;
    expect(batched.numbers.flat()).toEqual([1, 2]);
    expect(manager.counters()).toMatchObject({ handled: 2, returned: 0 });
  });

  it('that a stop leaves to others before it was handed over leaves nothing waiting in its pipelines', async () => {
    const hanging = gate();
    await using batched = new Batched(() => hanging.promise, { size: 4, maxAgeMs: 100 }, { concurrency: 1 });
    const ended: string[] = [];
    const pipeline = {
      handle: async ({ event: { n } }: { event: { n?: number } }, _listener: unknown, next: () => Promise<void>) => {
        try {
          await next();
        } finally {
          ended.push(String(n));
        }
      },
    };
    const manager = await batched.world.started({
      provider: new MemoryProvider({ broker: batched.broker }),
      listeners: [batched.listener],
      pipelines: [pipeline],
    });
    await batched.send(manager, 1);
    await batched.clock.advance(200);
    await batched.send(manager, 2, 3);
    await batched.clock.advance(200);
    expect([batched.numbers, ended]).toEqual([[[1]], []]);
    const stopped = manager.listener(batched.listener).stop({ deadlineMs: 1_000 });
    await batched.clock.advance(3_000);
    await stopped;
    expect(ended).toEqual(['2', '3']);
    hanging.open();
    await batched.clock.advance(100);
    expect(batched.numbers).toEqual([[1]]);
    expect(ended).toEqual(['2', '3', '1']);
  });

  it('that waits for a place has one as soon as setConcurrency() gives more', async () => {
    const hanging = gate();
    await using batched = new Batched(() => hanging.promise, { size: 4, maxAgeMs: 100 }, { concurrency: 1, prefetch: 0 });
    const manager = await batched.started();
    await batched.send(manager, 1);
    await batched.clock.advance(500);
    await batched.send(manager, 2, 3);
    await batched.clock.advance(500);
    expect(batched.numbers).toEqual([[1]]);
    manager.listener(batched.listener).setConcurrency(2);
    await batched.clock.advance(100);
    expect(batched.numbers).toEqual([[1], [2, 3]]);
    hanging.open();
    await batched.clock.advance(100);
    expect(manager.counters().handled).toBe(3);
  });

  it('has at most one event of a key, so that those of one come in order', async () => {
    await using batched = new Batched(
      () => undefined,
      { size: 3, maxAgeMs: 100 },
      { key: ({ n }: { n: number }) => (n < 10 ? 'a' : undefined) },
    );
    const manager = await batched.started();
    await batched.send(manager, 1, 2, 3, 11, 12);
    await batched.clock.advance(1_000);
    expect(batched.numbers).toEqual([[1, 11, 12], [2], [3]]);
  });

  it('has timeoutMs for itself from when it is handed over; then all have failed, and its place is free', async () => {
    const hanging = gate();
    await using batched = new Batched(
      (_numbers, contexts) => (contexts[0]?.attempt === 1 ? hanging.promise : undefined),
      { size: 2, maxAgeMs: 5_000 },
      { timeoutMs: 1_000, concurrency: 1, retry: { jitter: 'none', initialDelayMs: 100 } },
    );
    const manager = await batched.started();
    await batched.send(manager, 1);
    await batched.clock.advance(4_000);
    expect(manager.counters().failed).toBe(0);
    await batched.send(manager, 2);
    await batched.clock.advance(500);
    expect(batched.numbers).toEqual([[1, 2]]);
    await batched.clock.advance(2_000);
    expect(manager.counters()).toMatchObject({ failed: 2, retried: 2, handled: 2 });
    expect(batched.numbers).toEqual([
      [1, 2],
      [1, 2],
    ]);
    hanging.open();
    await batched.clock.advance(100);
    expect(manager.counters()).toMatchObject({ late: 2, handled: 2 });
  });

  it('has contexts that send on behalf of each; what the manager sends meanwhile has no cause', async () => {
    class Next {
      readonly n: number = 0;
    }
    event(unique('next'))(Next);
    const causes: (string | undefined)[] = [];
    const ids: string[] = [];
    const caused: { manager?: EventManager } = {};
    await using batched = new Batched(
      async (_, contexts) => {
        for (const { envelope } of contexts) ids.push(envelope.id);
        void contexts[1]?.sendEvent(Next, { n: 1 });
        await caused.manager?.sendEvent(Next, { n: 2 });
      },
      { size: 2, maxAgeMs: 100 },
    );
    const manager = await batched.started();
    caused.manager = manager;
    manager.observe({ sent: ({ envelope, event: { target } }) => target === Next && causes.push(envelope.causationId) });
    await batched.send(manager, 1, 2);
    await batched.clock.advance(1_000);
    expect(causes).toEqual([ids[1], undefined]);
  });
});
