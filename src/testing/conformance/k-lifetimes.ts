import { deepEqual, equal, ok } from 'node:assert/strict';
import { queueOf, type Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { wire } from '../../core/headers.js';
import { bodyText } from './inbox.js';
import { bulky, numberOf } from './stock.js';

const shortMs = 300;

/** What waits longer than it may, what goes before others, what is taken back. */
export const lifetimeCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K111',
    name: 'of what waits the higher priorities come first, equal ones in order',
    needs: ['priority'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 1, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const priorities = [undefined, 0, 9, 4, 9, 0, 5];
      for (const [n, priority] of priorities.entries()) await peer.send(spec.event, bulky(n), priority === undefined ? {} : { priority });
      const inbox = await peer.listen(spec);
      inbox.accepting = true;
      await bench.time.until('all have come', () => inbox.count === priorities.length);
      deepEqual(
        inbox.deliveries.map(({ message }) => numberOf(message)),
        ['2', '4', '6', '0', '3', '1', '5'],
      );
      deepEqual(
        inbox.deliveries.map(({ message }) => message.priority ?? 4),
        [9, 9, 5, 4, 4, 0, 0],
      );
    },
  },
  {
    id: 'CF-K112',
    name: 'what is given back stands behind what has come meanwhile with a higher priority, and before the rest',
    promise: 8,
    needs: ['priority'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 1, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const before = await peer.listen(spec);
      for (const n of [0, 1]) await peer.send(spec.event, bulky(n));
      await bench.time.until('the first has come', () => before.held === 1);
      await peer.send(spec.event, bulky(2), { priority: 9 });
      await bench.time.ends('pause()', before.subscription.pause());
      await before.settle(before.at(0), { do: 'return' });
      await bench.time.ends('the closing', before.subscription.close());
      const after = await peer.listen(spec);
      after.accepting = true;
      await bench.time.until('all have come', () => after.count === 3);
      deepEqual(
        after.deliveries.map(({ message }) => numberOf(message)),
        ['2', '0', '1'],
      );
    },
  },
  {
    id: 'CF-K121',
    name: 'what nobody has taken by its time does not come any more, the rest does; the broker counts it',
    needs: ['ttl'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const expiresAt = bench.time.now() + shortMs;
      await peer.send(spec.event, 'too late', { expiresAt });
      await peer.send(spec.event, 'too late already', { expiresAt: expiresAt - 2 * shortMs });
      await peer.send(spec.event, 'in time', { expiresAt: expiresAt + 3_600_000 });
      await peer.send(spec.event, 'at any time');
      await bench.time.pass(shortMs + 1);
      const inbox = await peer.listen(spec);
      inbox.accepting = true;
      await bench.time.until('the rest has come', () => inbox.count >= 2);
      await bench.time.stays('nothing else comes', () => inbox.bodies.join() === 'in time,at any time');
      await counted(bench, queueOf(spec), 2);
    },
  },
  {
    id: 'CF-K122',
    name: 'what is delivered in time stays, and is settled after its time like any other',
    needs: ['ttl'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'read', { expiresAt: bench.time.now() + 4 * shortMs });
      await bench.time.until('it has come', () => inbox.count === 1);
      await bench.time.pass(4 * shortMs + 1);
      equal(await inbox.accept(0), 'settled');
      await bench.time.stays('it does not come again', () => inbox.count === 1);
      if (!bench.can('manage')) return;
      await bench.holds(queueOf(spec), 0);
      equal(await (await bench.queues()).expired(queueOf(spec)), 0);
    },
  },
  {
    id: 'CF-K123',
    name: 'what passes its time while the broker holds it back never comes',
    needs: ['ttl', 'delay'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      inbox.accepting = true;
      const now = bench.time.now();
      await peer.send(spec.event, 'never', { expiresAt: now + shortMs, notBefore: new Date(now + 2 * shortMs) });
      await peer.send(spec.event, 'later', { notBefore: new Date(now + 3 * shortMs) });
      await bench.time.until('the other has come', () => inbox.count > 0);
      await bench.time.stays('nothing else comes', () => inbox.bodies.join() === 'later');
      await counted(bench, queueOf(spec), 1);
    },
  },
  {
    id: 'CF-K124',
    name: 'copies for a retry or an archive have no time to pass',
    promise: 5,
    needs: ['ttl', 'delay', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      const expiresAt = bench.time.now() + 4 * shortMs;
      for (const body of ['retried', 'archived']) await peer.send(spec.event, body, { expiresAt });
      await bench.time.until('both have come', () => inbox.count === 2);
      await inbox.settle(inbox.at(0), { do: 'copy', to: 'self', headers: {}, notBefore: new Date(expiresAt + shortMs) });
      await inbox.settle(inbox.at(1), { do: 'copy', to: 'archive', headers: {} });
      await bench.time.until('the retry has come', () => inbox.count === 3);
      ok(bench.time.now() > expiresAt, 'its time has passed');
      deepEqual([inbox.bodies[2], (await bench.browse(spec.archive)).map(bodyText)], ['retried', ['archived']]);
      equal(await inbox.accept(2), 'settled');
      equal(await (await bench.queues()).expired(queueOf(spec)), 0);
    },
  },
  {
    id: 'CF-K171',
    name: 'what is held until its time is taken back from each queue by its id, once, and nothing else is',
    needs: ['cancel', 'delay', 'manage'],
    run: async (bench) => {
      const event = bench.unique('event');
      const specs = [bench.spec(event), bench.spec(event)];
      const peer = await bench.startedPeer(specs);
      const inboxes = await Promise.all(specs.map((spec) => peer.listen(spec)));
      const send = (id: string, notBefore: Date, more: readonly [string, string][] = []): Promise<void> =>
        peer.send(event, id, { notBefore, headers: new Map([[wire.id, id], ...more]) });
      const [long, short] = [new Date(bench.time.now() + 600_000), new Date(bench.time.now() + 5 * shortMs)];
      await send("it's taken back", long);
      await send('retried', short, [[wire.attempt, '2']]);
      await send('left alone', short);
      for (const spec of specs) await bench.holds(queueOf(spec), 3);
      const queues = await bench.queues();
      deepEqual(
        [
          await queues.cancel(event, "it's taken back"),
          await queues.cancel(event, "it's taken back"),
          await queues.cancel(event, 'retried'),
          await queues.cancel(bench.unique('absent'), 'left alone'),
        ],
        [2, 0, 0, 0],
      );
      for (const spec of specs) await bench.holds(queueOf(spec), 2);
      for (const inbox of inboxes) inbox.accepting = true;
      await bench.time.until('the others have come', () => inboxes.every(({ count }) => count === 2));
      for (const inbox of inboxes) deepEqual([...inbox.bodies].sort(), ['left alone', 'retried']);
      for (const spec of specs) await bench.holds(queueOf(spec), 0);
    },
  },
  {
    id: 'CF-K172',
    name: 'what somebody has taken is not taken back',
    needs: ['cancel', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 1, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'taken', { headers: new Map([[wire.id, 'taken']]) });
      await bench.time.until('it has come', () => inbox.count === 1);
      equal(await (await bench.queues()).cancel(spec.event, 'taken'), 0);
      equal(await inbox.accept(0), 'settled');
      await bench.holds(queueOf(spec), 0);
    },
  },
];

async function counted(bench: Bench, queue: string, count: number): Promise<void> {
  if (!bench.can('manage')) return;
  const queues = await bench.queues();
  // Brokers that look only now and then say so later.
  await bench.time.until(`${String(count)} are counted as expired`, async () => (await queues.expired(queue)) === count, 45_000);
  await bench.holds(queue, 0);
}
