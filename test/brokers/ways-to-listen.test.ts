import { describe, expect, it } from '@jest/globals';
import { event, eventListener } from '../../src/index.js';
import type { Class, EventContext, EventManager } from '../../src/index.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { addressOf, ArtemisWorld, proxied, protocols } from '../support/artemis.js';
import { unique } from '../support/world.js';
import { ascending, numbers } from './processes/workers.js';

interface Numbered {
  readonly n: number;
}

function numbered(options: Parameters<typeof event>[0] = unique('ways')): { E: Class<Numbered>; events: (many: number) => Numbered[] } {
  @event(options)
  class E {
    readonly n: number;
    constructor(n = 0) {
      this.n = n;
    }
  }
  return { E, events: (many) => numbers(many).map((n) => new E(n)) };
}

async function made(manager: EventManager, E: Class<Numbered>, name: string): Promise<void> {
  const stream = manager.stream(E, { name });
  await stream.ready;
  await stream.return();
}

describe.each(protocols)('over $name', ({ url }) => {
  it('a stream that is left in the middle loses nothing: the next reader, of another process, gets the rest', async () => {
    const { E, events } = numbered();
    const name = unique('reader');
    await using world = new ArtemisWorld(url());
    const [one, two] = [await world.started(), await world.started()];
    await made(one, E, name);
    await one.sendEvents(events(200));
    const seen: number[] = [];
    for await (const { event: read } of one.stream(E, { name })) {
      if (seen.length === 90) break;
      seen.push(read.n);
    }
    const attempts = new Set<number>();
    for await (const { event: read, context, accept } of two.stream(E, { name })) {
      seen.push(read.n);
      attempts.add(context.attempt);
      if (seen.length === 200) {
        await accept();
        break;
      }
    }
    expect(seen).toEqual(numbers(200));
    expect([...attempts]).toEqual([1]);
    const queues = await world.queues();
    const queue = (await queues.list('')).find((each) => each.endsWith(`::${name}`));
    await waitUntil(async () => (await queues.count(queue as string)) === 0);
  });

  it('a stream goes on over a lost connection, and what is pulled is settled one by one', async () => {
    const { E, events } = numbered();
    const name = unique('reader');
    await using proxy = await TcpProxy.start({ target: addressOf(url()) });
    await using world = new ArtemisWorld(proxied(url(), proxy));
    const manager = await world.started();
    await made(manager, E, name);
    await manager.sendEvents(events(50));
    const seen: number[] = [];
    for await (const { event: read, accept } of manager.stream(E, { name })) {
      seen.push(read.n);
      if (seen.length === 20) proxy.cut();
      if (new Set(seen).size === 40) {
        await accept();
        break;
      }
    }
    // At least once: what was held when the connection went may come twice.
    expect(ascending([...new Set(seen)])).toEqual(numbers(40));
    const pulled = await manager.pull(E, { name, max: 10, timeoutMs: 10_000 });
    for (const [index, { accept, archive }] of pulled.entries()) expect(await (index === 0 ? archive('no') : accept())).toBe('settled');
    const queues = await world.queues();
    await waitUntil(async () => (await queues.count(`archive.${name}`)) === 1);
  }, 30_000);

  it('function listeners and listener classes come and go while the manager runs', async () => {
    const { E, events } = numbered();
    const byClass: number[] = [];
    @eventListener(E, unique('class'))
    class L {
      on({ n }: Numbered): void {
        byClass.push(n);
      }
    }
    await using world = new ArtemisWorld(url());
    const manager = await world.started({ listeners: [L] });
    const byFunction: number[] = [];
    const handle = manager.listen(E, { name: unique('function') }, ({ n }) => void byFunction.push(n));
    await handle.ready;
    await manager.sendEvents(events(20));
    await waitUntil(() => byFunction.length === 20 && byClass.length === 20);
    await Promise.all([handle.stop(), manager.listener(L).stop()]);
    await manager.sendEvents(events(20));
    await stays(() => byFunction.length === 20 && byClass.length === 20, { windowMs: 100 });
    await Promise.all([handle.start(), manager.listener(L).start()]);
    await waitUntil(() => byFunction.length === 40 && byClass.length === 40);
    expect(manager.health().ready).toBe(true);
  });

  it('a pattern gets what matches, its retries and replays reach it alone', async () => {
    const root = unique('pattern');
    const { E } = numbered(`${root}.declared`);
    const seen: string[] = [];
    const others: number[] = [];
    let fails = true;
    @eventListener(`${root}.*`, { name: unique('all'), retry: { maxRetries: 1, initialDelayMs: 1 } })
    class All {
      on(one: object, { envelope, attempt }: EventContext): void {
        seen.push(`${envelope.type.slice(root.length + 1)} ${String(one instanceof E)} ${String(attempt)}`);
        if (fails) throw new Error('not yet');
      }
    }
    @eventListener(E, unique('one'))
    class One {
      on(_one: Numbered, { attempt }: EventContext): void {
        others.push(attempt);
      }
    }
    await using world = new ArtemisWorld(url());
    const manager = await world.started({ listeners: [All, One] });
    await manager.sendEvent(new E(1));
    await manager.send(`${root}.unheard`, { n: 2 });
    const archive = manager.archive(All);
    await waitUntil(async () => (await archive.count()) === 2);
    expect([...seen].sort()).toEqual(['declared true 1', 'declared true 2', 'unheard false 1', 'unheard false 2']);
    fails = false;
    expect(await archive.replay()).toBe(2);
    await waitUntil(() => seen.length === 6);
    expect(seen.slice(4).sort()).toEqual(['declared true 1', 'unheard false 1']);
    expect(others).toEqual([1]);
  });

  it('a work queue waits while nobody listens, and is shared by all processes', async () => {
    const { E, events } = numbered({ name: unique('work'), routing: 'anycast' });
    const seen: number[] = [];
    @eventListener(E, { name: unique('worker'), prefetch: 1, concurrency: 1 })
    class Worker {
      async on({ n }: Numbered): Promise<void> {
        seen.push(n);
        await new Promise((wake) => setImmediate(wake));
      }
    }
    await using world = new ArtemisWorld(url());
    const sender = await world.started();
    await sender.sendEvents(events(150));
    const workers = await Promise.all([1, 2, 3].map(() => world.started({ listeners: [Worker] })));
    await waitUntil(() => seen.length >= 150);
    await waitUntil(async () => (await workers[0]?.listener(Worker).lag()) === 0);
    expect(ascending(seen)).toEqual(numbers(150));
    expect(workers.map((worker) => worker.counters().handled).every((handled) => handled > 0)).toBe(true);
  });

  it('a server with a stable name gets the 100 broadcasts it missed, a new one what comes after it', async () => {
    const { E, events } = numbered();
    @eventListener(E, { name: unique('board'), perProcess: true })
    class Board {
      on(_one: Numbered): void {
        // counted
      }
    }
    await using world = new ArtemisWorld(url());
    const stable = world.manager({ listeners: [Board], serverName: unique('stable') });
    await stable.start();
    await stable.stop();
    const sender = await world.started();
    await sender.sendEvents(events(100));
    const fresh = await world.started({ listeners: [Board] });
    await stable.start();
    await waitUntil(() => stable.counters().handled === 100);
    await sender.sendEvents(events(1));
    await waitUntil(() => stable.counters().handled === 101 && fresh.counters().handled === 1);
    await stays(() => fresh.counters().handled === 1, { windowMs: 100 });
  });
});
