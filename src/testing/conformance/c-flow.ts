import { deepEqual, equal } from 'node:assert/strict';
import { addressOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { gate, range, sorted } from './gate.js';

/** How much runs at once, in which order, and who waits. */
export const flowCases: readonly CaseDefinition[] = [
  {
    id: 'CF-C1',
    name: 'with concurrency 4, four of 20 events overlap and never five',
    promise: 7,
    run: async (bench) => {
      const event = bench.event();
      let hold = gate();
      const listener = bench.listener(event, () => hold.passed, { concurrency: 4 });
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvents(range(20).map((n) => Object.assign(new event(), { n })));
      for (let round = 1; round <= 5; round++) {
        await bench.time.until('four run', () => listener.running === 4 && listener.calls.length === 4 * round);
        const full = hold;
        hold = gate();
        full.open();
      }
      hold.open();
      await bench.time.until('all have run', () => manager.counters().handled === 20);
      equal(listener.mostRunning, 4);
    },
  },
  {
    id: 'CF-C3',
    name: 'with concurrency 1 each event is settled before the next one ends, and none overlap',
    promise: 3,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      let queue = '';
      const listener = bench.listener(event, ({ note }) => bench.holds(queue, 4 - note.n, 5_000), { concurrency: 1, prefetch: 3 });
      ({ queue } = await bench.names(listener));
      await bench.stop(await bench.started({ listeners: [listener] }));
      const sender = await bench.started();
      await sender.sendEvents(range(4).map((n) => Object.assign(new event(), { n })));
      const manager = await bench.started({ listeners: [listener] });
      await bench.time.until('all have run', () => manager.counters().handled === 4);
      deepEqual([listener.numbers, listener.mostRunning, manager.counters().failed], [range(4), 1, 0]);
    },
  },
  {
    id: 'CF-C4',
    name: 'with concurrency 4 and prefetch 4, eight events are handed over and no more, and no more than allowed leave the broker',
    promise: 7,
    needs: ['manage'],
    run: async (bench) => {
      const [count, limit] = [40, 8];
      const text = 'x'.repeat(4_000);
      const event = bench.event();
      const hold = gate();
      const listener = bench.listener(event, () => hold.passed, { concurrency: 4, prefetch: 4 });
      const manager = await bench.started({ listeners: [listener] });
      const { queue } = await bench.names(listener);
      await manager.sendEvents(range(count).map((n) => Object.assign(new event(), { n, text })));
      const handedOver = (): number => {
        const [subscription] = manager.health().subscriptions;
        return (subscription?.running ?? 0) + (subscription?.held ?? 0);
      };
      const staying = count - bench.mostHeld(limit, text.length);
      await bench.time.until('eight are handed over', () => handedOver() === limit && listener.running === 4);
      await bench.holds(queue, count);
      await bench.time.stays(
        `${String(staying)} or more wait at the broker`,
        async () => handedOver() === limit && (await bench.browse(queue)).length >= staying,
      );
      equal(listener.running, 4);
      await bench.holds(queue, count);
      hold.open();
      await bench.holds(queue, 0);
      deepEqual(sorted(listener.numbers), range(count));
    },
  },
  {
    id: 'CF-C5',
    name: 'sends wait while the broker gives no credit, and all arrive once it does',
    promise: 2,
    needs: ['credit', 'block'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      await bench.stop(await bench.started({ listeners: [listener] }));
      const unblock = await bench.fault(bench.given.block?.(addressOf(event)));
      const manager = await bench.started();
      let ended = 0;
      const end = (): number => ended++;
      const sends = range(50).map((n) => manager.sendEvent(event, { n, text: '' }));
      for (const send of sends) send.then(end, end);
      await bench.time.stays('all sends wait', () => ended === 0 && manager.health().pending === 50);
      await unblock();
      await bench.time.ends('the sends', Promise.all(sends));
      await bench.started({ listeners: [listener] });
      await bench.time.until('all have arrived', () => listener.calls.length >= 50);
      deepEqual(sorted(listener.numbers), range(50));
    },
  },
  {
    id: 'CF-C6',
    name: 'one consumer with concurrency 1 gets 1 000 events in the order of the sends',
    promise: 1,
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, () => Promise.resolve(), { concurrency: 1, prefetch: 20 });
      const manager = await bench.started({ listeners: [listener] });
      await Promise.all(range(1000).map((n) => manager.sendEvent(event, { n, text: '' })));
      await bench.time.until('all have arrived', () => listener.calls.length >= 1000, 30_000);
      deepEqual(listener.numbers, range(1000));
    },
  },
];
