import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range } from './gate.js';
import { bodyText, type Inbox } from './inbox.js';
import { bulky, numberOf } from './stock.js';

const groupsOf = (inbox: Inbox): string[] => [...new Set(inbox.deliveries.map(({ message }) => message.group ?? ''))].sort();

/** Bodies of one group, as they came. */
const ofGroup = (inbox: Inbox, group: string): string[] =>
  inbox.deliveries.filter(({ message }) => message.group === group).map(({ message }) => bodyText(message));

/** Messages of one group go to one consumer, in order. */
export const groupCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K101',
    name: 'of two consumers each has groups of its own, gets all of them, and in order',
    promise: 1,
    needs: ['keys'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peers = [await bench.startedPeer([spec]), await bench.startedPeer([spec])];
      const inboxes = await Promise.all(peers.map((peer) => peer.listen(spec)));
      for (const inbox of inboxes) inbox.accepting = true;
      // An odd number, so that consumers who take turns do not get the groups by themselves.
      const names = range(11).map((n) => `group ${String(n)}`);
      for (const n of range(55)) await peers[0]?.send(spec.event, String(n), { group: names[n % 11] ?? '' });
      await bench.time.until('all have come', () => inboxes.reduce((sum, { count }) => sum + count, 0) === 55);
      const [mine, its] = inboxes.map(groupsOf);
      deepEqual([...(mine ?? []), ...(its ?? [])].sort(), [...names].sort(), 'each group is at one consumer');
      ok(
        inboxes.every(({ count }) => count > 0),
        'each consumer takes part',
      );
      for (const [n, name] of names.entries())
        deepEqual(
          inboxes.flatMap((inbox) => ofGroup(inbox, name)),
          range(5).map((round) => String(round * 11 + n)),
        );
    },
  },
  {
    id: 'CF-K103',
    name: 'when a consumer goes its groups move to another one, in order, what it had not settled first',
    promise: 1,
    needs: ['keys'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 2, prefetch: 0 });
      const [first, second] = [await bench.startedPeer([spec]), await bench.startedPeer([spec])];
      const leaving = await first.listen(spec);
      for (const n of range(2)) await second.send(spec.event, bulky(n), { group: 'moves' });
      await bench.time.until('two have come', () => leaving.held === 2);
      const staying = await second.listen(spec);
      for (const n of range(4)) await second.send(spec.event, bulky(2 + n), { group: 'moves' });
      await bench.time.stays('none comes to the other', () => staying.count === 0);
      await bench.time.ends('the closing', leaving.subscription.close());
      await allOf(bench, staying, 6);
    },
  },
  {
    id: 'CF-K104',
    name: 'after a lost connection a group comes again from what was not settled on, in order',
    promise: 3,
    needs: ['keys', 'cut'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 3, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      for (const n of range(8)) await peer.send(spec.event, String(n), { group: 'comes again' });
      await bench.time.until('three have come', () => inbox.held === 3);
      await bench.given.cut?.();
      await bench.time.until('the loss is noticed', () => peer.states.some(({ state }) => state === 'reconnecting'));
      inbox.accepting = true;
      await bench.time.until('all have come', () => inbox.count === 11, 30_000);
      deepEqual(inbox.bodies, [...range(3), ...range(8)].map(String));
    },
  },
  {
    id: 'CF-K105',
    name: 'a consumer that comes later gets none of the groups that another one has',
    promise: 1,
    needs: ['keys'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const [first, second] = [await bench.startedPeer([spec]), await bench.startedPeer([spec])];
      const older = await first.listen(spec);
      older.accepting = true;
      const send = async (): Promise<void> => {
        for (const n of range(12)) await first.send(spec.event, String(n), { group: `group ${String(n % 3)}` });
      };
      await send();
      await bench.time.until('it has its groups', () => older.count === 12);
      const newer = await second.listen(spec);
      newer.accepting = true;
      await send();
      await bench.time.until('they have come', () => older.count + newer.count === 24);
      deepEqual([older.count, newer.count], [24, 0]);
    },
  },
  {
    id: 'CF-K106',
    name: 'a copy for a retry keeps the group and the priority',
    promise: 5,
    needs: ['keys', 'priority'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'again', { group: 'kept', priority: 7 });
      await bench.time.until('it has come', () => inbox.count === 1);
      equal(await inbox.settle(inbox.at(0), { do: 'copy', to: 'self', headers: {} }), 'settled');
      await bench.time.until('it has come again', () => inbox.count === 2);
      deepEqual(
        inbox.deliveries.map(({ message: { group, priority } }) => [group, priority]),
        [
          ['kept', 7],
          ['kept', 7],
        ],
      );
      await inbox.accept(1);
    },
  },
  {
    id: 'CF-K107',
    name: 'a copy in an archive keeps the group and the priority, and what is taken from there does too',
    promise: 5,
    needs: ['keys', 'priority', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'archived', { group: 'kept', priority: 7 });
      await bench.time.until('it has come', () => inbox.count === 1);
      equal(await inbox.settle(inbox.at(0), { do: 'copy', to: 'archive', headers: {} }), 'settled');
      await bench.holds(spec.archive, 1);
      const [archived] = await bench.browse(spec.archive);
      const queues = await bench.queues();
      await queues.take(spec.archive, {}, () => ({ to: `${spec.event}::${spec.queue}`, headers: {} }));
      await bench.time.until('it has come again', () => inbox.count === 2);
      for (const message of [archived, inbox.at(1).message]) deepEqual([message?.group, message?.priority], ['kept', 7]);
      await inbox.accept(1);
    },
  },
];

/** All of them, in order, each once; accepted one after the other. */
async function allOf(bench: Bench, inbox: Inbox, count: number): Promise<void> {
  inbox.accepting = true;
  await bench.time.until('all have come', () => inbox.count === count);
  deepEqual(
    inbox.deliveries.map(({ message }) => numberOf(message)),
    range(count).map(String),
  );
}
