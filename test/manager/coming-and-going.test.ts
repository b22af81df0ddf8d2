import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { dedupe, event, eventListener } from '../../src/index.js';
import type { EnvelopePipeline, EventContext, EventManager, HeldEvent } from '../../src/index.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { repoRoot } from '../setup/repo.js';
import { gate, unique, World } from '../support/world.js';

const address = unique('coming');

@event(address)
class E {
  readonly n: number;
  constructor(n = 0) {
    this.n = n;
  }
}

@event({ name: unique('keyed'), key: () => 'one' })
class Keyed {
  readonly n: number;
  constructor(n = 0) {
    this.n = n;
  }
}

abstract class Shape {
  readonly n: number = 0;
}

@event(unique('circle'))
class Circle extends Shape {}

@event(unique('square'))
class Square extends Shape {}

function numbered(from: number, to: number): E[] {
  return Array.from({ length: to - from + 1 }, (_, index) => new E(from + index));
}

/** Makes the queue of a name, so that it collects from now on. */
async function made(manager: EventManager, name: string): Promise<void> {
  const stream = manager.stream(E, { name });
  await stream.ready;
  await stream.return();
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('retry() of an event that was read', () => {
  it('waits as the options say', async () => {
    await using world = new World();
    const manager = await world.started({ retry: { initialDelayMs: 60_000, jitter: 'none' } });
    const name = unique('reader');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 2));
    const stream = manager.stream(E, { name });
    const { value: one } = await stream.next();
    expect(await one?.retry()).toBe('settled');
    const { value: two } = await stream.next();
    expect(two?.event.n).toBe(2);
    await two?.accept();
    const queue = `${address}::${name}`;
    const queues = await world.queues();
    expect(await queues.count(queue)).toBe(1);
    await stream.return();
    expect(await manager.pull(E, { name, max: 1, timeoutMs: 50 })).toEqual([]);
    expect(manager.counters().retried).toBe(1);
  });
});

describe('a stream', () => {
  it('that is left gives its event back, whatever a pipeline makes of what it sees', async () => {
    const swallows: EnvelopePipeline = {
      handle: async (_envelope, _listener, next) => {
        await next().catch(() => undefined);
      },
    };
    await using world = new World();
    const manager = await world.started({ pipelines: [swallows] });
    const name = unique('reader');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 3));
    for await (const { event: one } of manager.stream(E, { name })) if (one.n === 2) break;
    expect(await (await world.queues()).count(`${address}::${name}`)).toBe(2);
    expect(manager.counters()).toMatchObject({ handled: 1, failed: 0 });
  });

  it('that is left after an accept which nobody awaited has accepted', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('reader');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 2));
    for await (const { accept } of manager.stream(E, { name })) {
      void accept();
      break;
    }
    expect(await (await world.queues()).count(`${address}::${name}`)).toBe(1);
  });

  it('without a name gets each event beside others without one, also with dedupe()', async () => {
    await using world = new World();
    const manager = await world.started({ pipelines: [dedupe()] });
    const streams = [manager.stream(E), manager.stream(E)];
    await Promise.all(streams.map((stream) => stream.ready));
    await manager.sendEvent(new E(5));
    const read = await Promise.all(streams.map((stream) => stream.next()));
    expect(read.map(({ value }) => value?.event.n)).toEqual([5, 5]);
    expect(manager.counters().stopped).toBe(0);
    await Promise.all(streams.map((stream) => stream.return()));
  });

  it('of a base class has no more events out than its concurrency', async () => {
    await using world = new World();
    const manager = await world.started();
    const stream = manager.stream(Shape, { concurrency: 2 });
    await stream.ready;
    await manager.sendEvents([new Circle(), new Circle(), new Square(), new Square()]);
    const reads = [stream.next(), stream.next(), stream.next(), stream.next()];
    const got: HeldEvent<Shape>[] = [];
    for (const read of reads) void read.then(({ value }) => (value === undefined ? 0 : got.push(value)));
    await waitUntil(() => got.length === 2);
    await stays(() => got.length === 2, { windowMs: 50 });
    await got[0]?.accept();
    await waitUntil(() => got.length === 3);
    await stream.return();
    expect((await reads[3])?.done).toBe(true);
  });

  it('takes an option that is undefined for one that is not given', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('reader');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 15));
    const stream = manager.stream(E, { name, prefetch: undefined, concurrency: undefined, breaker: undefined });
    await stream.next();
    await waitUntil(() => manager.health().subscriptions[0]?.held === 10);
    await stream.return();
    await stream.return();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  // In a process of its own: that of the tests keeps warnings to itself.
  it('may be one of many, of one signal too, without a warning of a leak', () => {
    const { href } = pathToFileURL(join(repoRoot, 'dist/src/index.js'));
    const program = `
      import { event, EventManager, MemoryProvider } from '${href}';
      class E {}
      event('many')(E);
      const parts = { serviceName: 's', listeners: [], pipelines: [], resolve: () => undefined };
      const manager = new EventManager({ provider: new MemoryProvider(), ...parts });
      const { signal } = new AbortController();
      const all = Array.from({ length: 15 }, (_, index) => index);
      const pulls = all.map(() => manager.pull(E, { max: 1, timeoutMs: 50, signal }));
      const streams = all.map(() => manager.stream(E, { signal }));
      await Promise.all(streams.map(({ ready }) => ready));
      await Promise.all(all.map((index) => manager.listen(E, { name: 'l' + index }, () => undefined).ready));
      await Promise.all(pulls);
      await manager.stop();
      console.log('done');`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', timeout: 15_000 });
    expect({ stdout, stderr }).toEqual({ stdout: 'done\n', stderr: '' });
  });

  it('whose signal has aborted before starts nothing', async () => {
    await using world = new World();
    const manager = world.manager();
    const stream = manager.stream(E, { signal: AbortSignal.abort() });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    await expect(stream.ready).rejects.toMatchObject({ code: 'not-running' });
    expect(manager.state).toBe('idle');
  });
});

