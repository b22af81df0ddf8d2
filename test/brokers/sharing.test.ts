import { describe, expect, it } from '@jest/globals';
import { event, eventListener } from '../../src/index.js';
import { createHarness } from '../../src/testing/harness.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { addressOf, ArtemisWorld, proxied, protocols } from '../support/artemis.js';
import { gate, unique } from '../support/world.js';
import { ascending, numbers, Workers } from './processes/workers.js';

const count = 1000;

function numbered(name = unique('numbered')) {
  @event(name)
  class Numbered {
    readonly n: number = 0;
  }
  return { Numbered, name, events: (many: number) => numbers(many).map((n) => Object.assign(new Numbered(), { n })) };
}

describe.each(protocols)('over $name', ({ url }) => {
  describe('on Artemis, events', () => {
    it('come exactly once to each of three listeners in one process', async () => {
      const { Numbered, events } = numbered();
      const seen: number[][] = [[], [], []];
      const listeners = seen.map((notes) => {
        @eventListener(Numbered, unique('l'))
        class L {
          on({ n }: { n: number }): void {
            notes.push(n);
          }
        }
        return L;
      });
      await using world = new ArtemisWorld(url());
      const manager = await world.started({ listeners });
      await manager.sendEvents(events(count));
      await waitUntil(() => seen.every((notes) => notes.length >= count));
      await createHarness(manager).quiet();
      expect(seen.map(ascending)).toEqual([0, 1, 2].map(() => numbers(count)));
    });

    it('are shared by two processes of one listener, none twice, and go to both with perProcess', async () => {
      const { name, events } = numbered();
      const [shared, copies] = [unique('shared'), unique('copies')];
      await using world = new ArtemisWorld(url());
      await using workers = new Workers();
      const listeners = [{ name: shared }, { name: copies, perProcess: true }];
      await Promise.all(numbers(2).map((index) => workers.start({ url: url(), event: name, serverName: `s${String(index)}`, listeners })));
      const manager = await world.started();
      await manager.sendEvents(events(count));
      await waitUntil(() => workers.by(copies).length >= 2 * count && workers.by(shared).length >= count);
      expect(await Promise.all([0, 1].map((worker) => workers.terminate(worker)))).toEqual([0, 0]);
      expect(ascending(workers.by(shared).map(({ n }) => n))).toEqual(numbers(count));
      expect(new Set(workers.by(shared).map(({ worker }) => worker)).size).toBe(2);
      for (const worker of [0, 1]) {
        expect(
          ascending(
            workers
              .by(copies)
              .filter((fact) => fact.worker === worker)
              .map(({ n }) => n),
          ),
        ).toEqual(numbers(count));
      }
    });

    it('never run above the concurrency of their listener, also after lost connections', async () => {
      const { Numbered, events } = numbered();
      let running = 0;
      let most = 0;
      const seen = new Set<number>();
      @eventListener(Numbered, { name: unique('l'), concurrency: 3 })
      class L {
        async on({ n }: { n: number }): Promise<void> {
          most = Math.max(most, ++running);
          await new Promise((wake) => setImmediate(wake));
          running--;
          seen.add(n);
        }
      }
      await using proxy = await TcpProxy.start({ target: addressOf(url()) });
      await using world = new ArtemisWorld(proxied(url(), proxy));
      await using direct = new ArtemisWorld(url());
      const manager = await world.started({ listeners: [L] });
      const sender = await direct.started();
      const sending = sender.sendEvents(events(count));
      for (const part of [0.2, 0.4, 0.6]) {
        await waitUntil(() => seen.size >= part * count);
        proxy.cut();
      }
      await sending;
      await waitUntil(() => seen.size === count);
      expect(most).toBe(3);
      expect(manager.health().ready).toBe(true);
    });

    it('of a slow listener do not keep those of another waiting', async () => {
      const { Numbered, events } = numbered();
      const hold = gate();
      let fast = 0;
      @eventListener(Numbered, { name: unique('slow'), concurrency: 1 })
      class Slow {
        async on(): Promise<void> {
          await hold.promise;
        }
      }
      @eventListener(Numbered, unique('fast'))
      class Fast {
        on(): void {
          fast++;
        }
      }
      await using world = new ArtemisWorld(url());
      const manager = await world.started({ listeners: [Slow, Fast] });
      // More than a session's buffer of 2 048 deliveries, which one that is held would stall.
      await manager.sendEvents(events(5000));
      await waitUntil(() => fast === 5000, { timeoutMs: 30_000 });
      hold.open();
    });

    it('are confirmed once each when five thousand are sent at the same time', async () => {
      const { events } = numbered();
      await using world = new ArtemisWorld(url());
      const manager = await world.started();
      const sent = await Promise.all(events(5000).map((each) => manager.sendEvent(each)));
      expect(new Set(sent.map(({ id }) => id)).size).toBe(5000);
    });
  });
});
