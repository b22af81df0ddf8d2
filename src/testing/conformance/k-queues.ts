import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { TidingsError } from '../../core/errors.js';
import { queueOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range } from './gate.js';
import { bulky, numberOf } from './stock.js';

const isConflict = (error: unknown): boolean => TidingsError.is(error) && error.code === 'queue-conflict' && !error.retryable;

/** Whose queue it is, how long it stays, what an operator sees of it. */
export const queueCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K41',
    name: 'a queue that belongs to another event is a conflict that names both, or another queue: nothing of the other is taken',
    run: async (bench) => {
      const queue = bench.unique('queue');
      const [mine, other] = [bench.spec(bench.unique('event'), queue), bench.spec(bench.unique('event'), queue)];
      const first = await bench.startedPeer([mine]);
      const second = bench.peer(await bench.create());
      const refusal = await bench.time.ends(
        'the start',
        second.start([other]).then(
          () => undefined,
          (error: unknown) => error,
        ),
      );
      const [inbox, others] = [await first.listen(mine), refusal === undefined ? await second.listen(other) : undefined];
      if (refusal !== undefined) {
        ok(isConflict(refusal), 'the refusal is a conflict');
        for (const { event } of [mine, other]) ok((refusal as Error).message.includes(event), `${event} is named`);
      }
      await first.send(mine.event, 'mine');
      await bench.time.until('it has come', () => inbox.count === 1);
      await bench.time.stays('it has come to no other', () => (others?.count ?? 0) === 0);
      equal(await inbox.accept(0), 'settled');
    },
  },
  {
    id: 'CF-K42',
    name: 'a queue that another service consumes is a conflict, unless it is shared',
    needs: ['manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      await (await bench.startedPeer([spec], { serviceName: 'first-service' })).listen(spec);
      const second = bench.peer(await bench.create(), { serviceName: 'second-service' });
      await rejects(bench.time.ends('the start', second.start([spec])), isConflict);
      const same = await bench.startedPeer([spec], { serviceName: 'first-service' });
      await same.listen(spec);
      const shared = { ...spec, shared: true };
      const third = await bench.startedPeer([shared], { serviceName: 'third-service' });
      equal((await third.listen(shared)).subscription.ready, true);
    },
  },
  {
    id: 'CF-K43',
    name: 'queues of a start are there with it: what is sent before anybody subscribes is kept',
    promise: 1,
    run: async (bench) => {
      const specs = [bench.spec(bench.unique('event')), bench.spec(bench.unique('event'), undefined, { temporary: true })];
      const peer = await bench.startedPeer(specs);
      for (const { event } of specs) await peer.send(event, 'early');
      const inboxes = await Promise.all(specs.map((spec) => peer.listen(spec)));
      await bench.time.until('both have come', () => inboxes.every(({ count }) => count === 1));
      await Promise.all(inboxes.map((inbox) => inbox.accept(0)));
    },
  },
  {
    id: 'CF-K44',
    name: 'a temporary queue outlives a short absence of its consumer',
    promise: 1,
    needs: ['manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { temporary: true });
      const queue = queueOf(spec);
      const peer = await bench.startedPeer([spec]);
      await (await peer.listen(spec)).subscription.close();
      await peer.send(spec.event, 'meanwhile');
      await bench.time.stays('it keeps what is sent', async () => (await bench.count(queue)) === 1);
      const inbox = await peer.listen(spec);
      await bench.time.until('it has come', () => inbox.count === 1);
      await inbox.accept(0);
    },
  },
  {
    id: 'CF-K45',
    name: 'a temporary queue is gone some minutes after its last consumer, a kept one stays',
    promise: 1,
    needs: ['manage', 'clock'],
    run: async (bench) => {
      const event = bench.unique('event');
      const [temporary, kept] = [bench.spec(event, undefined, { temporary: true }), bench.spec(event)];
      const peer = await bench.startedPeer([temporary, kept]);
      for (const spec of [temporary, kept]) await (await peer.listen(spec)).subscription.close();
      await peer.stop();
      await bench.onlooker();
      await bench.given.clock?.advance(60 * 60_000);
      deepEqual(await (await bench.queues()).list(event), [`${event}::${kept.queue}`]);
    },
  },
  {
    id: 'CF-K46',
    name: 'count() tells waiting, delayed and unsettled messages, browse() the waiting ones, oldest first; an absent queue is empty',
    promise: 5,
    needs: ['manage', 'delay'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 1, prefetch: 0 });
      const queue = queueOf(spec);
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      for (const n of range(5)) await peer.send(spec.event, bulky(n));
      await peer.send(spec.event, 'delayed', { notBefore: new Date(bench.time.now() + 60_000) });
      await bench.time.until('one is delivered', () => inbox.count === 1);
      await bench.holds(queue, 6);
      deepEqual((await bench.browse(queue)).map(numberOf), ['1', '2', '3', '4']);
      const limited: string[] = [];
      for await (const message of (await bench.queues()).browse(queue, { limit: 2 })) limited.push(numberOf(message));
      deepEqual(limited, ['1', '2']);
      const absent = bench.unique('absent');
      deepEqual(
        [
          await bench.count(absent),
          await bench.count(`${absent}::${absent}`),
          await bench.browse(absent),
          await (await bench.queues()).consumers(absent),
        ],
        [0, 0, [], 0],
      );
      inbox.accepting = true;
      await inbox.accept(0);
      await bench.holds(queue, 1);
    },
  },
];
