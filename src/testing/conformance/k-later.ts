import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { TidingsError } from '../../core/errors.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import { queueOf, type Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range } from './gate.js';

const isConflict = (error: unknown): boolean => TidingsError.is(error) && error.code === 'queue-conflict' && !error.retryable;

/** Subscriptions that the start knew nothing of, and queues that go with them. */
export const laterCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K141',
    name: 'a subscription that comes after the start finds its queue and its archive made',
    promise: 1,
    run: async (bench) => {
      const known = bench.spec(bench.unique('event'));
      const [later, temporary] = [bench.spec(known.event), bench.spec(known.event, undefined, { temporary: true })];
      const peer = await bench.startedPeer([known]);
      const inboxes = await Promise.all([known, later, temporary].map((spec) => peer.listen(spec)));
      await peer.send(known.event, 'for all');
      await bench.time.until('all have it', () => inboxes.every(({ count }) => count === 1));
      equal(await inboxes[1]?.settle(inboxes[1].at(0), { do: 'copy', to: 'archive', headers: {} }), 'settled');
      for (const inbox of inboxes) await inbox.accept(0);
      if (bench.can('manage')) await bench.holds(later.archive, 1);
    },
  },
  {
    id: 'CF-K142',
    name: 'a subscription that came after the start is served again after a lost connection, and keeps what came meanwhile',
    promise: 7,
    needs: ['cut'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer();
      const inbox = await peer.listen(spec);
      await bench.given.cut?.();
      await bench.time.until('the loss is noticed', () => peer.states.some(({ state }) => state === 'reconnecting'));
      await (await bench.onlooker()).send(spec.event, 'meanwhile');
      await peer.connected(inbox);
      await peer.send(spec.event, 'afterwards');
      await bench.time.until('both have come', () => inbox.count === 2);
      deepEqual(inbox.bodies, ['meanwhile', 'afterwards']);
      for (const n of range(2)) equal(await inbox.accept(n), 'settled');
    },
  },
  {
    id: 'CF-K142b',
    name: 'the queue of a subscription that came after the start is made again when a restart of the broker has taken it',
    promise: 7,
    needs: ['restart'],
    run: async (bench) => {
      const [temporary, going] = [true, false].map((isTemporary) =>
        bench.spec(bench.unique('event'), undefined, { temporary: isTemporary, discard: !isTemporary }),
      ) as [SubscriptionSpec, SubscriptionSpec];
      const peer = await bench.startedPeer();
      const inboxes = [await peer.listen(temporary), await peer.listen(going)];
      await bench.given.restart?.();
      await bench.time.until('the loss is noticed', () => peer.states.some(({ state }) => state === 'reconnecting'));
      await peer.connected(...inboxes);
      for (const { spec } of inboxes) await peer.send(spec.event, 'afterwards');
      await bench.time.until('they have come', () => inboxes.every(({ count }) => count === 1));
      for (const inbox of inboxes) await inbox.accept(0);
    },
  },
  {
    id: 'CF-K143',
    name: 'a subscription that comes after the start is refused as one of the start would be, and nothing else suffers',
    run: async (bench) => {
      const queue = bench.unique('queue');
      const [mine, other] = [bench.spec(bench.unique('event'), queue), bench.spec(bench.unique('event'), queue)];
      const peer = await bench.startedPeer([mine]);
      const inbox = await peer.listen(mine);
      const atStart = await bench.time.ends('a start with it', outcome(bench.peer(await bench.create()).start([other])));
      const later = await bench.time.ends('the subscription', outcome(peer.provider.subscribe(other, () => undefined)));
      equal(later === undefined, atStart === undefined, 'as at a start');
      if (later !== undefined) {
        ok(isConflict(later), 'the refusal is a conflict');
        for (const { event } of [mine, other]) ok((later as Error).message.includes(event), `${event} is named`);
      }
      const good = await peer.listen(bench.spec(mine.event));
      await peer.send(mine.event, 'goes on');
      await bench.time.until('both have it', () => inbox.count === 1 && good.count === 1);
      for (const each of [inbox, good]) equal(await each.accept(0), 'settled');
    },
  },
  {
    id: 'CF-K143b',
    name: 'a subscription that comes after the start to a queue that another service consumes is a conflict, unless it is shared',
    needs: ['manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      await (await bench.startedPeer([spec], { serviceName: 'first-service' })).listen(spec);
      const second = await bench.startedPeer([], { serviceName: 'second-service' });
      await rejects(bench.time.ends('the subscription', second.subscribe(spec)), isConflict);
      equal((await second.listen({ ...spec, shared: true })).subscription.ready, true);
    },
  },
  {
    id: 'CF-K144',
    name: 'a subscription that comes while the broker is away is confirmed when it is back',
    promise: 7,
    needs: ['down'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer();
      const up = await bench.fault(bench.given.down?.());
      await bench.time.until('the loss is noticed', () => peer.state === 'reconnecting');
      let confirmed = false;
      const subscribing = peer.listen(spec).finally(() => (confirmed = true));
      subscribing.catch(() => undefined);
      await bench.time.stays('it is not confirmed', () => !confirmed);
      await up();
      const inbox = await bench.time.ends('the subscription', subscribing, 60_000);
      await peer.send(spec.event, 'works');
      await bench.time.until('it has come', () => inbox.count === 1);
      equal(await inbox.accept(0), 'settled');
    },
  },
  {
    id: 'CF-K144b',
    name: 'a subscription that comes while the broker is away is ended by a stop in the same breath, whether the start knew of it or not',
    promise: 8,
    needs: ['down'],
    run: async (bench) => {
      const [known, later] = [bench.spec(bench.unique('event')), bench.spec(bench.unique('event'))];
      const peer = await bench.startedPeer([known]);
      const up = await bench.fault(bench.given.down?.());
      await bench.time.until('the loss is noticed', () => peer.state === 'reconnecting');
      const ends = [known, later].map((spec) => outcome(peer.provider.subscribe(spec, () => undefined)));
      await peer.stop();
      for (const end of ends) {
        const error = await bench.time.ends('the subscription', end);
        ok(TidingsError.is(error) && error.code === 'not-running', String(error));
      }
      await up();
    },
  },
  {
    id: 'CF-K151',
    name: 'a queue that is to be discarded goes when its subscription is closed, with what is in it, and is not made again',
    promise: 8,
    needs: ['manage', 'cut'],
    run: async (bench) => {
      const event = bench.unique('event');
      const [going, staying] = [bench.spec(event, undefined, { discard: true, temporary: true }), bench.spec(event)];
      const peer = await bench.startedPeer();
      const inboxes = [await peer.listen(going), await peer.listen(staying)];
      await peer.send(event, 'left over');
      await bench.time.until('both have it', () => inboxes.every(({ count }) => count === 1));
      for (const { subscription } of inboxes) await bench.time.ends('the closing', subscription.close());
      const only = async (): Promise<boolean> => (await (await bench.queues()).list(event)).join() === queueOf(staying);
      await bench.time.until('its queue is gone, and the other is not', only);
      await bench.given.cut?.();
      await bench.time.until('the loss is noticed', () => peer.states.some(({ state }) => state === 'reconnecting'));
      await peer.connected();
      await bench.time.until('its queue stays away', only);
      await bench.holds(queueOf(staying), 1);
    },
  },
  {
    id: 'CF-K151b',
    name: 'a queue that is to be discarded goes when its provider stops',
    promise: 8,
    needs: ['manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { discard: true, temporary: true });
      const peer = await bench.startedPeer();
      await peer.listen(spec);
      const list = async (): Promise<string> => (await (await bench.queues()).list(spec.event)).join();
      await bench.time.until('its queue is there', async () => (await list()) === queueOf(spec));
      await peer.stop();
      await bench.time.until('its queue is gone', async () => (await list()) === '');
    },
  },
  {
    id: 'CF-K151c',
    name: 'a queue that is to be discarded goes with the next connection when its subscription is closed while the broker is away',
    promise: 8,
    needs: ['manage', 'down'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { discard: true, temporary: true });
      const peer = await bench.startedPeer();
      const inbox = await peer.listen(spec);
      const queues = await bench.queues();
      equal((await queues.list(spec.event)).join(), queueOf(spec));
      const up = await bench.fault(bench.given.down?.());
      await bench.time.until('the loss is noticed', () => peer.state === 'reconnecting');
      await bench.time.ends('the closing', inbox.subscription.close());
      await up();
      await peer.connected();
      await bench.time.until('its queue is gone', async () => (await queues.list(spec.event)).join() === '');
    },
  },
  {
    id: 'CF-K152',
    name: 'a queue that is to be discarded outlives a lost connection, with what is in it',
    promise: 7,
    needs: ['cut'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { discard: true, temporary: true });
      const peer = await bench.startedPeer();
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'unsettled');
      await bench.time.until('it has come', () => inbox.count === 1);
      await bench.given.cut?.();
      await bench.time.until('it has come again', () => inbox.count === 2, 30_000);
      equal(await inbox.accept(1), 'settled');
    },
  },
  {
    id: 'CF-K131',
    name: 'a message brings the address and the correlation id that its answer goes to, also when it is retried',
    promise: 9,
    needs: ['reply'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      const replyTo = `replies.${bench.server()}`;
      await peer.send(spec.event, 'asked', { replyTo, correlationId: 'question 1' });
      await bench.time.until('it has come', () => inbox.count === 1);
      equal(await inbox.settle(inbox.at(0), { do: 'copy', to: 'self', headers: {} }), 'settled');
      await bench.time.until('it has come again', () => inbox.count === 2);
      for (const { message } of inbox.deliveries) deepEqual([message.replyTo, message.correlationId], [replyTo, 'question 1']);
      await inbox.accept(1);
      if (bench.can('manage')) deepEqual(await (await bench.queues()).list(replyTo), [], 'nothing is made for answers');
    },
  },
  {
    id: 'CF-K132',
    name: 'an answer reaches the queue that waits for it; when that is gone it is confirmed and dropped, and nothing is made for it',
    promise: 2,
    needs: ['reply', 'anycast'],
    run: async (bench) => {
      const address = `replies.${bench.server()}`;
      const spec = answers(bench, address);
      const [asker, responder] = [await bench.startedPeer(), await bench.startedPeer()];
      const answer = (body: string): Promise<void> =>
        bench.time.ends(
          `the answer '${body}'`,
          responder.send(address, body, { routing: 'anycast', ifThere: true, correlationId: body, durable: false }),
        );
      await answer('too early');
      const inbox = await asker.listen(spec);
      inbox.accepting = true;
      await answer('in time');
      await bench.time.until('it has come', () => inbox.bodies.join() === 'in time');
      equal(inbox.at(0).message.correlationId, 'in time');
      await bench.time.ends('the closing', inbox.subscription.close());
      for (const n of range(3)) await answer(`too late ${String(n)}`);
      if (bench.can('manage')) {
        const queues = await bench.queues();
        await bench.time.stays('nothing is made for it', async () => !(await queues.list(address)).includes(`${address}::${address}`));
      }
      const next = await asker.listen(spec);
      await bench.time.stays('it is not kept for the next one', () => next.count === 0);
    },
  },
];

function answers(bench: Bench, address: string): SubscriptionSpec {
  return bench.spec(address, address, { routing: 'anycast', temporary: true, discard: true });
}

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
