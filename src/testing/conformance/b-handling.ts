import { deepEqual, equal, ok } from 'node:assert/strict';
import { errorHandler } from '../../core/error-handlers.js';
import { queueOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { gate, range, sorted } from './gate.js';

/** When a delivery is settled, and what happens around a listener. */
export const handlingCases: readonly CaseDefinition[] = [
  {
    id: 'CF-B1',
    name: 'while a listener works the broker still has its event, afterwards no more',
    promise: 3,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const hold = gate();
      const listener = bench.listener(event, () => hold.passed);
      const manager = await bench.started({ listeners: [listener] });
      const { queue } = await bench.names(listener);
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('the listener works', () => listener.running === 1);
      await bench.time.stays('the broker has the event', async () => (await bench.count(queue)) === 1);
      hold.open();
      await bench.holds(queue, 0);
      equal(listener.calls.length, 1);
    },
  },
  {
    id: 'CF-B9',
    name: 'what a pipeline sets on receipt is seen by the listener, the error handler and who is told of the failure and of the success',
    promise: 5,
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, ({ attempt, context }) => {
        if (attempt === 1 || context.envelope.get('mark') !== 'set') throw new Error('once');
      });
      const told: (string | undefined)[] = [];
      const manager = await bench.started({
        listeners: [listener],
        pipelines: [
          {
            handle: (envelope, _listener, next) => {
              envelope.set('mark', 'set');
              return next();
            },
            errors: [errorHandler(Error, (_error, envelope) => void told.push(`handler ${String(envelope.get('mark'))}`))],
          },
        ],
      });
      manager.observe({
        failed: ({ envelope }) => void told.push(`failed ${String(envelope.get('mark'))}`),
        handled: ({ envelope }) => void told.push(`handled ${String(envelope.get('mark'))}`),
      });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('all are told', () => told.length >= 3);
      // A retry that comes soon may be over before the settlement of the first attempt is known, and told: they are deliveries of their own.
      deepEqual([told[0], ...told.slice(1).toSorted()], ['handler set', 'failed set', 'handled set']);
    },
  },
  {
    id: 'CF-B10',
    name: 'who handles the error and throws too loses nothing: one report, the first error kept',
    promise: 5,
    run: async (bench) => {
      const event = bench.event();
      const first = new Error('the first');
      const listener = bench.listener(event, ({ attempt }) => {
        if (attempt === 1) throw first;
      });
      const handler = errorHandler(Error, () => {
        throw new Error('of the handler');
      });
      const manager = await bench.started({ listeners: [listener], pipelines: [{ errors: [handler] }] });
      const told: unknown[] = [];
      manager.observe({
        failed: ({ error }) => {
          told.push(error);
          throw new Error('an observer that throws');
        },
      });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('the next attempt succeeds', () => manager.counters().handled === 1);
      deepEqual([told, listener.attempts], [[first], [1, 2]]);
      equal(bench.log.errors().filter((line) => line.includes('error handler')).length, 1);
    },
  },
  {
    id: 'CF-B13',
    name: 'an event whose connection is cut inside the listener is not lost',
    promise: 3,
    needs: ['cut', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const hold = gate();
      const listener = bench.listener(event, () => hold.passed, { concurrency: 1, prefetch: 0 });
      const manager = await bench.started({ listeners: [listener] });
      const { queue, archive } = await bench.names(listener);
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('the listener works', () => listener.running === 1);
      await bench.given.cut?.();
      await bench.time.until('the loss is noticed', () => !manager.health().ready);
      await bench.time.until('the connection is back', () => manager.health().ready);
      await bench.holds(queue, 1);
      hold.open();
      await bench.holds(queue, 0);
      deepEqual([await bench.count(archive), manager.counters().failed], [0, 0]);
      deepEqual(listener.attempts, [1], 'in this process the run that outlived the connection counts');
    },
  },
  {
    id: 'CF-B13b',
    name: 'an event whose connection is cut inside the listener is handled elsewhere when its process does not come back',
    promise: 3,
    needs: ['cut', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 1, prefetch: 0 });
      const [first, second] = [await bench.startedPeer([spec]), await bench.startedPeer([spec])];
      const inbox = await first.listen(spec);
      await first.send(spec.event, 'once');
      await bench.time.until('it has arrived', () => inbox.count === 1);
      const elsewhere = await second.subscribe(spec);
      await bench.given.cut?.();
      await first.stop();
      elsewhere.subscription.open();
      await bench.time.until('it has arrived elsewhere', () => elsewhere.count === 1, 30_000);
      equal(await elsewhere.accept(0), 'settled');
      await bench.holds(queueOf(spec), 0);
    },
  },
  {
    id: 'CF-B14',
    name: '300 events over three consumers, each of which fails once, all succeed at attempt 2',
    promise: 5,
    needs: ['delay'],
    run: async (bench) => {
      const event = bench.event();
      const name = bench.unique('listener');
      const listeners = range(3).map(() =>
        bench.listener(
          event,
          ({ attempt }) => {
            if (attempt === 1) throw new Error('once');
          },
          { name, breaker: false },
        ),
      );
      const managers = await Promise.all(listeners.map((listener) => bench.started({ listeners: [listener] })));
      await managers[0]?.sendEvents(range(300).map((n) => Object.assign(new event(), { n })));
      const handled = (): number => managers.reduce((sum, manager) => sum + manager.counters().handled, 0);
      await bench.time.until('all have succeeded', () => handled() >= 300);
      const calls = listeners.flatMap((listener) => listener.calls);
      for (const attempt of [1, 2])
        deepEqual(sorted(calls.filter((call) => call.attempt === attempt).map(({ note }) => note.n)), range(300));
      equal(calls.length, 600);
      ok(
        listeners.every((listener) => listener.calls.length > 0),
        'each consumer takes part',
      );
    },
  },
  {
    id: 'CF-B15',
    name: 'what a listener sends before it throws stays sent, once for each attempt',
    promise: 6,
    run: async (bench) => {
      const [event, other] = [bench.event(), bench.event()];
      const listener = bench.listener(event, async ({ context, attempt }) => {
        await context.sendEvent(other, { n: attempt, text: '' });
        if (attempt < 3) throw new Error('not yet');
      });
      const follower = bench.listener(other);
      const manager = await bench.started({ listeners: [listener, follower] });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('three have arrived', () => follower.calls.length >= 3);
      await bench.time.stays('no more arrive', () => follower.calls.length === 3);
      deepEqual(sorted(follower.numbers), [1, 2, 3]);
    },
  },
];
