import { describe, expect, it } from '@jest/globals';
import { IsInt } from 'class-validator';
import { event } from '../../src/index.js';
import type { EventManager, HeldEvent, Settlement } from '../../src/index.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { gate, unique, World } from '../support/world.js';

const address = unique('stream');

@event(address)
class E {
  @IsInt() readonly n: number;
  constructor(n = 0) {
    this.n = n;
  }
}

const jobs = unique('jobs');

@event({ name: jobs, routing: 'anycast' })
class Job {
  readonly n: number;
  constructor(n = 0) {
    this.n = n;
  }
}

function numbered(from: number, to: number): E[] {
  return Array.from({ length: to - from + 1 }, (_, index) => new E(from + index));
}

/** Makes the queue of a name, so that it collects from now on. */
async function made(manager: EventManager, name: string): Promise<void> {
  const stream = manager.stream(E, { name });
  await stream.ready;
  await stream.return();
}

describe('a stream', () => {
  it('hands out one after the other, and accepts each when the next is asked for', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('reader');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 30));
    const queues = await world.queues();
    const seen: number[] = [];
    for await (const { event: one, context } of manager.stream(E, { name })) {
      expect(one).toBeInstanceOf(E);
      expect(context.attempt).toBe(1);
      seen.push(one.n);
      expect(await queues.count(`${address}::${name}`)).toBe(31 - seen.length);
      if (seen.length === 30) break;
    }
    expect(seen).toEqual(numbered(1, 30).map(({ n }) => n));
    // The last was not accepted: the loop was left with it.
    expect(await queues.count(`${address}::${name}`)).toBe(1);
    expect(await queues.consumers(`${address}::${name}`)).toBe(0);
    expect(manager.health().subscriptions).toEqual([]);
  });

  it.each(['break', 'a throw', 'a signal'])('left by %s loses nothing: the next reader gets the rest, as a first attempt', async (how) => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('reader');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 50));
    const seen: number[] = [];
    const controller = new AbortController();
    const leave = async (): Promise<void> => {
      for await (const { event: one, context } of manager.stream(E, { name, signal: controller.signal })) {
        if (seen.length < 20) seen.push(one.n);
        else if (how === 'break') break;
        else if (how === 'a throw') throw new Error('enough');
        else {
          controller.abort();
          await waitUntil(() => context.signal.aborted);
        }
      }
    };
    await (how === 'a throw' ? expect(leave()).rejects.toThrow('enough') : leave());
    for await (const { event: one, context, accept } of manager.stream(E, { name })) {
      expect(context.attempt).toBe(1);
      seen.push(one.n);
      if (seen.length === 50) {
        expect(await accept()).toBe('settled');
        break;
      }
    }
    expect(seen).toEqual(numbered(1, 50).map(({ n }) => n));
    expect(await (await world.queues()).count(`${address}::${name}`)).toBe(0);
    expect(manager.counters()).toMatchObject({ failed: 0, archived: 0, late: 0 });
  });

  it('is shared by all readers of its name in a process', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('reader');
    const seen: number[] = [];
    const readers = [manager.stream(E, { name, prefetch: 0 }), manager.stream(E, { name, prefetch: 0 })];
    const shares = readers.map(async (reader) => {
      let share = 0;
      for await (const { event: one } of reader) {
        seen.push(one.n);
        share++;
      }
      return share;
    });
    await Promise.all(readers.map((reader) => reader.ready));
    await manager.sendEvents(numbered(1, 40));
    await waitUntil(() => seen.length === 40);
    await manager.stop();
    const taken = await Promise.all(shares);
    expect(taken.every((share) => share > 0)).toBe(true);
    expect([...seen].sort((a, b) => a - b)).toEqual(numbered(1, 40).map(({ n }) => n));
  });

  it('without a name is a copy of its own from its ready on, and goes with its loop', async () => {
    await using world = new World();
    const manager = await world.started();
    const queues = await world.queues();
    const streams = [manager.stream(E), manager.stream(E)];
    await manager.sendEvent(new E(1));
    await Promise.all(streams.map((stream) => stream.ready));
    expect(await queues.list(`${address}::stream-`)).toHaveLength(2);
    await manager.sendEvent(new E(2));
    for (const stream of streams)
      for await (const { event: one } of stream) {
        expect(one.n).toBe(2);
        break;
      }
    expect(manager.health().subscriptions).toEqual([]);
  });

  it('with a concurrency hands out so many at once, each settled by itself', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('reader');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 5));
    const held: HeldEvent<E>[] = [];
    const loop = (async () => {
      for await (const one of manager.stream(E, { name, concurrency: 3 })) held.push(one);
    })();
    await waitUntil(() => held.length === 3);
    await stays(() => held.length === 3, { windowMs: 50 });
    expect(await held[1]?.accept()).toBe('settled');
    await waitUntil(() => held.length === 4);
    expect(held.map(({ event: { n } }) => n)).toEqual([1, 2, 3, 4]);
    const queues = await world.queues();
    expect(await queues.count(`${address}::${name}`)).toBe(4);
    const rest = held.filter((_, index) => index !== 1);
    await manager.stop({ deadlineMs: 20 });
    await loop;
    expect(await Promise.all(rest.map((one) => one.accept()))).toEqual(rest.map(() => 'stale'));
    expect(await queues.count(`${address}::${name}`)).toBe(4);
  });

  it('retries and archives what its reader says, and goes on', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('reader');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 3));
    const seen: [number, number][] = [];
    for await (const { event: one, context, retry, archive } of manager.stream(E, { name })) {
      seen.push([one.n, context.attempt]);
      if (one.n === 1 && context.attempt === 1) expect(await retry(1)).toBe('settled');
      if (one.n === 2) expect(await archive('not wanted')).toBe('settled');
      if (seen.length === 4) break;
    }
    expect(seen.filter(([n]) => n !== 1)).toEqual([
      [2, 1],
      [3, 1],
    ]);
    expect(seen.filter(([n]) => n === 1)).toEqual([
      [1, 1],
      [1, 2],
    ]);
    expect(await (await world.queues()).count(`archive.${name}`)).toBe(1);
  });

  it('goes on after events that cannot be read or are invalid: they go to the archive', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('reader');
    await made(manager, name);
    const foreign = await world.provider();
    for (const body of ['{', '{"n":"x"}', '{"n":3}'])
      await foreign.send({ body, headers: new Map(), durable: true }, { address, routing: 'multicast', deadlineAt: Date.now() + 5000 });
    for await (const { event: one } of manager.stream(E, { name })) {
      expect(one.n).toBe(3);
      break;
    }
    expect(await (await world.queues()).count(`archive.${name}`)).toBe(2);
  });

  it('goes on by itself over a lost connection, and hands an event out once whose accept came too late', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('reader');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 10));
    const seen: number[] = [];
    const late: Promise<Settlement>[] = [];
    for await (const { event: one, accept } of manager.stream(E, { name })) {
      seen.push(one.n);
      if (one.n === 4) {
        world.broker.cut();
        late.push(accept());
      }
      if (seen.length === 10) {
        await accept();
        break;
      }
    }
    expect(seen).toEqual(numbered(1, 10).map(({ n }) => n));
    expect(await Promise.all(late)).toEqual(['stale']);
    await waitUntil(async () => (await (await world.queues()).count(`${address}::${name}`)) === 0);
  });

  it('ends with the manager: the loop finishes, and what its body is about is still settled', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('reader');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 5));
    const { promise, open } = gate();
    const seen: number[] = [];
    const loop = (async () => {
      for await (const { event: one } of manager.stream(E, { name })) {
        seen.push(one.n);
        await promise;
      }
    })();
    await waitUntil(() => seen.length === 1);
    const stopping = manager.stop();
    open();
    await Promise.all([stopping, loop]);
    expect(seen).toEqual([1]);
    expect(await (await world.queues()).count(`${address}::${name}`)).toBe(4);
  });

  it('ends at once with the manager when it waits for an event, and gives back what its body holds too long', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('reader');
    const waiting = manager.stream(Job).next();
    await made(manager, name);
    await manager.sendEvent(new E(1));
    let settled: Promise<Settlement> | undefined;
    const { promise, open } = gate();
    const loop = (async () => {
      for await (const { accept } of manager.stream(E, { name })) {
        await promise;
        settled = accept();
      }
    })();
    await waitUntil(() => manager.counters().sent === 1 && manager.health().subscriptions.some(({ running }) => running > 0));
    await manager.stop({ deadlineMs: 20 });
    expect(await waiting).toEqual({ done: true, value: undefined });
    open();
    await loop;
    expect(await settled).toBe('stale');
    expect(await (await world.queues()).count(`${address}::${name}`)).toBe(1);
  });

  it('starts an idle manager, tells what is wrong, and can be left while the broker is away', async () => {
    await using world = new World();
    const manager = world.manager();
    const stream = manager.stream(E, { name: unique('reader') });
    await stream.ready;
    expect(manager.state).toBe('running');
    await expect(manager.stream(E, { name: 'bad name' }).next()).rejects.toMatchObject({ code: 'configuration' });
    class NoEvent {
      readonly x = 1;
    }
    await expect(manager.stream(NoEvent, { name: unique('r') }).ready).rejects.toMatchObject({ code: 'configuration' });
    world.broker.down();
    await waitUntil(() => manager.health().provider.state === 'reconnecting');
    const controller = new AbortController();
    const offline = manager.stream(E, { signal: controller.signal });
    const next = offline.next();
    controller.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    await expect(offline.ready)
      .resolves.toBeUndefined()
      .catch(() => undefined);
    world.broker.up();
    await stream.return();
    await waitUntil(() => manager.health().subscriptions.length === 0);
    await manager.stop();
    await expect(manager.stream(E).next()).rejects.toMatchObject({ code: 'not-running' });
  });

  it('of a work queue takes from that', async () => {
    await using world = new World();
    const manager = await world.started();
    await manager.sendEvents([new Job(1), new Job(2)]);
    const seen: number[] = [];
    for await (const { event: job } of manager.stream(Job)) {
      seen.push(job.n);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual([1, 2]);
    expect(await (await world.queues()).count(`${jobs}::${jobs}`)).toBe(1);
  });
});

