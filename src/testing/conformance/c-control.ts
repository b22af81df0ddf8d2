import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Class } from '../../core/descriptors.js';
import type { EventManager } from '../../manager/event-manager.js';
import type { Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { gate, range, sorted, type Gate } from './gate.js';
import type { MadeListener, Note } from './made-classes.js';

/** Listeners that are steered while they run. */
export const controlCases: readonly CaseDefinition[] = [
  {
    id: 'CF-C2',
    name: 'the concurrency can be raised, lowered, raised and lowered again while running: the last value holds',
    promise: 7,
    run: async (bench) => {
      const event = bench.event();
      let hold = gate();
      const listener = bench.listener(event, () => hold.passed, { concurrency: 2 });
      const manager = await bench.started({ listeners: [listener] });
      const control = manager.listener(listener.target);
      await Promise.all(Array.from({ length: 60 }, (_, n) => manager.sendEvent(event, { n, text: '' })));
      await bench.time.until('2 run', () => listener.running === 2);
      control.setConcurrency(8);
      await bench.time.until('8 run', () => listener.running === 8);
      control.setConcurrency(3);
      control.setConcurrency(6);
      control.setConcurrency(1);
      const before = hold;
      hold = gate();
      before.open();
      await bench.time.until('1 runs', () => listener.running === 1 && listener.calls.length === 9);
      await bench.time.stays('no more than 1 runs', () => listener.running === 1 && listener.calls.length === 9);
      control.setConcurrency(5);
      await bench.time.until('5 run', () => listener.running === 5);
      hold.open();
      await bench.time.until('all are handled', () => listener.calls.length === 60 && listener.running === 0);
      ok(listener.mostRunning <= 8);
    },
  },
  {
    id: 'CF-C8',
    name: 'a paused listener begins nothing, settles what runs, and leaves what it held to another process; then it resumes',
    promise: 3,
    needs: ['manage', 'promptReturns'],
    run: async (bench) => {
      const { event, name, first, manager, hold } = await oneRunsAndFiveAreHeld(bench);
      const { queue } = await bench.names(first);
      const control = manager.listener(first.target);
      await bench.time.ends('the pause', control.pause());
      equal(manager.health().subscriptions[0]?.paused, true);
      equal(manager.health().subscriptions[0]?.held, 0);
      const second = bench.listener(event, undefined, { name });
      const other = await bench.started({ listeners: [second] });
      await bench.time.until('the other process has handled five', () => second.calls.length === 5);
      deepEqual(second.attempts, [1, 1, 1, 1, 1]);
      hold.open();
      await bench.holds(queue, 0);
      await bench.stop(other);
      await manager.sendEvent(event, { n: 7, text: '' });
      await bench.time.stays('nothing is begun', () => first.calls.length === 1);
      equal(await control.lag(), 1);
      control.resume();
      await bench.time.until('it is handled after the pause', () => first.calls.length === 2);
      await bench.time.until('nothing is left', async () => (await control.lag()) === 0);
    },
  },
  {
    id: 'CF-C8b',
    name: 'a listener that is paused and resumed handles what it held before, each event once and as its first attempt',
    promise: 3,
    run: async (bench) => {
      for (const runsOn of [false, true]) {
        const { first, manager, hold } = await oneRunsAndFiveAreHeld(bench);
        const control = manager.listener(first.target);
        await bench.time.ends('the pause', control.pause());
        if (!runsOn) hold.open();
        await bench.time.stays('nothing is begun', () => first.calls.length === 1);
        control.resume();
        await bench.time.stays('at most one runs', () => first.mostRunning === 1);
        hold.open();
        await bench.time.until('all are handled', () => manager.counters().handled === 6);
        await bench.time.stays('each once', () => first.calls.length === 6);
        deepEqual([sorted(first.numbers), first.attempts], [range(6), range(6).map(() => 1)]);
        await bench.stop(manager);
      }
    },
  },
  {
    id: 'CF-C9',
    name: 'a listener whose every attempt fails is paused by its breaker; afterwards all is handled and nothing archived',
    promise: 5,
    needs: ['manage', 'delay'],
    run: async (bench) => {
      const event = bench.event();
      let up = false;
      const listener = bench.listener(
        event,
        () => {
          if (!up) throw new Error('the database is down');
        },
        { breaker: { failures: 20, pauseMs: 1_000 }, retry: { maxRetries: 10, initialDelayMs: 20, factor: 2 } },
      );
      const sibling = bench.listener(event);
      const manager = await bench.started({ listeners: [listener, sibling] });
      for (let n = 0; n < 100; n++) await manager.sendEvent(event, { n, text: '' });
      await bench.time.until('it is paused', () => manager.health().subscriptions[0]?.paused === true);
      ok(manager.health().degraded.some((complaint) => complaint.includes('breaker')));
      equal(manager.health().ready, true);
      // What ran at that moment may have failed too, but no more than that.
      const { failed, paused } = manager.counters();
      ok(failed >= 20 && failed < 30, `${String(failed)} attempts failed`);
      await bench.time.until('it was tried and paused again', () => manager.counters().paused >= paused + 2, 20_000);
      equal(manager.counters().failed - failed, manager.counters().paused - paused, 'each pause ends with one attempt');
      up = true;
      await bench.time.until('all are handled', () => new Set(listener.numbers).size === 100 && listener.running === 0, 20_000);
      const { queue, archive } = await bench.names(listener);
      await bench.holds(queue, 0);
      equal(await bench.count(archive), 0);
      equal(sibling.calls.length, 100);
      deepEqual(manager.health().degraded, []);
    },
  },
];

interface HalfBusy {
  readonly event: Class<Note>;
  readonly name: string;
  readonly first: MadeListener;
  readonly manager: EventManager;
  /** What the running one waits for. */
  readonly hold: Gate;
}

/** A listener with concurrency 1 and prefetch 5, full. */
async function oneRunsAndFiveAreHeld(bench: Bench): Promise<HalfBusy> {
  const event = bench.event();
  const hold = gate();
  const name = bench.unique('listener');
  const first = bench.listener(event, () => hold.passed, { name, concurrency: 1, prefetch: 5 });
  const manager = await bench.started({ listeners: [first] });
  await Promise.all(range(6).map((n) => manager.sendEvent(event, { n, text: '' })));
  await bench.time.until('one runs and five are held', () => {
    const [subscription] = manager.health().subscriptions;
    return subscription?.running === 1 && subscription.held === 5;
  });
  return { event, name, first, manager, hold };
}
