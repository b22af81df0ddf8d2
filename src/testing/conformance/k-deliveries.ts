import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { queueOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range } from './gate.js';

const mostCrashes = 20;

/** The contract of `Provider.subscribe`, of deliveries and of their settlement. */
export const deliveryCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K11',
    name: 'nothing is delivered before open(), nothing after pause(), all of it after the next open()',
    promise: 8,
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 20, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.subscribe(spec);
      inbox.accepting = true;
      await peer.send(spec.event, '1');
      await bench.time.stays('nothing comes before open()', () => inbox.count === 0);
      inbox.subscription.open();
      await bench.time.until('it comes after open()', () => inbox.count === 1);
      await bench.time.ends('pause()', inbox.subscription.pause());
      await peer.send(spec.event, '2');
      await bench.time.stays('nothing comes after pause()', () => inbox.count === 1);
      inbox.subscription.open();
      await bench.time.until('it comes after the next open()', () => inbox.count === 2);
      await peer.send(spec.event, '3');
      await bench.time.until('and so on', () => inbox.bodies.join() === '1,2,3');
    },
  },
  {
    id: 'CF-K12',
    name: 'at most concurrency + prefetch deliveries are held unsettled, a settled one makes place for one',
    promise: 7,
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 2, prefetch: 1 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await Promise.all(range(10).map((n) => peer.send(spec.event, String(n))));
      await bench.time.until('three have come', () => inbox.count >= 3);
      await bench.time.stays('a fourth does not', () => inbox.count === 3);
      for (const n of range(10)) {
        await bench.time.until('the next is there', () => inbox.count > n);
        equal(await inbox.accept(n), 'settled');
      }
      deepEqual([inbox.bodies, inbox.mostHeld], [range(10).map(String), 3]);
    },
  },
  {
    id: 'CF-K13',
    name: 'deliveries of a lost connection count as held until they are settled',
    promise: 7,
    needs: ['cut'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 3, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await Promise.all(range(6).map((n) => peer.send(spec.event, String(n))));
      await bench.time.until('three have come', () => inbox.count === 3);
      await bench.given.cut?.();
      await bench.time.until('the loss is noticed', () => peer.states.some(({ state }) => state === 'reconnecting'));
      await peer.connected(inbox);
      await bench.time.stays('none comes while three are held', () => inbox.count === 3);
      equal(await inbox.accept(0), 'stale');
      await bench.time.until('one comes', () => inbox.count === 4);
      await bench.time.stays('a second does not', () => inbox.count === 4);
      for (const n of [1, 2]) equal(await inbox.accept(n), 'stale');
      for (let n = 3; n < 9; n++) {
        await bench.time.until('the next is there', () => inbox.count > n);
        equal(await inbox.accept(n), 'settled');
      }
      deepEqual(inbox.bodies.slice(3).sort(), range(6).map(String));
    },
  },
  {
    id: 'CF-K14',
    name: 'a delivery whose connection is gone is stale, settling it does nothing, least of all to the new connection',
    promise: 3,
    needs: ['cut', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 2, prefetch: 0 });
      const queue = queueOf(spec);
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'old');
      await bench.time.until('it has come', () => inbox.count === 1);
      await bench.given.cut?.();
      await bench.time.until('it comes again', () => inbox.count === 2, 30_000);
      notEqual(inbox.at(0).stale, false, 'the old one is not taken for a good one');
      equal(await bench.time.ends('the stale settlement', inbox.accept(0)), 'stale');
      await bench.time.stays('the new one is unsettled', async () => (await bench.count(queue)) === 1);
      equal(await inbox.accept(1), 'settled');
      await bench.holds(queue, 0);
      equal(inbox.count, 2);
    },
  },
  {
    id: 'CF-K15',
    name: 'the first settlement counts, later ones are ignored',
    promise: 3,
    needs: ['manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 1, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await Promise.all(range(4).map((n) => peer.send(spec.event, String(n))));
      for (const n of range(4)) {
        await bench.time.until('the next has come', () => inbox.count > n);
        const delivery = inbox.at(n);
        const first = inbox.settle(delivery, { do: 'accept' });
        const later = delivery.settle({ do: 'copy', to: 'archive', headers: {} });
        equal(await first, 'settled');
        await bench.time.ends('the second settlement', later);
        await bench.time.ends('the third settlement', delivery.settle({ do: 'accept' }));
      }
      await bench.holds(queueOf(spec), 0);
      deepEqual([inbox.bodies, inbox.mostHeld, await bench.count(spec.archive)], [range(4).map(String), 1, 0]);
    },
  },
  {
    id: 'CF-K17',
    name: 'the broker counts deliveries that ended with a lost connection, each once at most',
    promise: 3,
    needs: ['cut', 'count'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 1, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'crashes');
      // Brokers are seen to miss some, above all when the connection goes right after the delivery.
      for (let round = 0; round < mostCrashes; round++) {
        await bench.time.until('it has come', () => inbox.count === round + 1, 30_000);
        if ((inbox.deliveries[round]?.brokerCount ?? 0) > 0) break;
        await bench.given.cut?.();
        await bench.time.until('the loss is noticed', () => peer.states.filter(({ state }) => state === 'reconnecting').length > round);
        equal(await inbox.accept(round), 'stale');
      }
      equal(await inbox.accept(inbox.count - 1), 'settled');
      const counts = inbox.deliveries.map(({ brokerCount }) => brokerCount ?? 0);
      deepEqual(
        counts.filter((count, at) => count > at || count < (counts[at - 1] ?? 0)),
        [],
      );
      ok((counts.at(-1) ?? 0) > 0, `one of ${String(counts.length)} is counted`);
    },
  },
  {
    id: 'CF-K18',
    name: 'a delivery is for one subscription: settling it says nothing about its siblings',
    promise: 4,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.unique('event');
      const specs = [bench.spec(event), bench.spec(event)];
      const peer = await bench.startedPeer(specs);
      const inboxes = await Promise.all(specs.map((spec) => peer.listen(spec)));
      await peer.send(event, 'for both');
      await bench.time.until('both have it', () => inboxes.every(({ count }) => count === 1));
      await inboxes[0]?.accept(0);
      await bench.holds(`${event}::${String(specs[0]?.queue)}`, 0);
      equal(await bench.count(`${event}::${String(specs[1]?.queue)}`), 1);
      equal(await inboxes[1]?.accept(0), 'settled');
    },
  },
  {
    id: 'CF-K19',
    name: 'close() gives back what is unsettled, and is done even when the connection is gone',
    promise: 8,
    needs: ['down'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'first');
      await bench.time.until('it has come', () => inbox.count === 1);
      await bench.time.ends('the closing', inbox.subscription.close());
      const second = await peer.listen(spec);
      await bench.time.until('it has come again', () => second.count === 1);
      await bench.fault(bench.given.down?.());
      await bench.time.ends('the closing without a connection', second.subscription.close());
      await bench.time.ends('closing it twice', second.subscription.close());
    },
  },
];
