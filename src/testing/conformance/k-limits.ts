import { deepEqual, equal, ok } from 'node:assert/strict';
import { queueOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range } from './gate.js';

/** The contract of `ProviderSubscription.setLimit`, and of what is returned to the queue. */
export const limitCases: readonly CaseDefinition[] = [
  {
    id: 'CF-C2a',
    name: 'of limits raised, lowered, and raised then lowered while deliveries are held, the last one holds',
    promise: 7,
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 2, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await Promise.all(range(40).map((n) => peer.send(spec.event, String(n))));
      await bench.time.until('two have come', () => inbox.held === 2);
      inbox.subscription.setLimit(5);
      await bench.time.until('five are held', () => inbox.held === 5);
      await bench.time.stays('a sixth does not come', () => inbox.held === 5);
      inbox.subscription.setLimit(1);
      for (const left of [4, 3, 2, 1]) {
        await inbox.acceptOldest();
        await bench.time.stays('none comes while more than one are held', () => inbox.held === left, 50);
      }
      await inbox.acceptOldest();
      await bench.time.until('one comes', () => inbox.held === 1);
      await bench.time.stays('a second does not', () => inbox.held === 1);
      inbox.subscription.setLimit(8);
      inbox.subscription.setLimit(3);
      await bench.time.until('three are held', () => inbox.held >= 3);
      // What the broker had been allowed to send may still come, but no more than that.
      await bench.time.stays('no more than were allowed for a moment', () => inbox.held <= 8);
      for (let left = inbox.held; left > 0; left--) await inbox.acceptOldest();
      await bench.time.until('three come', () => inbox.held === 3);
      await bench.time.stays('a fourth does not', () => inbox.held === 3);
      inbox.accepting = true;
      await bench.time.until('all have come', () => inbox.count === 40);
      deepEqual(inbox.bodies, range(40).map(String));
    },
  },
  {
    id: 'CF-K51',
    name: 'a limit holds on the next connection too, also one that was set while the connection was away',
    promise: 7,
    needs: ['down'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 4, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      for (const limit of [2, 6]) {
        inbox.accepting = true;
        await bench.time.until('nothing is held', () => inbox.held === 0);
        const up = await bench.fault(bench.given.down?.());
        await bench.time.until('the loss is noticed', () => peer.state === 'reconnecting');
        inbox.subscription.setLimit(limit);
        inbox.accepting = false;
        await up();
        await peer.connected(inbox);
        await Promise.all(range(10).map((n) => peer.send(spec.event, String(n))));
        await bench.time.until(`${String(limit)} are held`, () => inbox.held === limit);
        await bench.time.stays('no more come', () => inbox.held === limit);
      }
    },
  },
  {
    id: 'CF-K16',
    name: 'what is returned by a subscription that is not paused stays unsettled until it closes, then comes elsewhere, uncounted',
    promise: 8,
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'given back');
      await bench.time.until('it has come', () => inbox.count === 1);
      equal(await bench.time.ends('the return', inbox.settle(inbox.at(0), { do: 'return' })), 'settled');
      const other = await (await bench.startedPeer([spec])).listen(spec);
      await bench.time.stays('it is kept', () => inbox.count + other.count === 1);
      await bench.time.ends('the closing', inbox.subscription.close());
      await bench.time.until('it has come elsewhere', () => other.count === 1);
      ok([undefined, 0].includes(other.at(0).brokerCount), 'uncounted');
      equal(await other.accept(0), 'settled');
    },
  },
  {
    id: 'CF-K52',
    name: 'what is returned while paused stands at its place again at once, uncounted, for others to take',
    promise: 8,
    needs: ['manage', 'promptReturns'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 3, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      for (const n of range(5)) await peer.send(spec.event, String(n));
      await bench.time.until('three have come', () => inbox.count === 3);
      await bench.time.ends('pause()', inbox.subscription.pause());
      for (const n of [1, 0, 2]) equal(await bench.time.ends('the return', inbox.settle(inbox.at(n), { do: 'return' })), 'settled');
      await bench.time.until('all wait', async () => (await bench.browse(queueOf(spec))).length === 5);
      const other = await (await bench.startedPeer([spec])).listen(spec);
      other.accepting = true;
      await bench.time.until('all have come elsewhere', () => other.count === 5);
      deepEqual([other.bodies, inbox.count], [range(5).map(String), 3]);
      ok(
        other.deliveries.every(({ brokerCount }) => [undefined, 0].includes(brokerCount)),
        'uncounted',
      );
    },
  },
  {
    id: 'CF-K53',
    name: 'what is returned while paused comes again here after open(), not before, and gives its place free',
    promise: 7,
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 2, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      for (const n of range(4)) await peer.send(spec.event, String(n));
      for (const round of range(3)) {
        await bench.time.until('two are held', () => inbox.held === 2);
        await bench.time.ends('pause()', inbox.subscription.pause());
        const held = inbox.count;
        for (const n of [held - 1, held - 2]) await inbox.settle(inbox.at(n), { do: 'return' });
        await bench.time.stays(`nothing comes in round ${String(round)}`, () => inbox.count === held);
        inbox.subscription.open();
      }
      inbox.accepting = true;
      await bench.time.until('all have come', () => inbox.count === 10);
      deepEqual([inbox.bodies.slice(6), inbox.mostHeld], [range(4).map(String), 2]);
    },
  },
  {
    id: 'CF-K54',
    name: 'what is returned before pause() has ended goes back when it has ended',
    promise: 8,
    needs: ['promptReturns'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 3, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      for (const n of range(3)) await peer.send(spec.event, String(n));
      await bench.time.until('three have come', () => inbox.count === 3);
      const other = await (await bench.startedPeer([spec])).listen(spec);
      const early = inbox.settle(inbox.at(0), { do: 'return' });
      const pausing = inbox.subscription.pause();
      const during = inbox.settle(inbox.at(1), { do: 'return' });
      await bench.time.ends('pause() and the returns', Promise.all([early, pausing, during]));
      await bench.time.until('both have come elsewhere', () => other.count === 2);
      deepEqual([[...other.bodies].sort(), inbox.count], [['0', '1'], 3]);
      equal(await inbox.accept(2), 'settled');
      other.accepting = true;
    },
  },
  {
    id: 'CF-K55',
    name: 'what is returned while another delivery still runs comes again here after open(), and the other can be settled',
    promise: 7,
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 3, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      for (const n of range(3)) await peer.send(spec.event, String(n));
      await bench.time.until('three have come', () => inbox.count === 3);
      await bench.time.ends('pause()', inbox.subscription.pause());
      for (const n of [0, 2]) equal(await bench.time.ends('the return', inbox.settle(inbox.at(n), { do: 'return' })), 'settled');
      await bench.time.stays('nothing comes while it is paused', () => inbox.count === 3);
      inbox.subscription.open();
      await bench.time.until('both have come again', () => inbox.count === 5);
      equal(await inbox.accept(1), 'settled');
      for (const n of [3, 4]) equal(await inbox.accept(n), 'settled');
      await bench.time.stays('none comes once more', () => inbox.count === 5);
      deepEqual([[...inbox.bodies.slice(3)].sort(), inbox.mostHeld], [['0', '2'], 3]);
    },
  },
  {
    id: 'CF-K56',
    name: 'what is returned before, during and after pause() stands at its place in the queue once the subscription is closed, uncounted',
    promise: 8,
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 3, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      for (const n of range(5)) await peer.send(spec.event, String(n));
      await bench.time.until('three have come', () => inbox.count === 3);
      const early = inbox.settle(inbox.at(1), { do: 'return' });
      const pausing = inbox.subscription.pause();
      const during = inbox.settle(inbox.at(0), { do: 'return' });
      await bench.time.ends('pause() and the returns', Promise.all([early, pausing, during]));
      equal(await bench.time.ends('the last return', inbox.settle(inbox.at(2), { do: 'return' })), 'settled');
      await bench.time.ends('the closing', inbox.subscription.close());
      const other = await (await bench.startedPeer([spec])).listen(spec);
      other.accepting = true;
      await bench.time.until('all have come elsewhere', () => other.count === 5);
      deepEqual([other.bodies, inbox.count], [range(5).map(String), 3]);
      ok(
        other.deliveries.every(({ brokerCount }) => [undefined, 0].includes(brokerCount)),
        'uncounted',
      );
    },
  },
];
