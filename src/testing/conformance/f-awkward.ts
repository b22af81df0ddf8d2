import { deepEqual, equal } from 'node:assert/strict';
import { SendError } from '../../core/errors.js';
import { addressOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { gate, range } from './gate.js';

const deadlineMs = 300;

/** Stops that come when something else is under way. */
export const awkwardCases: readonly CaseDefinition[] = [
  {
    id: 'CF-F5d',
    name: 'a stop while the start waits for a broker that is away resolves, the start rejects, and nothing connects afterwards',
    promise: 8,
    needs: ['down'],
    run: async (bench) => {
      const up = await bench.fault(bench.given.down?.());
      const manager = await bench.manager({ listeners: [bench.listener(bench.event())] });
      const starting = manager.start().then(
        () => 'started',
        (error: unknown) => (error as { code?: unknown }).code,
      );
      await bench.time.until('it tries', () => manager.health().provider.state === 'connecting');
      await bench.stop(manager, deadlineMs);
      equal(await bench.time.ends('the start', starting), 'not-running');
      await up();
      await bench.time.stays('it stays away', () => manager.state === 'stopped' && manager.health().provider.state === 'stopped');
    },
  },
  {
    id: 'CF-F5e',
    name: 'a stop while the breaker pauses the listener resolves, and leaves its events to others with their attempts as they were',
    promise: 8,
    needs: ['manage', 'delay'],
    run: async (bench) => {
      const event = bench.event();
      const name = bench.unique('listener');
      const listener = bench.listener(
        event,
        () => {
          throw new Error('down');
        },
        { name, breaker: { failures: 3, pauseMs: 60_000 }, concurrency: 2, prefetch: 4, retry: { initialDelayMs: 50, jitter: 'none' } },
      );
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvents(range(10).map((n) => Object.assign(new event(), { n })));
      await bench.time.until('it is paused', () => manager.health().subscriptions[0]?.paused === true);
      const failed = manager.counters().failed;
      await bench.stop(manager, deadlineMs);
      await bench.holds((await bench.names(listener)).queue, 10);
      const again = bench.listener(event, undefined, { name });
      await bench.started({ listeners: [again] });
      await bench.time.until('all are handled', () => again.calls.length === 10);
      deepEqual([...again.attempts].sort(), [...range(10 - failed).map(() => 1), ...range(failed).map(() => 2)]);
    },
  },
  {
    id: 'CF-F5f',
    name: 'a stop while the broker refuses the retry copy resolves, and the event is on its queue as if the attempt had not been',
    promise: 8,
    needs: ['manage', 'delay', 'refuse'],
    run: async (bench) => {
      const event = bench.event();
      const name = bench.unique('listener');
      const hold = gate();
      const listener = bench.listener(
        event,
        async () => {
          await hold.passed;
          throw new Error('no');
        },
        { name },
      );
      const manager = await bench.started({ listeners: [listener] });
      const { address, queue } = await bench.names(listener);
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it runs', () => listener.running === 1);
      const undo = await bench.fault(bench.given.refuse?.(address));
      hold.open();
      await bench.time.until('it has failed', () => manager.counters().failed === 1);
      await bench.stop(manager, deadlineMs);
      await undo();
      await bench.holds(queue, 1);
      const again = bench.listener(event, undefined, { name });
      await bench.started({ listeners: [again] });
      await bench.time.until('it comes again', () => again.calls.length === 1);
      deepEqual(again.attempts, [1]);
    },
  },
  {
    id: 'CF-F5g',
    name: 'a stop with a run that was given up at its timeout, a paused listener and another stop at once resolves without waiting for either',
    promise: 8,
    needs: ['delay'],
    run: async (bench) => {
      const [event, other] = [bench.event(), bench.event()];
      const hold = gate();
      const slow = bench.listener(event, () => hold.passed, {
        timeoutMs: 50,
        concurrency: 1,
        retry: { initialDelayMs: 60_000, jitter: 'none' },
      });
      const paused = bench.listener(other);
      const manager = await bench.started({ listeners: [slow, paused] });
      await manager.listener(paused.target).pause();
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it is given up', () => manager.counters().retried === 1);
      const began = bench.time.now();
      await Promise.all([bench.stop(manager, 20_000), bench.stop(manager, 20_000)]);
      equal(bench.time.now() - began < 20_000, true);
      hold.open();
      await bench.time.until('its end is noticed', () => manager.counters().late === 1);
    },
  },
  {
    id: 'CF-F5h',
    name: 'a stop while the broker gives no credit resolves at the deadline, and the waiting sends reject as not sent',
    promise: 8,
    needs: ['credit', 'block'],
    run: async (bench) => {
      const event = bench.event();
      await bench.fault(bench.given.block?.(addressOf(event)));
      const manager = await bench.started();
      const sends = range(5).map((n) =>
        manager.sendEvent(event, { n, text: '' }).then(
          () => 'confirmed',
          (error: unknown) => (error instanceof SendError ? error.outcome : error),
        ),
      );
      await bench.time.stays('all sends wait', () => manager.health().pending === 5);
      await bench.stop(manager, deadlineMs);
      deepEqual(
        await bench.time.ends('the sends', Promise.all(sends)),
        range(5).map(() => 'not-sent'),
      );
    },
  },
];
