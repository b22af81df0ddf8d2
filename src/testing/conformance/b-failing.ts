import { deepEqual, equal, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Unrecoverable } from '../../core/errors.js';
import type { WireMessage } from '../../core/provider.js';
import { addressOf, type Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { gate } from './gate.js';
import type { Call } from './made-classes.js';

const firstDelayMs = 300;

/** Retries, their count, and the archive. */
export const failingCases: readonly CaseDefinition[] = [
  {
    id: 'CF-B2',
    name: 'a listener that throws is called again as attempt 2, not before the delay',
    promise: 5,
    needs: ['delay'],
    run: async (bench) => {
      const event = bench.event();
      const times: number[] = [];
      const listener = bench.listener(event, ({ attempt }) => {
        times.push(bench.time.now());
        if (attempt === 1) throw new Error('once');
      });
      const manager = await bench.started({ listeners: [listener], retry: { initialDelayMs: firstDelayMs, jitter: 'none' } });
      await manager.sendEvent(event, { n: 1, text: 'the same' });
      await bench.time.until('it is called again', () => listener.calls.length >= 2);
      deepEqual(
        listener.calls.map(({ attempt, id, note }) => [attempt, id, note.text]),
        [1, 2].map((attempt) => [attempt, listener.calls[0]?.id, 'the same']),
      );
      const [first = 0, second = 0] = times;
      ok(second - first >= firstDelayMs, `the delay was ${String(second - first)} ms`);
    },
  },
  {
    id: 'CF-B2b',
    name: 'a failing listener never makes its sibling run again',
    promise: 4,
    run: async (bench) => {
      const event = bench.event();
      const failing = bench.listener(event, ({ attempt }) => {
        if (attempt < 4) throw new Error('not yet');
      });
      const sibling = bench.listener(event);
      const manager = await bench.started({ listeners: [failing, sibling] });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it has succeeded', () => failing.calls.length >= 4);
      await bench.time.stays('the sibling has run once', () => sibling.calls.length === 1 && failing.calls.length === 4);
    },
  },
  {
    id: 'CF-B3',
    name: 'an event that is returned at the stop keeps its attempt number',
    promise: 8,
    run: async (bench) => {
      const event = bench.event();
      const name = bench.unique('listener');
      const failsThenHangs = ({ attempt }: Call): Promise<void> => (attempt === 1 ? Promise.reject(new Error('once')) : gate().passed);
      const first = bench.listener(event, failsThenHangs, { name });
      const manager = await bench.started({ listeners: [first] });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('the second attempt hangs', () => first.running === 1 && first.calls.length === 2);
      await bench.stop(manager, 50);
      const second = bench.listener(event, undefined, { name });
      await bench.started({ listeners: [second] });
      await bench.time.until('it has come again', () => second.calls.length > 0);
      deepEqual([first.attempts, second.attempts], [[1, 2], [2]]);
    },
  },
  {
    id: 'CF-B4',
    name: 'an event that is never to be handled goes to the archive after one call, its body equal, the error told in full',
    promise: 5,
    needs: ['manage'],
    run: unrecoverable,
  },
  {
    id: 'CF-B5',
    name: 'so it does where the broker has no place of its own for what it gives up',
    promise: 5,
    needs: ['manage', 'noDeadLetters'],
    run: async (bench) => {
      const event = bench.event();
      await bench.fault(bench.given.noDeadLetters?.(addressOf(event)));
      await unrecoverable(bench, event);
    },
  },
  {
    id: 'CF-B6',
    name: 'attempts are counted without a gap over a reconnect, another consumer and a new process',
    promise: 5,
    needs: ['delay', 'cut'],
    run: async (bench) => {
      const event = bench.event();
      const name = bench.unique('listener');
      const seen: number[] = [];
      const make = () =>
        bench.listener(
          event,
          ({ attempt }) => {
            seen.push(attempt);
            if (attempt < 5) throw new Error('not yet');
          },
          { name },
        );
      const options = { retry: { initialDelayMs: 200, factor: 1, jitter: 'none' as const } };
      const first = await bench.started({ listeners: [make()], ...options });
      await first.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('the first attempt has failed', () => first.counters().retried >= 1);
      await bench.given.cut?.();
      await bench.time.until('the second attempt has failed', () => seen.length >= 2);
      await bench.started({ listeners: [make()], ...options });
      await bench.stop(first);
      await bench.time.until('the last attempt has succeeded', () => seen.includes(5));
      await bench.time.stays('none comes after it', () => seen.at(-1) === 5 && seen.filter((attempt) => attempt === 5).length === 1);
      // What the first came to may have been on its way when the connection went: then it comes once more, and counts once.
      const again = seen[0] === 1 && seen[1] === 1 ? seen.slice(1) : seen;
      deepEqual(again, [1, 2, 3, 4, 5]);
    },
  },
  {
    id: 'CF-B7',
    name: 'with maxRetries 3 an event that always fails is called four times and archived',
    promise: 5,
    needs: ['delay'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, () => {
        throw new Error('always');
      });
      const manager = await bench.started({ listeners: [listener], retry: { maxRetries: 3, initialDelayMs: 10, jitter: 'none' } });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it is archived', () => manager.counters().archived === 1);
      await bench.time.stays('it is not called again', () => listener.calls.length === 4);
      deepEqual(
        [listener.attempts, listener.calls.map(({ context }) => context.maxAttempts)],
        [
          [1, 2, 3, 4],
          [4, 4, 4, 4],
        ],
      );
    },
  },
  {
    id: 'CF-B7b',
    name: 'after a replay an event that always fails is called as attempts 1 to 4 again, and archived again',
    promise: 5,
    needs: ['delay', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, () => {
        throw new Error('always');
      });
      const manager = await bench.started({ listeners: [listener], retry: { maxRetries: 3, initialDelayMs: 10, jitter: 'none' } });
      await manager.sendEvent(event, { n: 1, text: '' });
      const { archive } = await bench.names(listener);
      await bench.holds(archive, 1);
      equal(await manager.archive(listener.target).replay(), 1);
      await bench.time.until('it is archived again', () => manager.counters().archived === 2);
      await bench.time.stays('it is not called again', () => listener.calls.length === 8);
      deepEqual(listener.attempts, [1, 2, 3, 4, 1, 2, 3, 4]);
      await bench.holds(archive, 1);
    },
  },
  {
    id: 'CF-B8',
    name: 'what a pipeline edits in a failed attempt is not seen by the next',
    promise: 5,
    needs: ['delay'],
    run: async (bench) => {
      const event = bench.event();
      const marks: (string | undefined)[] = [];
      const listener = bench.listener(event, ({ attempt }) => {
        if (attempt < 3) throw new Error('not yet');
      });
      const manager = await bench.started({
        listeners: [listener],
        pipelines: [
          {
            handle: (envelope, _listener, next) => {
              marks.push(envelope.get('mark'));
              envelope.set('mark', 'edited').set('another', 'added');
              return next();
            },
          },
        ],
      });
      await manager.sendEvent(event, { n: 1, text: '' }, { headers: { mark: 'as sent' } });
      await bench.time.until('it has succeeded', () => marks.length >= 3);
      deepEqual(marks, ['as sent', 'as sent', 'as sent']);
    },
  },
  {
    id: 'CF-B11',
    name: 'undecodable bytes go to the archive at attempt 1, and the good event behind them is handled',
    promise: 5,
    needs: ['manage'],
    run: (bench) => unreadable(bench, 'no JSON at all', new Map(), 'undecodable'),
  },
  {
    id: 'CF-B12',
    name: 'an event of another type goes to the archive as unknown, and the good event behind it is handled',
    promise: 5,
    needs: ['manage'],
    run: (bench) => unreadable(bench, '{"n":1,"text":""}', new Map([['cloudEvents_type', 'of.another.kind']]), 'unknown-event'),
  },
];

