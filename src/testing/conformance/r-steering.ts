import { deepEqual, equal, ok } from 'node:assert/strict';
import { RetryLater, Unrecoverable } from '../../core/errors.js';
import type { CaseDefinition } from './case-definition.js';
import { gate } from './gate.js';

/** How a listener says what its failures mean, and how long it may take. */
export const steeringCases: readonly CaseDefinition[] = [
  {
    id: 'CF-R5',
    name: 'RetryLater brings the event again after its own delay, counted',
    promise: 5,
    needs: ['delay'],
    run: async (bench) => {
      const event = bench.event();
      const times: number[] = [];
      const listener = bench.listener(event, ({ attempt }) => {
        times.push(bench.time.now());
        if (attempt === 1) throw new RetryLater(500);
      });
      const manager = await bench.started({ listeners: [listener], retry: { initialDelayMs: 60_000 } });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it comes again', () => listener.calls.length === 2);
      deepEqual(listener.attempts, [1, 2]);
      const [first = 0, second = 0] = times;
      ok(second - first >= 500, `the delay was ${String(second - first)} ms`);
    },
  },
  {
    id: 'CF-R6',
    name: "onError 'discard' gives the event up and logs it, 'archive' archives it after one call",
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const fails = (): never => {
        throw new RangeError('no use');
      };
      const discarding = bench.listener(event, fails, { onError: 'discard' });
      const archiving = bench.listener(event, () => Promise.reject(new RangeError('no use')), { onError: 'archive' });
      const manager = await bench.started({ listeners: [discarding, archiving] });
      await manager.sendEvent(event, { n: 1, text: '' });
      const [discarded, archived] = await Promise.all([bench.names(discarding), bench.names(archiving)]);
      await bench.holds(archived.archive, 1);
      await bench.holds(archived.queue, 0);
      await bench.holds(discarded.queue, 0);
      await bench.time.stays('each was called once', () => discarding.calls.length === 1 && archiving.calls.length === 1);
      equal(await bench.count(discarded.archive), 0);
      equal(manager.counters().discarded, 1);
      ok(bench.log.errors().some((line) => line.includes('discarded')));
    },
  },
  {
    id: 'CF-R6b',
    name: "onError 'stop' leaves the event on its queue and stops the manager with the error; a new start handles it",
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      let healthy = false;
      const listener = bench.listener(
        event,
        () => {
          if (!healthy) throw new RangeError('stop here');
        },
        { onError: 'stop', concurrency: 1 },
      );
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('the manager has failed', () => manager.state === 'failed', 20_000);
      const { queue, archive } = await bench.names(listener);
      await bench.holds(queue, 1);
      equal(await bench.count(archive), 0);
      equal(listener.calls.length, 1);
      await bench.time.until('a send is refused', () =>
        manager.sendEvent(event, { n: 2, text: '' }).then(
          () => false,
          (error: unknown) => String(error).includes('stop here'),
        ),
      );
      healthy = true;
      await bench.time.ends('the new start', manager.start(), 60_000);
      await bench.time.until('it is handled', () => listener.calls.length === 2);
      deepEqual(listener.attempts, [1, 1]);
      await bench.holds(queue, 0);
    },
  },
  {
    id: 'CF-R6c',
    name: 'retries, delays and hopeless errors are the listener’s own, beside a sibling’s',
    promise: 5,
    needs: ['manage', 'delay'],
    run: async (bench) => {
      class Hopeless extends Error {}
      const event = bench.event();
      const fails = (): never => {
        throw new Error('no');
      };
      const never = bench.listener(event, fails, { retry: false });
      const twice = bench.listener(event, fails, { retry: { maxRetries: 2, initialDelayMs: 1 } });
      const named = bench.listener(
        event,
        () => {
          throw new Hopeless('no');
        },
        { unrecoverable: [Hopeless] },
      );
      const thrown = bench.listener(event, () => {
        throw new Unrecoverable('no');
      });
      const listeners = [never, twice, named, thrown];
      const manager = await bench.started({ listeners });
      await manager.sendEvent(event, { n: 1, text: '' });
      for (const listener of listeners) await bench.holds((await bench.names(listener)).archive, 1);
      deepEqual(
        listeners.map(({ calls }) => calls.length),
        [1, 3, 1, 1],
      );
    },
  },
  {
    id: 'CF-R7',
    name: 'a listener past its timeout has failed one attempt, and its late success settles nothing',
    promise: 3,
    needs: ['delay', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const hold = gate();
      const signals: AbortSignal[] = [];
      const listener = bench.listener(
        event,
        async ({ attempt, context }) => {
          signals.push(context.signal);
          await (attempt === 1 ? hold.passed : undefined);
        },
        { timeoutMs: 200, concurrency: 1, prefetch: 0 },
      );
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('the second attempt has come', () => listener.calls.length === 2);
      deepEqual(listener.attempts, [1, 2]);
      deepEqual(
        signals.map(({ aborted }) => aborted),
        [true, false],
      );
      equal((signals[0]?.reason as { code?: string }).code, 'listener-timeout');
      const { queue, archive } = await bench.names(listener);
      await bench.holds(queue, 0);
      equal(manager.health().subscriptions[0]?.overdue, 1);
      hold.open();
      await bench.time.until('the late result is counted', () => manager.counters().late === 1);
      await bench.time.stays('nothing comes of it', () => listener.calls.length === 2);
      deepEqual([manager.counters().failed, manager.counters().handled, await bench.count(archive)], [1, 1, 0]);
      equal(manager.health().subscriptions[0]?.overdue, 0);
    },
  },
];
