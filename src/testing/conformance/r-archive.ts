import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import type { EventManager } from '../../manager/event-manager.js';
import type { Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import type { MadeListener } from './made-classes.js';

/** Looking into archives, and putting events back. */
export const replayCases: readonly CaseDefinition[] = [
  {
    id: 'CF-R1d',
    name: 'an archive tells of each of its events and why it is there, and keeps them',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const { manager, listener } = await withArchived(bench, 12);
      const archive = manager.archive(listener.target);
      const seen = await all(archive.browse());
      deepEqual(
        seen.map(({ headers }) => headers.get('n')).sort(byNumber),
        Array.from({ length: 12 }, (_, n) => String(n)),
      );
      for (const each of seen) {
        equal(each.reason, 'failed');
        deepEqual({ name: each.error.name, message: each.error.message }, { name: 'RangeError', message: 'out of it' });
        ok(each.error.stack?.includes('RangeError: out of it'));
        equal(each.attempts, 2);
        deepEqual(
          each.history.map(({ round, attempt, error }) => [round, attempt, error]),
          [1, 2].map((attempt) => [0, attempt, 'RangeError: out of it']),
        );
        ok(each.archivedAt !== undefined && each.firstFailureAt !== undefined && each.archivedAt >= each.firstFailureAt);
        equal(each.origin, (await bench.names(listener)).queue);
      }
      equal((await all(archive.browse({ limit: 5 }))).length, 5);
      await bench.time.until('it is counted as before', async () => (await archive.count()) === 12);
    },
  },
  {
    id: 'CF-R2',
    name: 'a replay of one event, then of all, calls that listener and no other, from attempt 1 with the body and headers as they were',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const sibling = bench.listener(event);
      const { manager, listener, heal } = await withArchived(bench, 10, event, [sibling]);
      await bench.time.until('the sibling has had each', () => sibling.calls.length === 10);
      const failed = listener.calls.length;
      heal();
      const archive = manager.archive(listener.target);
      const [chosen] = await all(archive.browse());
      equal(await archive.replay({ id: chosen?.id }), 1);
      await bench.time.until('it is handled', () => listener.calls.length === failed + 1);
      equal(listener.calls.at(-1)?.id, chosen?.id);
      equal(await archive.replay({ limit: 4 }), 4);
      equal(await archive.replay(), 5);
      equal(await archive.replay(), 0);
      await bench.time.until('all are handled', () => listener.calls.length === failed + 10);
      const again = listener.calls.slice(failed);
      deepEqual(
        again.map(({ attempt, note, context }) => [attempt, context.envelope.get('n') === String(note.n), context.firstFailureAt]),
        again.map(() => [1, true, undefined]),
      );
      equal(new Set(again.map(({ id }) => id)).size, 10);
      await bench.holds((await bench.names(listener)).queue, 0);
      equal(sibling.calls.length, 10);
    },
  },
  {
    id: 'CF-R3',
    name: 'a replayed event that fails again is archived again with both rounds in its history, and can be replayed again',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const { manager, listener, heal } = await withArchived(bench, 1);
      const archive = manager.archive(listener.target);
      const browsed = () => all(archive.browse());
      for (let round = 1; round <= 3; round++) {
        equal(await archive.replay(), 1);
        await bench.time.until('it has failed twice again', () => manager.counters().archived === round + 1);
        let found: Awaited<ReturnType<typeof browsed>> = [];
        await bench.time.until('it is in the archive again', async () => (found = await browsed()).length === 1);
        const [again] = found;
        deepEqual(
          again?.history.map((past) => [past.round, past.attempt]),
          Array.from({ length: round + 1 }, (_, past) => [
            [past, 1],
            [past, 2],
          ]).flat(),
        );
        equal(listener.calls.length, 2 * (round + 1));
      }
      heal();
      equal(await archive.replay(), 1);
      await bench.time.until('it succeeds', () => listener.calls.length === 9);
      deepEqual(
        listener.calls.map(({ attempt }) => attempt),
        [1, 2, 1, 2, 1, 2, 1, 2, 1],
      );
      await bench.holds((await bench.names(listener)).archive, 0);
    },
  },
  {
    id: 'CF-R2c',
    name: 'what a loop over an archive shows can be replayed or removed within the loop',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const { manager, listener, heal } = await withArchived(bench, 6);
      const failed = listener.calls.length;
      heal();
      const archive = manager.archive(listener.target);
      const done: number[] = [];
      for await (const { id } of archive.browse()) {
        const way = done.length % 2 === 0 ? archive.replay({ id }) : archive.remove({ id });
        done.push(await bench.time.ends('what is done within the loop', way, 10_000));
      }
      deepEqual(done, [1, 1, 1, 1, 1, 1]);
      await bench.time.until('half of them are handled', () => listener.calls.length === failed + 3);
      await bench.time.until('the archive is empty', async () => (await archive.count()) === 0);
    },
  },
  {
    id: 'CF-R2b',
    name: 'a replay of all ends, though every event fails again meanwhile',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const { manager, listener } = await withArchived(bench, 10, bench.event(), [], { retry: false });
      equal(await bench.time.ends('the replay', manager.archive(listener.target).replay()), 10);
      await bench.holds((await bench.names(listener)).archive, 10);
      equal(listener.calls.length, 20);
    },
  },
  {
    id: 'CF-R1b',
    name: 'events are removed from an archive for good, by id and by number, the oldest first',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const { manager, listener } = await withArchived(bench, 6);
      const archive = manager.archive(listener.target);
      const before = await all(archive.browse());
      equal(await archive.remove({ id: before[3]?.id }), 1);
      equal(await archive.remove({ limit: 2 }), 2);
      deepEqual(
        (await all(archive.browse())).map(({ id }) => id),
        [2, 4, 5].map((index) => before[index]?.id),
      );
      equal(await archive.remove({ id: 'nobody has this id' }), 0);
      equal(await archive.remove(), 3);
      await bench.holds((await bench.names(listener)).archive, 0);
      await rejects(archive.replay({ limit: 0 }), { code: 'configuration' });
    },
  },
  {
    id: 'CF-R1c',
    name: 'a process that does not consume can look into an archive and put events back',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const { listener, heal } = await withArchived(bench, 2);
      const failed = listener.calls.length;
      heal();
      const operator = await bench.started({ consume: false });
      const archive = operator.archive(listener.target);
      equal(await archive.count(), 2);
      equal(await archive.replay(), 2);
      await bench.time.until('they are handled', () => listener.calls.length === failed + 2);
    },
  },
];

interface Archived {
  readonly manager: EventManager;
  readonly listener: MadeListener;
  /** From now on the listener succeeds. */
  readonly heal: () => void;
}

/** A listener that fails always, with two attempts each, and so many events in its archive. */
async function withArchived(
  bench: Bench,
  count: number,
  event = bench.event(),
  others: readonly MadeListener[] = [],
  options: { readonly retry?: false } = {},
): Promise<Archived> {
  let healthy = false;
  const listener = bench.listener(
    event,
    () => {
      if (!healthy) throw new RangeError('out of it');
    },
    { breaker: false },
  );
  const manager = await bench.started({
    listeners: [listener, ...others],
    retry: { maxRetries: 1, initialDelayMs: bench.can('delay') ? 5 : 0, factor: 1, jitter: 'none' },
    ...options,
  });
  // In order, so that the archive has them in order too.
  for (let n = 0; n < count; n++) {
    await manager.sendEvent(event, { n, text: '' }, { headers: { n: String(n) } });
    await bench.holds((await bench.names(listener)).archive, n + 1);
  }
  return { manager, listener, heal: () => (healthy = true) };
}

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of events) found.push(each);
  return found;
}

function byNumber(a: string | undefined, b: string | undefined): number {
  return Number(a) - Number(b);
}