describe('a pull', () => {
  it('resolves with as many as it asks for; each is settled by itself, and the rest stays', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('puller');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 6));
    const pulled = await manager.pull(E, { name, max: 4, timeoutMs: 10_000 });
    expect(pulled.map(({ event: { n } }) => n)).toEqual([1, 2, 3, 4]);
    const [one, two, three, four] = pulled as [HeldEvent<E>, HeldEvent<E>, HeldEvent<E>, HeldEvent<E>];
    const queues = await world.queues();
    expect(await queues.count(`${address}::${name}`)).toBe(6);
    expect(await one.accept()).toBe('settled');
    expect(await two.retry(1)).toBe('settled');
    expect(await three.archive('no')).toBe('settled');
    expect(await three.accept()).toBe('settled');
    expect(await queues.count(`archive.${name}`)).toBe(1);
    expect(await queues.count(`${address}::${name}`)).toBe(4);
    expect(await four.accept()).toBe('settled');
    await waitUntil(() => manager.health().subscriptions.length === 0);
    const rest = await manager.pull(E, { name, max: 10, timeoutMs: 100 });
    expect(rest.map(({ event: { n }, context: { attempt } }) => [n, attempt]).sort()).toEqual([
      [2, 2],
      [5, 1],
      [6, 1],
    ]);
    await Promise.all(rest.map(({ accept }) => accept()));
    expect(await queues.count(`${address}::${name}`)).toBe(0);
  });

  it('resolves with none when none comes', async () => {
    await using world = new World();
    const manager = world.manager();
    expect(await manager.pull(E, { name: unique('puller'), max: 3, timeoutMs: 10 })).toEqual([]);
    await waitUntil(() => manager.health().subscriptions.length === 0);
  });

  it('gives back what is held when the manager stops, and tells that it is stale after a lost connection', async () => {
    await using world = new World();
    const manager = await world.started();
    const name = unique('puller');
    await made(manager, name);
    await manager.sendEvents(numbered(1, 2));
    const [one, two] = (await manager.pull(E, { name, max: 2, timeoutMs: 10_000 })) as [HeldEvent<E>, HeldEvent<E>];
    world.broker.cut();
    expect(await one.accept()).toBe('stale');
    await manager.stop({ deadlineMs: 20 });
    expect(two.context.signal.aborted).toBe(true);
    expect(await two.accept()).toBe('stale');
    expect(await (await world.queues()).count(`${address}::${name}`)).toBeGreaterThanOrEqual(1);
  });

  it.each([
    { max: 0, timeoutMs: 10 },
    { max: 1.5, timeoutMs: 10 },
    { max: 1, timeoutMs: 0 },
    { max: 1, timeoutMs: -1 },
    { max: 1, timeoutMs: Infinity },
  ])('refuses %j', async (options) => {
    await using world = new World();
    await expect(world.manager().pull(E, options)).rejects.toMatchObject({ code: 'configuration' });
  });
});