describe('many pulls', () => {
  it('leave nothing behind, in memory either', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('puller');
    await made(manager, name);
    const weak: WeakRef<object>[] = [];
    for (let round = 0; round < 50; round++) {
      await manager.sendEvent(new E(round));
      const [held] = await manager.pull(E, { name, max: 1, timeoutMs: 10_000 });
      if (held === undefined) throw new Error('nothing came');
      weak.push(new WeakRef(held));
      await held.accept();
    }
    await waitUntil(() => manager.health().subscriptions.length === 0);
    await waitUntil(() => {
      collectGarbage();
      return weak.filter((one) => one.deref() !== undefined).length < 5;
    });
    const queues = await world.queues();
    expect(await queues.consumers(`${address}::${name}`)).toBe(0);
  });

  it('while the broker is away leave no subscriptions behind', async () => {
    await using world = new World();
    const manager = await world.started();
    world.broker.down();
    await waitUntil(() => manager.health().provider.state === 'reconnecting');
    for (let round = 0; round < 20; round++) expect(await manager.pull(E, { max: 1, timeoutMs: 1 })).toEqual([]);
    const stream = manager.stream(E);
    const ready = stream.ready.catch((error: unknown) => error);
    await stream.return();
    expect(await ready).toMatchObject({ code: 'not-running' });
    expect(manager.health().subscriptions).toEqual([]);
    world.broker.up();
    await waitUntil(() => manager.health().ready);
    expect(await (await world.queues()).list(`${address}::stream-`)).toEqual([]);
    await made(manager, unique('reader'));
  });

  it('do not make the manager unready while they subscribe', async () => {
    await using world = new World();
    const manager = await world.started();
    const state = { over: false };
    const pulls = Promise.all([1, 2, 3].map(() => manager.pull(E, { max: 1, timeoutMs: 20 }))).then(() => (state.over = true));
    while (!state.over) {
      for (let turn = 0; turn < 100; turn++) {
        expect(manager.health().ready).toBe(true);
        await Promise.resolve();
      }
      await Promise.race([pulls, new Promise(setImmediate)]);
    }
  });

  it('end with their signal while the manager starts', async () => {
    await using world = new World();
    world.broker.down();
    const manager = world.manager();
    const controller = new AbortController();
    const pulling = manager.pull(E, { max: 1, timeoutMs: 10_000, signal: controller.signal });
    await waitUntil(() => manager.health().provider.state === 'connecting');
    controller.abort();
    expect(await pulling).toEqual([]);
  });

  it('of one key take one event at a time', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('puller');
    const stream = manager.stream(Keyed, { name });
    await stream.ready;
    await stream.return();
    await manager.sendEvents([new Keyed(1), new Keyed(2)]);
    const [one, ...more] = await manager.pull(Keyed, { name, max: 2, timeoutMs: 50 });
    expect([one?.event.n, more]).toEqual([1, []]);
    await one?.accept();
    const [two] = await manager.pull(Keyed, { name, max: 1, timeoutMs: 10_000 });
    expect(two?.event.n).toBe(2);
    await two?.accept();
  });
});

describe('a listener that is a function', () => {
  it('may be started again while its stop is under way: whatever is said last holds', async () => {
    await using world = new World();
    const manager = await world.started();
    const { promise, open } = gate();
    const numbers: number[] = [];
    const handle = manager.listen(E, { name: unique('l'), concurrency: 1 }, async ({ n }) => {
      if (n === 1) await promise;
      numbers.push(n);
    });
    await handle.ready;
    await manager.sendEvents(numbered(1, 2));
    await waitUntil(() => manager.health().subscriptions[0]?.running === 1);
    const stopping = handle.stop();
    const starting = handle.start();
    open();
    await Promise.all([stopping, starting]);
    await waitUntil(() => numbers.length === 2);
    expect(handle.stopped).toBe(false);
  });

  it('that was stopped while the manager started begins nothing', async () => {
    await using world = new World();
    const name = unique('l');
    const queue = `${address}::${name}`;
    const first = await world.started();
    await first.listen(E, { name }, () => undefined).ready;
    await first.stop();
    const sender = await world.started();
    await sender.sendEvents(numbered(1, 5));
    world.broker.down();
    const manager = world.manager();
    let calls = 0;
    const handle = manager.listen(E, { name }, () => {
      calls++;
    });
    const starting = manager.start();
    await waitUntil(() => manager.health().provider.state === 'connecting');
    await handle.stop();
    expect(handle.paused).toBe(false);
    world.broker.up();
    await starting;
    await waitUntil(() => manager.health().subscriptions.length === 0);
    expect(calls).toBe(0);
    expect(await (await world.queues()).count(queue)).toBe(5);
  });
});

describe('a listener class of keyed events', () => {
  it('that is stopped over a hanging run and started again goes on with the key', async () => {
    const seen: [number, number][] = [];
    @eventListener(Keyed, unique('l'))
    class L {
      on({ n }: Keyed, { attempt }: EventContext): Promise<void> | undefined {
        seen.push([n, attempt]);
        return seen.length === 1 ? new Promise(() => undefined) : undefined;
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    await manager.sendEvents([new Keyed(1), new Keyed(2)]);
    await waitUntil(() => seen.length === 1);
    await manager.listener(L).stop({ deadlineMs: 20 });
    await manager.listener(L).start();
    await waitUntil(() => seen.length === 3);
    expect(seen).toEqual([
      [1, 1],
      [1, 1],
      [2, 1],
    ]);
  });
});
