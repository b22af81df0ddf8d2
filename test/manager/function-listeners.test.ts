import { describe, expect, it } from '@jest/globals';
import { event, eventListener, EventManager, MemoryProvider, Unrecoverable } from '../../src/index.js';
import type { EventContext, ListenOptions } from '../../src/index.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { gate, unique, World } from '../support/world.js';

@event(unique('function'))
class E {
  readonly n: number;
  constructor(n = 0) {
    this.n = n;
  }
}

const noRetry = { retry: false } as const;

/** The numbers that came, and how to take them. */
function taken(): { numbers: number[]; take: (one: E) => void } {
  const numbers: number[] = [];
  return { numbers, take: ({ n }) => void numbers.push(n) };
}

describe('a listener that is a function', () => {
  it('is part of the start when it was there before', async () => {
    await using world = new World();
    const manager = world.manager();
    const { numbers, take } = taken();
    const handle = manager.listen(E, { name: unique('l') }, take);
    await manager.start();
    await handle.ready;
    expect(manager.health()).toMatchObject({ ready: true, subscriptions: [{ listener: handle.name, ready: true, stopped: false }] });
    await manager.sendEvent(new E(1));
    await waitUntil(() => numbers.length === 1);
  });

  it('is subscribed at once while the manager runs', async () => {
    await using world = new World();
    const manager = await world.started();
    const { numbers, take } = taken();
    await using handle = manager.listen(E, { name: unique('l') }, take);
    await handle.ready;
    await manager.sendEvent(new E(7));
    await waitUntil(() => numbers.length === 1);
    expect(manager.health().subscriptions).toHaveLength(1);
  });

  it('comes to listen when it is added while the manager starts, and gets what is sent after its ready', async () => {
    await using world = new World();
    world.broker.down();
    const manager = world.manager();
    const starting = manager.start();
    await waitUntil(() => manager.health().provider.state === 'connecting');
    const { numbers, take } = taken();
    const handle = manager.listen(E, { name: unique('l') }, take);
    world.broker.up();
    await starting;
    await handle.ready;
    await manager.sendEvent(new E(3));
    await waitUntil(() => numbers[0] === 3);
  });

  it('is not subscribed when it was stopped while the manager started', async () => {
    await using world = new World();
    world.broker.down();
    const manager = world.manager();
    const handle = manager.listen(E, { name: unique('l') }, () => undefined);
    const starting = manager.start();
    await waitUntil(() => manager.health().provider.state === 'connecting');
    const { ready } = handle;
    await handle.stop();
    await expect(ready).rejects.toMatchObject({ code: 'not-running' });
    world.broker.up();
    await starting;
    await waitUntil(() => manager.health().subscriptions.length === 0);
    const queues = await world.queues();
    expect(await queues.consumers(`${nameOf(E)}::${handle.name}`)).toBe(0);
  });

  it('comes to listen when it is added while the broker is away, and stopping it meanwhile does not hang', async () => {
    await using world = new World();
    const manager = await world.started();
    world.broker.down();
    await waitUntil(() => manager.health().provider.state === 'reconnecting');
    const { numbers, take } = taken();
    const kept = manager.listen(E, { name: unique('l') }, take);
    const left = manager.listen(E, { name: unique('l') }, take);
    await left.stop({ deadlineMs: 0 });
    world.broker.up();
    await kept.ready;
    await manager.sendEvent(new E(4));
    await waitUntil(() => numbers.length === 1);
    await waitUntil(() => manager.health().subscriptions.length === 1);
    const queues = await world.queues();
    expect(await queues.consumers(`${nameOf(E)}::${left.name}`)).toBe(0);
  });

  it('goes over a stop and a start of the manager, and what came meanwhile waits for it', async () => {
    await using world = new World();
    const manager = world.manager();
    const { numbers, take } = taken();
    const handle = manager.listen(E, { name: unique('l') }, take);
    await manager.start();
    await manager.stop();
    const { ready } = handle;
    const other = await world.started();
    await other.sendEvent(new E(5));
    await manager.start();
    await ready;
    await waitUntil(() => numbers[0] === 5);
  });

  it('tells those who wait for it that the manager stopped or could not start, and is subscribed the next time', async () => {
    await using world = new World();
    world.broker.down();
    const manager = world.manager({ startTimeoutMs: 50 });
    const handle = manager.listen(E, { name: unique('l') }, () => undefined);
    const first = handle.ready;
    await expect(manager.start()).rejects.toMatchObject({ code: 'start-timeout' });
    await expect(first).rejects.toMatchObject({ code: 'start-timeout' });
    const second = handle.ready;
    world.broker.up();
    await manager.start();
    await second;
    await handle.ready;
  });

  it('begins nothing more once it is stopped, waits for what runs, leaves its queue, and starts again from it', async () => {
    await using world = new World();
    const manager = await world.started();
    const numbers: number[] = [];
    const { promise, open } = gate();
    const handle = manager.listen(E, { name: unique('l'), concurrency: 1, prefetch: 3 }, async ({ n }) => {
      if (n === 1) await promise;
      numbers.push(n);
    });
    await handle.ready;
    await manager.sendEvents([new E(1), new E(2), new E(3)]);
    await waitUntil(() => manager.health().subscriptions[0]?.held === 2);
    let stopped = false;
    const stopping = handle.stop().then(() => (stopped = true));
    await stays(() => !stopped, { windowMs: 50 });
    open();
    await stopping;
    expect(numbers).toEqual([1]);
    expect(handle.stopped).toBe(true);
    expect(manager.health().subscriptions).toEqual([]);
    const queues = await world.queues();
    const queue = `${nameOf(E)}::${handle.name}`;
    expect([await queues.consumers(queue), await queues.count(queue)]).toEqual([0, 2]);
    await handle.stop();
    await handle.start();
    await waitUntil(() => numbers.length === 3);
    expect(numbers).toEqual([1, 2, 3]);
  });

  it('gives back what still runs at the deadline of its stop', async () => {
    await using world = new World();
    const manager = await world.started();
    const contexts: EventContext[] = [];
    const handle = manager.listen(E, { name: unique('l') }, (_one, context) => {
      contexts.push(context);
      return contexts.length === 1 ? new Promise(() => undefined) : undefined;
    });
    await handle.ready;
    await manager.sendEvent(new E(1));
    await waitUntil(() => contexts.length === 1);
    await handle.stop({ deadlineMs: 20 });
    expect(contexts[0]?.signal.aborted).toBe(true);
    await handle.start();
    await waitUntil(() => contexts.length === 2);
    expect(contexts[1]?.attempt).toBe(1);
  });

  it('may stop itself from inside', async () => {
    await using world = new World();
    const manager = await world.started();
    const numbers: number[] = [];
    const handle = manager.listen(E, { name: unique('l'), concurrency: 1 }, async ({ n }) => {
      await handle.stop();
      numbers.push(n);
    });
    await handle.ready;
    await manager.sendEvents([new E(1), new E(2)]);
    await waitUntil(() => manager.health().subscriptions.length === 0);
    expect(numbers).toEqual([1]);
    const queues = await world.queues();
    expect(await queues.count(`${nameOf(E)}::${handle.name}`)).toBe(1);
  });

  it('pauses, resumes, tells its lag and takes another concurrency', async () => {
    await using world = new World();
    const manager = await world.started();
    const { numbers, take } = taken();
    const handle = manager.listen(E, { name: unique('l') }, take);
    await handle.ready;
    await handle.pause();
    expect(handle.paused).toBe(true);
    await manager.sendEvents([new E(1), new E(2)]);
    await waitUntil(async () => (await handle.lag()) === 2);
    expect(numbers).toEqual([]);
    handle.setConcurrency(1);
    expect(() => {
      handle.setConcurrency(0);
    }).toThrow(expect.objectContaining({ code: 'configuration' }));
    handle.resume();
    await waitUntil(() => numbers.length === 2);
    await handle.stop();
    await expect(handle.lag()).rejects.toMatchObject({ code: 'not-running' });
  });

  it('has retries and an archive as any other', async () => {
    await using world = new World();
    const manager = await world.started();
    const attempts: number[] = [];
    let fails = true;
    const handle = manager.listen(E, { name: unique('l'), retry: { maxRetries: 1, initialDelayMs: 1 } }, (_one, { attempt }) => {
      attempts.push(attempt);
      if (fails) throw new Error('not yet');
    });
    await handle.ready;
    const archive = manager.archive(handle);
    await manager.sendEvent(new E(1));
    await waitUntil(async () => (await archive.count()) === 1);
    expect(attempts).toEqual([1, 2]);
    fails = false;
    expect(await archive.replay()).toBe(1);
    await waitUntil(() => attempts.length === 3);
  });

  it('tells its mistakes at once', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('l');
    const handle = manager.listen(E, { name }, () => undefined);
    const nothing = (): void => undefined;
    class NoEvent {
      readonly x = 1;
    }
    const wrong: [() => unknown, RegExp][] = [
      [() => manager.listen(E, { name: 'bad name' }, nothing), /'bad name' .*contains a blank/],
      [() => manager.listen(E, {} as ListenOptions, nothing), /needs a name/],
      [() => manager.listen(E, { name }, nothing), new RegExp(`share the queue '${name}'`)],
      [() => manager.listen(NoEvent, { name: unique('l') }, nothing), /NoEvent, which .* listens to, is no event/],
      [() => manager.listen(E, { name: unique('l'), concurency: 1 } as ListenOptions, nothing), /did you mean 'concurrency'/],
      [() => manager.listen(E, { name: unique('l') }, 'x' as unknown as () => void), /needs a function/],
      [() => manager.listen('shop.order' as 'shop.*', { name: unique('l') }, nothing), /has no wildcard/],
    ];
    for (const [call, message] of wrong)
      expect(call).toThrow(
        expect.objectContaining({
          code: 'configuration',
          message: expect.stringMatching(message) as unknown as string,
        }),
      );
    // Its name is free again once it is stopped, and taken when it comes back too late.
    await handle.stop();
    const other = manager.listen(E, { name }, nothing);
    await other.ready;
    await expect(handle.start()).rejects.toMatchObject({ code: 'configuration' });
    expect(handle.stopped).toBe(true);
  });

  it('that the broker refuses says so in its ready, in the log and in health', async () => {
    await using world = new World();
    const manager = await world.started();
    world.broker.forbid(nameOf(E));
    const handle = manager.listen(E, { name: unique('l') }, () => undefined);
    await expect(handle.ready).rejects.toMatchObject({ code: 'permission' });
    expect(manager.health().degraded).toEqual([expect.stringContaining(handle.name)]);
    expect(world.logger.text()).toContain('a listener could not be subscribed');
    world.broker.forbid(nameOf(E), false);
    await handle.start();
    expect(manager.health().degraded).toEqual([]);
  });

  it('works in a process that does not consume otherwise', async () => {
    @eventListener(E, unique('l'))
    class Never {
      on(_one: E): void {
        throw new Unrecoverable('not here');
      }
    }
    await using world = new World();
    const manager = await world.started({ consume: false, listeners: [Never] });
    const { numbers, take } = taken();
    await manager.listen(E, { name: unique('l') }, take).ready;
    await manager.sendEvent(new E(1));
    await waitUntil(() => numbers.length === 1);
    expect(manager.counters().archived).toBe(0);
  });

  it('comes and goes a hundred times among stops and starts, and nothing is left', async () => {
    await using world = new World();
    const provider = new MemoryProvider({ broker: world.broker });
    const manager = new EventManager({
      provider,
      serviceName: 's',
      listeners: [],
      pipelines: [],
      resolve: () => undefined,
      logger: world.logger,
    });
    const name = unique('l');
    const handle = manager.listen(E, { name }, () => undefined);
    for (let round = 0; round < 25; round++) {
      const starting = manager.start();
      const stopping = handle.stop();
      if (round % 2 === 0) await starting;
      const again = handle.start().catch(() => undefined);
      void handle.stop();
      void handle.start().catch(() => undefined);
      if (round % 3 === 0) await again;
      await Promise.all([manager.stop(), stopping, starting.catch(() => undefined)]);
    }
    const queues = await world.queues();
    expect(await queues.consumers(`${nameOf(E)}::${name}`)).toBe(0);
    await manager.start();
    await handle.ready;
    await waitUntil(() => manager.health().ready);
    expect(manager.health().subscriptions).toHaveLength(1);
    expect(await queues.consumers(`${nameOf(E)}::${name}`)).toBe(1);
    await manager.stop();
  });
});