async function unrecoverable(bench: Bench, event = bench.event()): Promise<void> {
  const text = 'ü'.repeat(2000);
  class OutOfIt extends Unrecoverable {}
  const listener = bench.listener(event, () => {
    throw new OutOfIt('out of it');
  });
  const manager = await bench.started({ listeners: [listener] });
  const { queue, archive } = await bench.names(listener);
  const { id } = await manager.sendEvent(event, { n: 1, text }, { headers: { own: 'kept' } });
  await bench.holds(archive, 1);
  await bench.holds(queue, 0);
  const [archived] = await bench.browse(archive);
  equal(
    hash(archived),
    createHash('sha256')
      .update(JSON.stringify({ n: 1, text }))
      .digest('hex'),
  );
  deepEqual(errorOf(archived), { reason: 'failed', class: 'OutOfIt', message: 'out of it', listener: listener.name, attempts: '1' });
  deepEqual(
    [archived?.headers.get('cloudEvents_id'), archived?.headers.get('own'), archived?.headers.get('tidings_origin_queue')],
    [id, 'kept', queue],
  );
  ok(archived?.headers.get('tidings_error_stack')?.includes('out of it'), 'the stack is told');
  for (const when of ['tidings_error_at', 'tidings_first_failure_at'])
    ok(Math.abs(Date.parse(archived?.headers.get(when) ?? '') - bench.time.now()) < 60_000, `${when} is told`);
  equal(listener.calls.length, 1);
}

async function unreadable(bench: Bench, body: string, headers: Map<string, string>, reason: string): Promise<void> {
  const event = bench.event();
  const listener = bench.listener(event, undefined, { concurrency: 1 });
  await bench.started({ listeners: [listener] });
  const { queue, archive } = await bench.names(listener);
  const onlooker = await bench.onlooker();
  await onlooker.send(addressOf(event), body, { headers });
  await onlooker.send(addressOf(event), '{"n":2,"text":"good"}');
  await bench.time.until('the good one is handled', () => listener.calls.length > 0);
  await bench.holds(archive, 1);
  await bench.holds(queue, 0);
  const [archived] = await bench.browse(archive);
  deepEqual(
    [archived?.body, archived?.headers.get('tidings_error_reason'), archived?.headers.get('tidings_error_attempts')],
    [body, reason, '1'],
  );
  deepEqual(listener.numbers, [2]);
}

function errorOf(message: WireMessage | undefined): Record<string, string | undefined> {
  return Object.fromEntries(
    ['reason', 'class', 'message', 'listener', 'attempts'].map((name) => [name, message?.headers.get(`tidings_error_${name}`)]),
  );
}

function hash(message: WireMessage | undefined): string {
  return createHash('sha256')
    .update(message?.body ?? '')
    .digest('hex');
}
