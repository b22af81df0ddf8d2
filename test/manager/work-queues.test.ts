import { describe, expect, it } from '@jest/globals';
import { event, eventListener, faultListener } from '../../src/index.js';
import type { Fault } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { unique, World } from '../support/world.js';

const jobs = unique('work');

@event({ name: jobs, routing: 'anycast' })
class Job {
  readonly n: number;
  constructor(n = 0) {
    this.n = n;
  }
}

const news = unique('news');

@event(news)
class News {
  readonly n: number;
  constructor(n = 0) {
    this.n = n;
  }
}

function many<T>(make: (n: number) => T, count: number): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

describe('a work queue', () => {
  it('waits while nobody listens, and each of its events is handled by one of all processes', async () => {
    const seen: number[] = [];
    @eventListener(Job, unique('worker'))
    class Worker {
      async on({ n }: Job): Promise<void> {
        seen.push(n);
        await Promise.resolve();
      }
    }
    await using world = new World();
    const namePrefix = `${unique('p')}.`;
    const sender = await world.started({ consume: false, namePrefix });
    await sender.sendEvents(many((n) => new Job(n), 60));
    const workers = [
      await world.started({ listeners: [Worker], namePrefix, concurrency: 1 }),
      await world.started({ listeners: [Worker], namePrefix, concurrency: 1 }),
    ];
    expect(workers[0]?.health().subscriptions[0]?.queue).toBe(`${namePrefix}${jobs}::${namePrefix}${jobs}`);
    await sender.sendEvents(many((n) => new Job(60 + n), 60));
    await waitUntil(() => seen.length >= 120);
    await waitUntil(async () => (await workers[0]?.listener(Worker).lag()) === 0);
    expect([...seen].sort((a, b) => a - b)).toEqual(many((n) => n, 120));
    expect(workers.every((worker) => worker.counters().handled > 0)).toBe(true);
  });

  it('has an archive of its own name, from which events are replayed, and faults of which everybody hears', async () => {
    let fails = true;
    const seen: number[] = [];
    const faults: string[] = [];
    @eventListener(Job, { name: unique('worker'), retry: { maxRetries: 1, initialDelayMs: 1 } })
    class Worker {
      on({ n }: Job): void {
        seen.push(n);
        if (fails) throw new Error('not yet');
      }
    }
    @faultListener(Job, unique('told'))
    class Told {
      on(_job: Job | undefined, fault: Fault): void {
        faults.push(fault.failed.queue);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [Worker, Told] });
    await manager.sendEvent(new Job(1));
    const archive = manager.archive(Worker);
    await waitUntil(async () => (await archive.count()) === 1);
    expect(await (await world.queues()).count(`archive.${jobs}`)).toBe(1);
    await waitUntil(() => faults[0] === `${jobs}::${jobs}`);
    fails = false;
    expect(await archive.replay()).toBe(1);
    await waitUntil(() => seen.length === 3);
  });

  it('has one listener class in a manager, and no copies for processes', async () => {
    @eventListener(Job, unique('one'))
    class One {
      on(_job: Job): void {
        // never
      }
    }
    @eventListener(Job, { name: unique('two'), perProcess: true })
    class Two {
      on(_job: Job): void {
        // never
      }
    }
    await using world = new World();
    await expect(world.started({ listeners: [One, Two] })).rejects.toMatchObject({
      mistakes: [
        expect.stringMatching(/Two .*says perProcess.*work queue/),
        expect.stringMatching(/One .*Two .*both listen to .*work queue/),
      ],
    });
    const manager = await world.started({ listeners: [One] });
    expect(() => manager.listen(Job, { name: unique('three') }, () => undefined)).toThrow(/both listen to/);
  });
});

describe('an event for every server', () => {
  it('reaches one with a stable name that was away, and a new one from its start on only', async () => {
    const seen: string[] = [];
    @eventListener(News, { name: unique('board'), perProcess: true })
    class Board {
      on({ n }: News, { listener }: { listener: { name: string } }): void {
        seen.push(`${listener.name} ${String(n)}`);
      }
    }
    await using world = new World();
    const stable = world.manager({ listeners: [Board], serverName: 'stable' });
    await stable.start();
    await stable.stop();
    const sender = await world.started({ consume: false });
    await sender.sendEvents(many((n) => new News(n), 100));
    const fresh = await world.started({ listeners: [Board], serverName: 'fresh' });
    const passing = await world.started({ listeners: [Board] });
    await stable.start();
    await waitUntil(() => stable.counters().handled === 100);
    await sender.sendEvent(new News(100));
    await waitUntil(() => [stable, fresh, passing].every((manager) => manager.counters().handled >= 1) && seen.length === 103);
    expect([stable, fresh, passing].map((manager) => manager.counters().handled)).toEqual([101, 1, 1]);
  });
});
