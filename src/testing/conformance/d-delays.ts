import { deepEqual, equal, ok } from 'node:assert/strict';
import type { CaseDefinition } from './case-definition.js';

const delayMs = 2_000;

/** What the broker keeps back, and what it knows already. */
export const delayCases: readonly CaseDefinition[] = [
  {
    id: 'CF-D1',
    name: 'a message that is sent for later arrives though its sender has ended, and not before its time',
    promise: 2,
    needs: ['delay'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const inbox = await (await bench.startedPeer([spec])).listen(spec);
      inbox.accepting = true;
      const sender = await bench.startedPeer();
      const notBefore = bench.time.now() + delayMs;
      await sender.send(spec.event, 'later', { notBefore: new Date(notBefore) });
      await sender.send(spec.event, 'now');
      await sender.stop();
      await bench.time.until('the one behind it has arrived', () => inbox.count > 0);
      const early = bench.time.now() < notBefore;
      deepEqual([inbox.bodies, early], [['now'], true]);
      let arrivedAt = 0;
      await bench.time.until('it has arrived', () => inbox.count > 1 && (arrivedAt = bench.time.now()));
      ok(arrivedAt >= notBefore, `it came ${String(notBefore - arrivedAt)} ms too early`);
      deepEqual(inbox.bodies, ['now', 'later']);
    },
  },
  {
    id: 'CF-D4',
    name: 'of two sends with one id one is delivered, and both resolve',
    promise: 6,
    needs: ['dedupe'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener] });
      const id = bench.unique('occurrence');
      const sent = [await manager.sendEvent(event, { n: 1, text: '' }, { id }), await manager.sendEvent(event, { n: 1, text: '' }, { id })];
      await manager.sendEvent(event, { n: 2, text: '' });
      await bench.time.until('the last has arrived', () => listener.numbers.includes(2));
      await bench.time.stays('nothing arrives twice', () => listener.calls.length === 2);
      deepEqual(
        sent.map((each) => [each.id, each.sent]),
        [
          [id, true],
          [id, true],
        ],
      );
    },
  },
  {
    id: 'CF-D4b',
    name: 'an id counts for one address alone',
    promise: 6,
    needs: ['dedupe'],
    run: async (bench) => {
      const specs = [bench.spec(bench.unique('event')), bench.spec(bench.unique('event'))];
      const peer = await bench.startedPeer(specs);
      const inboxes = await Promise.all(specs.map((spec) => peer.listen(spec)));
      for (const inbox of inboxes) inbox.accepting = true;
      for (const { event } of specs) await peer.send(event, 'the same id', { dedupeId: 'one' });
      await bench.time.until('both have arrived', () => inboxes.every(({ count }) => count > 0));
      equal(inboxes.length, 2);
    },
  },
];
