import { deepEqual, equal, ok } from 'node:assert/strict';
import { IsInt } from 'class-validator';
import { faultListener, RetryLater } from '../../src/index.js';
import type { EnvelopePipeline, WireMessage } from '../../src/index.js';
import type { Bench } from '../../src/testing/conformance/bench.js';
import { addressOf } from '../../src/testing/conformance/bench.js';
import { range, sorted } from '../../src/testing/conformance/gate.js';
import type { MadeListener, Note } from '../../src/testing/conformance/made-classes.js';
import { countingSettlements, notes, type Scenario } from './scenario.js';

/** Makes the queue and the archive of a listener; nobody consumes from it yet. */
async function provisioned(bench: Bench, listener: MadeListener): Promise<void> {
  await bench.stop(await bench.started({ listeners: [listener] }));
}

function reasonsOf(archived: readonly WireMessage[]): (string | undefined)[] {
  return archived.map(({ headers }) => headers.get('tidings_error_reason')).sort();
}

/** Attempts that fail, and what becomes of their events. */
export const failingScenarios: readonly Scenario[] = [
  {
    id: 'REG-10',
    name: 'a pipeline that throws after success has its delivery settled once, as the failure that it is',
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      let thrown = 0;
      const settled = new Map<object, number>();
      const manager = await bench.started({
        provider: countingSettlements(await bench.create(), settled),
        listeners: [listener],
        pipelines: [
          {
            handle: async (_envelope, _listener, next) => {
              await next();
              if (thrown++ < 3) throw new Error('after success');
            },
          },
        ],
      });
      await manager.sendEvents(notes(event, 3));
      await bench.time.until('all are handled in the end', () => manager.counters().handled === 3);
      await bench.holds((await bench.names(listener)).queue, 0);
      deepEqual([...settled.values()], [1, 1, 1, 1, 1, 1]);
      const { handled, failed, retried, archived } = manager.counters();
      deepEqual({ handled, failed, retried, archived }, { handled: 3, failed: 3, retried: 3, archived: 0 });
      deepEqual([...listener.attempts].sort(), [1, 1, 1, 2, 2, 2]);
    },
  },
  {
    id: 'REG-12',
    name: 'an unparsable, an invalid, an unknown and an oversized event do not keep the good one behind them from being handled',
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      IsInt()(event.prototype as object, 'n');
      const listener = bench.listener(event, undefined, { concurrency: 1 });
      await provisioned(bench, listener);
      const onlooker = await bench.onlooker();
      const address = addressOf(event);
      const bad: [string, Map<string, string>][] = [
        ['{"n": 1', new Map()],
        ['{"n": 1.5, "text": ""}', new Map()],
        ['{"n": 2, "text": ""}', new Map([['cloudEvents_type', 'something.else']])],
        [`{"n": 3, "text": "${'x'.repeat(5 * 1024 * 1024)}"}`, new Map()],
      ];
      for (const [body, headers] of bad) await onlooker.send(address, body, { headers });
      await onlooker.send(address, '{"n": 4}');
      const manager = await bench.started({ listeners: [listener] });
      const since = Date.now();
      await bench.time.until('the good one is handled', () => listener.calls.length > 0);
      console.log(`REG-12: handled ${String(Date.now() - since)} ms after the start`);
      const { queue, archive } = await bench.names(listener);
      await bench.holds(queue, 0);
      await bench.holds(archive, 4);
      const archived = await bench.browse(archive);
      deepEqual(reasonsOf(archived), ['invalid', 'too-large', 'undecodable', 'unknown-event']);
      deepEqual(
        archived.map(({ headers }) => headers.get('tidings_error_attempts')),
        range(4).map(() => '1'),
      );
      deepEqual(archived.map(({ body }) => body.length).sort(), bad.map(([body]) => body.length).sort());
      deepEqual([listener.numbers, manager.counters().retried], [[4], 0]);
    },
  },
  {
    id: 'REG-13',
    name: 'of three listeners the one that always fails has 1 + maxRetries calls and the only archived copy, the others one call each',
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const [a, c] = [bench.listener(event), bench.listener(event)];
      const b = bench.listener(event, () => {
        throw new Error('always');
      });
      const manager = await bench.started({ listeners: [a, b, c], retry: { maxRetries: 2, initialDelayMs: 20, jitter: 'none' } });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.holds((await bench.names(b)).archive, 1);
      for (const listener of [a, b, c]) await bench.holds((await bench.names(listener)).queue, 0);
      await bench.time.stays('nobody is called again', () => [a, b, c].map(({ calls }) => calls.length).join() === '1,3,1');
      deepEqual(b.attempts, [1, 2, 3]);
      const archives = await Promise.all([a, b, c].map(async (listener) => bench.count((await bench.names(listener)).archive)));
      deepEqual(archives, [0, 1, 0]);
    },
  },
  {
    id: 'REG-13',
    name: 'a replay from the archive of the one that failed reaches it alone, and begins at attempt 1',
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const [a, c] = [bench.listener(event), bench.listener(event)];
      let broken = true;
      const b = bench.listener(event, () => {
        if (broken) throw new Error('until it is mended');
      });
      const manager = await bench.started({ listeners: [a, b, c], retry: { maxRetries: 1, initialDelayMs: 20, jitter: 'none' } });
      await manager.sendEvent(event, { n: 1, text: '' });
      const { archive } = await bench.names(b);
      await bench.holds(archive, 1);
      broken = false;
      equal(await manager.archive(b.target).replay(), 1);
      await bench.time.until('it is handled', () => b.calls.length === 3);
      for (const listener of [a, b, c]) await bench.holds((await bench.names(listener)).queue, 0);
      await bench.holds(archive, 0);
      await bench.time.stays('nobody else is called', () => a.calls.length === 1 && c.calls.length === 1);
      deepEqual(b.attempts, [1, 2, 1]);
    },
  },
  {
    id: 'REG-16',
    name: 'a listener, a pipeline and an observer that throw a hundred times each leave the subscription alive',
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(
        event,
        ({ note }) => {
          if (note.n < 100) throw new Error('the listener');
        },
        { breaker: false },
      );
      const pipeline: EnvelopePipeline = {
        handle: (envelope, _listener, next) => {
          if ((envelope.event as { n: number }).n < 200) return next();
          if ((envelope.event as { n: number }).n < 300) throw new Error('the pipeline');
          return next();
        },
      };
      const manager = await bench.started({ listeners: [listener], pipelines: [pipeline], retry: false });
      let observed = 0;
      const thrower = (): void => {
        observed++;
        throw new Error('the observer');
      };
      manager.observe({ failed: thrower, handled: thrower });
      await manager.sendEvents(notes(event, 301));
      await bench.time.until('the event behind them is handled', () => listener.numbers.includes(300));
      const { queue, archive } = await bench.names(listener);
      await bench.holds(queue, 0);
      await bench.holds(archive, 200);
      deepEqual(sorted(listener.numbers), [...range(200), 300]);
      deepEqual([manager.counters().failed, manager.counters().handled, observed], [200, 101, 301]);
      ok(manager.health().ready);
    },
  },
  {
    id: 'REG-16',
    name: 'a fault listener that throws a hundred times is told of the next fault',
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const failing = bench.listener(
        event,
        () => {
          throw new Error('always');
        },
        { breaker: false },
      );
      const told: (number | undefined)[] = [];
      class Watcher {
        on(failed: Note | undefined): void {
          told.push(failed?.n);
          if (told.length <= 100) throw new Error('the fault listener');
        }
      }
      faultListener(event, { name: bench.unique('watcher'), breaker: false })(Watcher);
      const manager = await bench.manager({ listeners: [failing], classes: [Watcher], retry: false });
      await bench.time.ends('the start', manager.start());
      await manager.sendEvents(notes(event, 100));
      await bench.time.until('it has thrown a hundred times', () => told.length === 100, 30_000);
      await manager.sendEvent(event, { n: 100, text: '' });
      await bench.time.until('it is told of the next', () => told.includes(100));
      await bench.time.until('that one is handled', () => manager.counters().handled === 1);
      deepEqual(sorted(told.map((n) => n ?? -1)), range(101));
    },
  },
  {
    id: 'REG-17',
    name: 'an event that fails with a delay of 1 s is back after it, though another waits for 60 s',
    needs: ['delay', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const failedAt: number[] = [];
      const backAt: number[] = [];
      const listener = bench.listener(event, ({ note, attempt }) => {
        if (attempt === 2) {
          backAt[note.n] = Date.now();
          return;
        }
        failedAt[note.n] = Date.now();
        throw new RetryLater(note.n === 0 ? 60_000 : 1_000);
      });
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvent(event, { n: 0, text: '' });
      await bench.time.until('the first waits', () => manager.counters().retried === 1);
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('the second is back', () => backAt[1] !== undefined);
      const tookMs = (backAt[1] ?? 0) - (failedAt[1] ?? 0);
      console.log(`REG-17: back after ${String(tookMs)} ms`);
      ok(tookMs >= 1_000);
      equal(backAt[0], undefined);
      await bench.holds((await bench.names(listener)).queue, 1);
    },
  },
  {
    id: 'REG-26',
    name: 'a binary body with NUL and invalid UTF-8 is equal byte for byte after retries, in the archive and after a replay, its content type too',
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const bytes = Uint8Array.from([0, 0xff, 0xfe, 0x80, 0xc3, 0x28, 10, 13, 0, 0xed, 0xa0, 0x80, 0x7b]);
      const contentType = 'application/x-scenario';
      const received: { body: number[]; contentType: string }[] = [];
      const binary: EnvelopePipeline = {
        send: (envelope, _event, next) => {
          envelope.setBody(bytes, contentType);
          return next();
        },
        handle: (envelope, _listener, next) => {
          received.push({ body: [...envelope.body], contentType: envelope.contentType });
          envelope.setBody(new TextEncoder().encode('{"n":1,"text":""}'), 'application/json');
          return next();
        },
      };
      const listener = bench.listener(event, () => {
        throw new Error('always');
      });
      const manager = await bench.started({
        listeners: [listener],
        pipelines: [binary],
        retry: { maxRetries: 2, initialDelayMs: 20, jitter: 'none' },
      });
      await manager.sendEvent(event, { n: 1, text: '' });
      const { queue, archive } = await bench.names(listener);
      await bench.holds(archive, 1);
      await bench.holds(queue, 0);
      const asSent = { body: [...bytes], contentType };
      deepEqual(received, [asSent, asSent, asSent]);
      const [archived] = await bench.browse(archive);
      ok(archived?.body instanceof Uint8Array, 'bytes stay bytes');
      deepEqual([[...archived.body], archived.contentType], [[...bytes], contentType]);
      equal(await manager.archive(listener.target).replay(), 1);
      await bench.time.until('three more attempts have been made', () => received.length === 6);
      await bench.holds(archive, 1);
      deepEqual(received.slice(3), [asSent, asSent, asSent]);
    },
  },
];
