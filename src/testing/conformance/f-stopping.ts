import { deepEqual, equal, ok } from 'node:assert/strict';
import { SendError } from '../../core/errors.js';
import type { CaseDefinition } from './case-definition.js';
import { gate, range } from './gate.js';
import { Members } from './members.js';

/** What `stop()` ends, leaves and gives back. */
export const stoppingCases: readonly CaseDefinition[] = [
  {
    id: 'CF-F1',
    name: 'a stop lets what runs end, settles it, then closes; the rest stays on the queue',
    promise: 8,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const hold = gate();
      const listener = bench.listener(event, () => hold.passed, { concurrency: 4, prefetch: 2 });
      const manager = await bench.started({ listeners: [listener] });
      const { queue } = await bench.names(listener);
      await manager.sendEvents(range(12).map((n) => Object.assign(new event(), { n })));
      await bench.time.until('four run', () => listener.running === 4);
      let stopped = false;
      const stopping = manager.stop().then(() => (stopped = true));
      await bench.time.stays('the stop waits for them', () => !stopped && manager.state === 'stopping', 200);
      hold.open();
      await bench.time.ends('the stop', stopping);
      deepEqual([listener.calls.length, manager.counters().handled, manager.state], [4, 4, 'stopped']);
      const eightLeft = async (): Promise<boolean> =>
        (await bench.count(queue)) === 8 && (await (await bench.queues()).consumers(queue)) === 0;
      // The broker may still be taking in the last settlements.
      await bench.time.until('eight are left', eightLeft);
      await bench.time.stays('eight are left', eightLeft, 200);
    },
  },
  {
    id: 'CF-F2',
    name: 'at the deadline a hanging listener gets its signal, its event goes back, and the stop resolves',
    promise: 8,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, () => gate().passed);
      const manager = await bench.started({ listeners: [listener] });
      const { queue } = await bench.names(listener);
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it hangs', () => listener.running === 1);
      const signal = listener.calls[0]?.context.signal;
      const since = bench.time.now();
      await bench.stop(manager, 300);
      ok(bench.time.now() - since >= 300, 'not before the deadline');
      deepEqual([signal?.aborted, manager.state], [true, 'stopped']);
      await bench.holds(queue, 1);
      const again = bench.listener(event, undefined, { name: listener.name });
      await bench.started({ listeners: [again] });
      await bench.time.until('it comes again', () => again.calls.length > 0);
      deepEqual(again.attempts, [1]);
    },
  },
  {
    id: 'CF-F3',
    name: 'a listener that throws because of the signal has failed in no way: no retry, no error reported',
    promise: 8,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(
        event,
        ({ context }) =>
          new Promise((_resolve, reject) => {
            context.signal.addEventListener('abort', () => {
              reject(new Error('given up'));
            });
          }),
      );
      const manager = await bench.started({ listeners: [listener] });
      const { queue, archive } = await bench.names(listener);
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it hangs', () => listener.running === 1);
      await bench.stop(manager, 50);
      await bench.time.until('it has thrown', () => listener.running === 0);
      const { failed, retried, archived } = manager.counters();
      deepEqual({ failed, retried, archived, errors: bench.log.errors() }, { failed: 0, retried: 0, archived: 0, errors: [] });
      await bench.holds(queue, 1);
      equal(await bench.count(archive), 0);
      const again = bench.listener(event, undefined, { name: listener.name });
      await bench.started({ listeners: [again] });
      await bench.time.until('it comes again', () => again.calls.length > 0);
      deepEqual(again.attempts, [1]);
    },
  },
  {
    id: 'CF-F4',
    name: 'after a stop the same manager and a fresh one start and receive',
    promise: 8,
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener] });
      await bench.stop(manager);
      await bench.time.ends('the second start', manager.start());
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('the same one receives', () => listener.numbers.join() === '1');
      await bench.stop(manager);
      const fresh = await bench.started({ listeners: [listener] });
      await fresh.sendEvent(event, { n: 2, text: '' });
      await bench.time.until('a fresh one receives', () => listener.numbers.join() === '1,2');
    },
  },
  {
    id: 'CF-F5a',
    name: 'stops that overlap, or come before any start, all resolve',
    promise: 8,
    run: async (bench) => {
      const manager = await bench.manager();
      await bench.time.ends('a stop before the start', manager.stop());
      await bench.time.ends('the start', manager.start());
      await bench.time.ends('two stops at once', Promise.all([manager.stop(), manager.stop()]));
      await bench.time.ends('one more', manager.stop());
      const starting = manager.start().catch((error: unknown) => error);
      await bench.time.ends('a stop while starting', manager.stop());
      await bench.time.ends('the start', starting);
      equal(manager.state, 'stopped');
    },
  },
  {
    id: 'CF-F5b',
    name: 'a stop while a send waits for its confirmation resolves at the deadline, and the send rejects as unknown',
    promise: 8,
    needs: ['hold'],
    run: async (bench) => {
      const event = bench.event();
      const manager = await bench.started();
      await manager.sendEvent(event, { n: 0, text: 'opens the way' });
      await bench.fault(bench.given.hold?.());
      const sending = manager.sendEvent(event, { n: 1, text: '' }).then(
        () => 'confirmed',
        (error: unknown) => (error instanceof SendError ? error.outcome : error),
      );
      await bench.stop(manager, 200);
      equal(await bench.time.ends('the send', sending), 'unknown');
    },
  },
  {
    id: 'CF-F5c',
    name: 'a stop while reconnecting resolves, and nothing connects afterwards',
    promise: 8,
    needs: ['down'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener] });
      const up = await bench.fault(bench.given.down?.());
      await bench.time.until('the loss is noticed', () => manager.health().provider.state === 'reconnecting');
      const sending = manager.sendEvent(event, { n: 1, text: '' }).then(
        () => 'confirmed',
        (error: unknown) => (error instanceof SendError ? error.outcome : error),
      );
      await bench.stop(manager, 200);
      equal(await bench.time.ends('the send', sending), 'not-sent');
      await up();
      await bench.time.stays('it stays away', () => manager.health().provider.state === 'stopped');
    },
  },
  {
    id: 'CF-F6',
    name: 'a manager that does not consume has no consumer on the broker',
    promise: 8,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const { queue } = await bench.names(listener);
      const consumers = async (): Promise<number> => (await bench.queues()).consumers(queue);
      const manager = await bench.started({ listeners: [listener] });
      await bench.time.until('a manager with the listener consumes', async () => (await consumers()) === 1);
      await bench.stop(manager);
      const sender = await bench.started({ listeners: [listener], consume: false });
      await sender.sendEvent(event, { n: 1, text: '' });
      await bench.time.stays('one without does not', async () => (await consumers()) === 0 && (await bench.count(queue)) === 1);
    },
  },
  {
    id: 'CF-F7',
    name: 'after a stop no socket and no timer is left: the process ends by itself',
    promise: 8,
    needs: ['processes'],
    run: async (bench) => {
      const members = new Members(bench);
      const event = bench.unique('event');
      const name = bench.unique('listener');
      const member = await members.join([{ event, name }]);
      const manager = await bench.started();
      await manager.sendEvent(bench.event({}, event), { n: 1, text: '' });
      await bench.time.until('it has received', () => member.calls.length > 0);
      equal(await member.stop(), 0);
    },
  },
];
