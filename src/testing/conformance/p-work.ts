import { deepEqual, equal, ok } from 'node:assert/strict';
import { addressOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range, sorted } from './gate.js';

/** Work queues, broadcasts, and events that have a time or a rank. */
export const workCases: readonly CaseDefinition[] = [
  {
    id: 'CF-P1',
    name: 'of two managers with a listener of a work queue each of 100 events is handled by one, and both take part',
    promise: 1,
    needs: ['anycast'],
    run: async (bench) => {
      const event = bench.event({ routing: 'anycast' });
      const name = bench.unique('worker');
      const listeners = range(2).map(() => bench.listener(event, undefined, { name, concurrency: 2 }));
      const managers = [];
      for (const listener of listeners) managers.push(await bench.started({ listeners: [listener] }));
      await managers[0]?.sendEvents(range(100).map((n) => Object.assign(new event(), { n })));
      const all = (): number[] => listeners.flatMap(({ numbers }) => numbers);
      await bench.time.until('all are handled', () => all().length >= 100);
      await bench.time.stays('none is handled twice', () => all().length === 100);
      deepEqual(sorted(all()), range(100));
      ok(
        listeners.every(({ calls }) => calls.length > 0),
        'both take part',
      );
    },
  },
  {
    id: 'CF-P2',
    name: 'work waits on the broker while nobody listens, and is handled by whoever comes',
    promise: 1,
    needs: ['anycast', 'manage'],
    run: async (bench) => {
      const event = bench.event({ routing: 'anycast' });
      const sender = await bench.started();
      for (const n of range(10)) await sender.sendEvent(event, { n, text: '' });
      const queue = `${addressOf(event)}::${addressOf(event)}`;
      await bench.holds(queue, 10);
      await bench.stop(sender);
      const listener = bench.listener(event);
      await bench.started({ listeners: [listener] });
      await bench.time.until('all are handled', () => listener.calls.length === 10);
      deepEqual(sorted(listener.numbers), range(10));
      await bench.holds(queue, 0);
    },
  },
  {
    id: 'CF-P3',
    name: 'work that fails to the end is in the archive of its event',
    promise: 5,
    needs: ['anycast', 'manage'],
    run: async (bench) => {
      const event = bench.event({ routing: 'anycast' });
      const listener = bench.listener(
        event,
        () => {
          throw new Error('no');
        },
        { retry: false },
      );
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.holds(`archive.${addressOf(event)}`, 1);
      equal(listener.calls.length, 1);
    },
  },
  {
    id: 'CF-D2',
    name: 'an event that nobody takes by its time is not handled, and counted by the broker',
    needs: ['ttl'],
    run: async (bench) => {
      const event = bench.event({ ttlMs: 300 });
      const name = bench.unique('listener');
      await bench.stop(await bench.started({ listeners: [bench.listener(event, undefined, { name })] }));
      const sender = await bench.started();
      await sender.sendEvent(event, { n: 1, text: '' });
      await sender.sendEvent(event, { n: 2, text: '' }, { ttlMs: 3_600_000 });
      await bench.time.pass(301);
      const listener = bench.listener(event, undefined, { name });
      await bench.started({ listeners: [listener] });
      await bench.time.until('the other is handled', () => listener.calls.length > 0);
      await bench.time.stays('it alone', () => listener.numbers.join() === '2');
      if (!bench.can('manage')) return;
      const queues = await bench.queues();
      const { queue } = await bench.names(listener);
      await bench.time.until('the broker has counted it', async () => (await queues.expired(queue)) === 1, 45_000);
    },
  },
  {
    id: 'CF-D3',
    name: 'an event of a higher priority is handled before those that wait',
    needs: ['priority'],
    run: async (bench) => {
      const event = bench.event();
      const name = bench.unique('listener');
      await bench.stop(await bench.started({ listeners: [bench.listener(event, undefined, { name })] }));
      const sender = await bench.started();
      for (const n of range(5)) await sender.sendEvent(event, { n, text: '' });
      await sender.sendEvent(event, { n: 9, text: '' }, { priority: 9 });
      const listener = bench.listener(event, undefined, { name, concurrency: 1, prefetch: 0 });
      await bench.started({ listeners: [listener] });
      await bench.time.until('all are handled', () => listener.calls.length === 6);
      deepEqual(listener.numbers, [9, ...range(5)]);
    },
  },
  {
    id: 'CF-D6',
    name: 'an event that is held until its time outlives a restart of the broker, and is handled once, not before its time',
    promise: 2,
    needs: ['delay', 'restart', 'durable'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener] });
      const dueAt = bench.time.now() + 2_000;
      await manager.sendEvent(event, { n: 1, text: '' }, { deliverAt: new Date(dueAt) });
      await bench.given.restart?.();
      let handledAt = 0;
      await bench.time.until('it is handled', () => listener.calls.length > 0 && (handledAt = bench.time.now()), 60_000);
      ok(handledAt >= dueAt, `${String(dueAt - handledAt)} ms too early`);
      await bench.time.stays('it is handled once', () => listener.calls.length === 1);
    },
  },
  {
    id: 'CF-P4',
    name: 'a server with a name of its own gets the broadcasts that it missed, a new one only what comes after it',
    promise: 1,
    needs: ['durable'],
    run: async (bench) => {
      const event = bench.event();
      const [name, known] = [bench.unique('listener'), bench.server()];
      const listener = () => bench.listener(event, undefined, { name, perProcess: true });
      await bench.stop(await bench.started({ listeners: [listener()], serverName: known }));
      const sender = await bench.started();
      await sender.sendEvents(range(100).map((n) => Object.assign(new event(), { n })));
      const [back, fresh] = [listener(), listener()];
      await bench.started({ listeners: [back], serverName: known });
      await bench.started({ listeners: [fresh], serverName: bench.server() });
      await sender.sendEvent(event, { n: 100, text: '' });
      await bench.time.until('the one has all of them', () => back.calls.length >= 101);
      await bench.time.until('the other has the last', () => fresh.calls.length >= 1);
      await bench.time.stays('nothing more', () => back.calls.length === 101 && fresh.numbers.join() === '100');
      deepEqual(sorted(back.numbers), range(101));
    },
  },
];
