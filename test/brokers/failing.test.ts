import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { event, eventListener } from '../../src/index.js';
import type { EventContext } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { ArtemisWorld, artemisProvider, protocols } from '../support/artemis.js';
import { unique } from '../support/world.js';
import { ascending, numbers, Workers } from './processes/workers.js';

const longMs = 120_000;

function numbered(name = unique('numbered')) {
  @event(name)
  class Numbered {
    readonly n: number = 0;
  }
  return { name, Numbered, events: (many: number) => numbers(many).map((n) => Object.assign(new Numbered(), { n })) };
}

describe.each(protocols)('over $name', ({ url }) => {
  describe('a listener that fails three times, then succeeds', () => {
    it(
      'has the attempts 1, 2, 3, 4 though its process is killed and replaced between them; delays are kept, its sibling runs once',
      async () => {
        const { name, events } = numbered();
        const [failing, sibling] = [unique('failing'), unique('sibling')];
        await using world = new ArtemisWorld(url());
        await using workers = new Workers();
        const task = { url: url(), event: name, listeners: [{ name: failing, failUntilAttempt: 4 }, { name: sibling }] };
        const queues = await world.queues();
        const manager = await world.started();
        let worker = await workers.start(task);
        await manager.sendEvents(events(1));
        for (let attempt = 1; attempt <= 3; attempt++) {
          await waitUntil(() => workers.begun.some((begun) => begun.listener === failing && begun.attempt === attempt));
          // Its retry is written when the original is gone; the sibling's too, the first time.
          await waitUntil(async () => (await queues.count(`${name}::${sibling}`)) === 0);
          workers.kill(worker);
          worker = await workers.start(task);
        }
        await waitUntil(() => workers.by(failing).length === 1);
        const begun = workers.begun.filter(({ listener }) => listener === failing);
        // Where a kill comes between an attempt and its settlement that attempt is made again, and keeps its number.
        expect(ascending([...new Set(begun.map(({ attempt }) => attempt))])).toEqual([1, 2, 3, 4]);
        expect(workers.by(sibling)).toHaveLength(1);
      },
      longMs,
    );
  });

  describe('a replay', () => {
    it(
      'whose process is killed in the middle, three times, loses none of 200 and repeats none',
      async () => {
        const { name, Numbered, events } = numbered();
        const listener = unique('l');
        let healthy = false;
        const handled: number[] = [];
        @eventListener(Numbered, { name: listener, onError: 'archive', breaker: false })
        class Failing {
          on({ n }: { readonly n: number }): void {
            if (!healthy) throw new Error('not yet');
            handled.push(n);
          }
        }
        await using world = new ArtemisWorld(url());
        const manager = await world.started({ listeners: [Failing] });
        await manager.sendEvents(events(200));
        const queues = await world.queues();
        await waitUntil(async () => (await queues.count(`archive.${listener}`)) === 200);
        // Paused, so that what is put back stands still and can be counted.
        await manager.listener(Failing).pause();
        const script = fileURLToPath(new URL('processes/replayer.js', import.meta.url));
        const left: number[] = [];
        for (const killAt of [160, 100, 40]) {
          const replayer = fork(script, [url(), name, listener], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
          const ended = new Promise<void>((resolve) => replayer.once('exit', () => resolve()));
          await waitUntil(async () => (await queues.count(`archive.${listener}`)) <= killAt, { timeoutMs: 30_000, what: 'half a replay' });
          replayer.kill('SIGKILL');
          await ended;
          left.push(await queues.count(`archive.${listener}`));
        }
        expect(left.every((count) => count > 0)).toBe(true);
        healthy = true;
        manager.listener(Failing).resume();
        await manager.archive(Failing).replay();
        await waitUntil(() => new Set(handled).size === 200, { what: () => `200 events; there were ${String(new Set(handled).size)}` });
        await waitUntil(async () => (await queues.count(`${name}::${listener}`)) === 0);
        expect(await queues.count(`archive.${listener}`)).toBe(0);
        // One by one, and with an id that the broker knows already.
        expect(ascending(handled)).toEqual(numbers(200));
      },
      longMs,
    );
  });

  describe('an archive of at most 100', () => {
    it(
      'keeps the newest 100 of 150, and keeps the queue free',
      async () => {
        const { name, Numbered, events } = numbered();
        const listener = unique('l');
        @eventListener(Numbered, { name: listener, onError: 'archive', breaker: false, concurrency: 1 })
        class Failing {
          on(): void {
            throw new Error('never');
          }
        }
        await using world = new ArtemisWorld(url());
        const provider = artemisProvider(url());
        const manager = await world.started({ provider, listeners: [Failing], archive: { maxCount: 100 } });
        await manager.sendEvents(events(150));
        await waitUntil(() => manager.counters().archived === 150, { timeoutMs: 30_000 });
        await waitUntil(async () => (await provider.queues.count(`${name}::${listener}`)) === 0);
        const kept: number[] = [];
        for await (const { body } of manager.archive(Failing).browse()) kept.push((JSON.parse(String(body)) as { n: number }).n);
        expect(kept).toEqual(numbers(150).slice(50));
        await waitUntil(async () => (await manager.archive(Failing).count()) === 100, { what: 'an archive of 100' });
      },
      longMs,
    );
  });

  describe('garbage', () => {
    it(
      'of 200 messages among 2 000 good events is archived, and the good ones are handled without a restart of anything',
      async () => {
        const { name, Numbered, events } = numbered();
        const listener = unique('l');
        const handled = new Set<number>();
        @eventListener(Numbered, { name: listener })
        class Listener {
          on({ n }: { readonly n: number }, _context: EventContext): void {
            handled.add(n);
          }
        }
        await using world = new ArtemisWorld(url());
        const provider = artemisProvider(url());
        const manager = await world.started({ provider, listeners: [Listener] });
        const changes: string[] = [];
        manager.onStateChange((change) => changes.push(`${change.state} ${change.provider}`));
        const garbage = ['{ no json', '', 'null', '[1,2]', '"text"', '\u0000\u0001', `{"n":${'['.repeat(3000)}}`];
        const send = (index: number): Promise<void> =>
          provider.send(
            { body: garbage[index % garbage.length] ?? '', headers: new Map([['own', String(index)]]), durable: true },
            { address: name, routing: 'multicast', deadlineAt: Date.now() + 30_000 },
          );
        await Promise.all([...numbers(200).map(send), manager.sendEvents(events(2_000))]);
        await waitUntil(() => handled.size === 2_000 && manager.counters().archived === 200, {
          timeoutMs: 60_000,
          what: () => JSON.stringify(manager.counters()),
        });
        await waitUntil(async () => (await provider.queues.count(`archive.${listener}`)) === 200);
        await waitUntil(async () => (await provider.queues.count(`${name}::${listener}`)) === 0);
        expect(manager.counters()).toMatchObject({ handled: 2_000, failed: 200, retried: 0, stale: 0 });
        expect(changes).toEqual([]);
      },
      longMs,
    );
  });
});