describe('a listener class that runs', () => {
  it('is stopped and started by itself: others go on, its queue collects, and health tells', async () => {
    const seen: string[] = [];
    @eventListener(E, { name: unique('one'), ...noRetry })
    class One {
      on({ n }: E): void {
        seen.push(`one ${String(n)}`);
      }
    }
    @eventListener(E, unique('two'))
    class Two {
      on({ n }: E): void {
        seen.push(`two ${String(n)}`);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [One, Two] });
    const control = manager.listener(One);
    await control.stop();
    await control.stop();
    expect(control.stopped).toBe(true);
    expect(manager.health()).toMatchObject({
      ready: true,
      subscriptions: [
        { ready: false, stopped: true },
        { ready: true, stopped: false },
      ],
    });
    await manager.sendEvent(new E(1));
    await waitUntil(() => seen.length === 1);
    expect(seen).toEqual(['two 1']);
    expect(await control.lag()).toBe(1);
    await Promise.all([control.start(), control.start()]);
    await waitUntil(() => seen.length === 2);
    expect(seen).toEqual(['two 1', 'one 1']);
    expect(manager.health()).toMatchObject({ ready: true, subscriptions: [{ ready: true, stopped: false }, {}] });
    // Whatever is said last holds.
    const stopping = control.stop();
    const starting = control.start();
    await Promise.all([stopping, starting]);
    await manager.sendEvent(new E(2));
    await waitUntil(() => seen.includes('one 2'));
  });

  it('keeps the concurrency that was set over a stop and a start', async () => {
    let running = 0;
    let most = 0;
    const { promise, open } = gate();
    @eventListener(E, { name: unique('l'), concurrency: 10 })
    class L {
      async on(_one: E): Promise<void> {
        most = Math.max(most, ++running);
        await promise;
        running--;
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    const control = manager.listener(L);
    control.setConcurrency(2);
    await control.stop();
    await manager.sendEvents([new E(1), new E(2), new E(3), new E(4)]);
    await control.start();
    await waitUntil(() => running === 2);
    await stays(() => running === 2, { windowMs: 50 });
    open();
    await waitUntil(async () => (await control.lag()) === 0);
    expect(most).toBe(2);
  });

  it('may stop itself, and starts anew with the manager', async () => {
    const seen: number[] = [];
    let stop: () => Promise<void> = () => Promise.resolve();
    @eventListener(E, { name: unique('l'), concurrency: 1 })
    class L {
      async on({ n }: E): Promise<void> {
        await stop();
        seen.push(n);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    stop = () => manager.listener(L).stop();
    await manager.sendEvents([new E(1), new E(2)]);
    await waitUntil(() => seen.length === 1);
    await waitUntil(() => manager.health().subscriptions[0]?.ready === false);
    stop = () => Promise.resolve();
    await manager.stop();
    await manager.start();
    await waitUntil(() => seen.length === 2);
    expect(seen).toEqual([1, 2]);
  });
});

function nameOf(target: typeof E): string {
  return (Reflect.getOwnMetadata('tidings:event', target) as { name: string }).name;
}
