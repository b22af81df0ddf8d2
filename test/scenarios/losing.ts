import { deepEqual, ok } from 'node:assert/strict';
import { RetryLater, type SubscriptionSpec } from '../../src/index.js';
import { gate, range, sorted } from '../../src/testing/conformance/gate.js';
import { randomFrom } from '../support/random.js';
import { cutAndBack, notes, type Scenario } from './scenario.js';

/** Connections that are lost under listeners. */
export const losingScenarios: readonly Scenario[] = [
  {
    id: 'REG-1',
    name: 'after a cut a listener of concurrency 3 gets all 10 events, and never takes a fourth while three run',
    needs: ['cut', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const gates = [gate(), gate()];
      const handle = ({ note }: { note: { n: number } }): unknown => gates[note.n < 3 ? 0 : 1]?.passed;
      // With none held back it is the credit that keeps the fourth away, with some it is the listener's own count.
      const prefetches = [0, 3];
      const listeners = prefetches.map((prefetch) => bench.listener(event, handle, { concurrency: 3, prefetch }));
      const manager = await bench.started({ listeners });
      const begun = (calls: number): boolean =>
        listeners.every((listener) => listener.calls.length === calls && listener.running === 3) &&
        manager.health().subscriptions.every(({ held }, index) => held <= (prefetches[index] ?? 0));
      await cutAndBack(bench, manager);
      await manager.sendEvents(notes(event, 10));
      await bench.time.until('three run', () => begun(3));
      await bench.time.stays('no fourth is taken', () => begun(3));
      await cutAndBack(bench, manager);
      await bench.time.stays('runs that outlive their connection keep their places', () => begun(3));
      gates[0]?.open();
      await bench.time.until('the next three run', () => begun(6));
      await bench.time.stays('no fourth of them is taken', () => begun(6));
      gates[1]?.open();
      await bench.time.until('all are handled', () => listeners.every(({ numbers }) => new Set(numbers).size === 10));
      for (const listener of listeners) {
        await bench.holds((await bench.names(listener)).queue, 0);
        deepEqual([sorted(listener.numbers), listener.mostRunning], [range(10), 3]);
      }
    },
  },
  {
    id: 'REG-6',
    name: 'five cuts leave one consumer to each live listener, none to the one that was ended, and another provider untouched',
    needs: ['cut', 'manage'],
    run: async (bench, rig) => {
      const specs = range(4).map(() => bench.spec(bench.unique('event')));
      const [live, ended, ...others] = specs;
      if (live === undefined || ended === undefined) throw new Error('four specs were made');
      const first = await bench.startedPeer([live, ended]);
      const second = bench.peer(rig.apart());
      await second.start(others);
      const inbox = await first.listen(live);
      const dropped = await first.listen(ended);
      for (const spec of others) await second.listen(spec);
      await dropped.subscription.close();
      for (const round of range(5)) {
        const losses = first.states.filter(({ state }) => state === 'reconnecting').length;
        await bench.given.cut?.();
        await bench.time.until(
          `cut ${String(round + 1)} is noticed`,
          () => first.states.filter(({ state }) => state === 'reconnecting').length > losses,
        );
        await first.connected(inbox);
      }
      const consumers = async (peer: typeof first, { event, queue }: SubscriptionSpec): Promise<number | undefined> =>
        peer.provider.queues?.consumers(`${event}::${queue}`);
      const asTheyShall = async (): Promise<boolean> => {
        const counts = await Promise.all(specs.map((spec, index) => consumers(index < 2 ? first : second, spec)));
        return counts.join() === '1,0,1,1';
      };
      await bench.time.until('each live listener has one consumer', asTheyShall);
      await bench.time.stays('each live listener has one consumer', asTheyShall);
      await first.send(live.event, 'still here');
      await bench.time.until('it receives', () => inbox.count === 1);
      await inbox.accept(0);
      deepEqual(
        second.states.map(({ state }) => state).filter((state) => state !== 'connecting'),
        ['connected'],
      );
    },
  },
  {
    id: 'REG-11',
    name: 'a run that outlives its connection keeps its slot, and its redelivery to this process takes over the result',
    needs: ['cut', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const hold = gate();
      const listener = bench.listener(event, () => hold.passed, { concurrency: 2, prefetch: 4 });
      const manager = await bench.started({ listeners: [listener] });
      const { queue } = await bench.names(listener);
      await manager.sendEvent(event, { n: 0, text: '' });
      await bench.time.until('it runs', () => listener.running === 1);
      await cutAndBack(bench, manager);
      for (const n of [1, 2]) await manager.sendEvent(event, { n, text: '' });
      await bench.time.until('the other place is taken', () => listener.running === 2);
      await bench.time.stays('neither it nor a third event runs beside it', () => listener.numbers.join() === '0,1');
      await bench.holds(queue, 3);
      hold.open();
      await bench.time.until('all are handled', () => listener.numbers.length > 2);
      await bench.holds(queue, 0);
      deepEqual(listener.numbers, [0, 1, 2]);
      const { handled, stale, adopted, failed } = manager.counters();
      deepEqual({ handled, stale, adopted, failed }, { handled: 3, stale: 1, adopted: 1, failed: 0 });
    },
  },
  {
    id: 'REG-11',
    name: 'redelivered to another process it is handled there, and the late settlement is skipped, counted, and touches no other delivery',
    needs: ['cut', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const gates = range(3).map(() => gate());
      const listener = bench.listener(event, ({ note }) => gates[note.n]?.passed, { concurrency: 2, prefetch: 0 });
      const here = await bench.started({ listeners: [listener] });
      const { queue } = await bench.names(listener);
      const send = (n: number): Promise<unknown> => here.sendEvent(event, { n, text: '' });
      await send(0);
      await send(1);
      await bench.time.until('both run here', () => listener.running === 2);
      // Both places here are taken by runs of the lost connection, so the broker can only turn to the other process.
      const elsewhere = bench.listener(event, undefined, { name: listener.name });
      const there = await bench.started({ listeners: [elsewhere] });
      await cutAndBack(bench, here);
      await bench.time.until('both are handled there', () => elsewhere.calls.length === 2);
      await bench.holds(queue, 0);
      await bench.stop(there);
      gates[1]?.open();
      await bench.time.until('the first late result is skipped', () => here.counters().stale === 1);
      await send(2);
      await bench.time.until('its place is used again', () => listener.numbers.join() === '0,1,2');
      // It was the first delivery of its connection, as the new one is of this: brokers number both alike.
      gates[0]?.open();
      await bench.time.until('the second late result is skipped', () => here.counters().stale === 2);
      await bench.time.stays('the new delivery is still unsettled', async () => (await bench.count(queue)) === 1);
      gates[2]?.open();
      await bench.holds(queue, 0);
      deepEqual(sorted(elsewhere.numbers), [0, 1]);
      deepEqual(listener.numbers, [0, 1, 2]);
      deepEqual(
        [elsewhere.attempts, listener.attempts],
        [
          [1, 1],
          [1, 1, 1],
        ],
      );
    },
  },
  {
    id: 'REG-15',
    name: 'over three reconnects and random outcomes of 500 events no cap of 1, 3 and 10 is exceeded, and each is reached again',
    needs: ['cut', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const events = 500;
      const seed = Date.now() % 1_000_000;
      const random = randomFrom(seed);
      const caps = [1, 3, 10];
      const done = caps.map(() => new Set<number>());
      // Of the runs that were begun since the last reconnect.
      let running = caps.map(() => 0);
      let peaks = caps.map(() => 0);
      const listeners = caps.map((cap, index) =>
        bench.listener(
          event,
          async ({ note, attempt }) => {
            const mine = running;
            peaks[index] = Math.max(peaks[index] ?? 0, (mine[index] = (mine[index] ?? 0) + 1));
            // All three go at one pace, so that none is through before the others.
            await new Promise((wake) => setTimeout(wake, 2 * cap));
            mine[index] = (mine[index] ?? 0) - 1;
            const dice = attempt < 4 ? random() : 1;
            if (dice < 0.1) throw new Error('at random');
            if (dice < 0.15) throw new RetryLater(30);
            done[index]?.add(note.n);
          },
          { concurrency: cap, breaker: false },
        ),
      );
      const manager = await bench.started({ listeners });
      const all = notes(event, events);
      const part = events / 4;
      for (const round of range(4)) {
        await manager.sendEvents(all.slice(round * part, (round + 1) * part));
        const again = (): boolean => peaks.every((peak, index) => peak === caps[index]);
        await bench.time.until(`each cap is reached in round ${String(round)} (seed ${String(seed)})`, again);
        await bench.time.until('some are handled', () => done.every(({ size }) => size >= (round + 0.3) * part), 60_000);
        if (round === 3) break;
        await cutAndBack(bench, manager);
        running = caps.map(() => 0);
        peaks = caps.map(() => 0);
      }
      await bench.time.until('all are handled', () => done.every(({ size }) => size === events), 60_000);
      deepEqual(
        listeners.map(({ mostRunning }) => mostRunning),
        caps,
        `seed ${String(seed)}`,
      );
      for (const listener of listeners) await bench.holds((await bench.names(listener)).queue, 0);
      ok(manager.counters().retried > 0, 'some were retried');
    },
  },
];
