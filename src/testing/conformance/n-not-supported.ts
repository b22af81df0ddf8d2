import { deepEqual, equal, rejects } from 'node:assert/strict';
import { RetryLater, type TidingsError } from '../../core/errors.js';
import type { Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import type { PeerSend } from './peer.js';

/** What is not declared fails at once, and never does half of it. */
export const notSupportedCases: readonly CaseDefinition[] = [
  {
    id: 'CF-N1',
    name: 'without delay, a send for later fails as not supported, and nothing arrives',
    unless: 'delay',
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      const sending = peer.send(spec.event, 'later', { notBefore: new Date(bench.time.now() + 100) });
      await rejects(bench.time.ends('the send', sending, 1_000), { code: 'not-supported' });
      await bench.time.stays('nothing arrives', () => inbox.count === 0);
    },
  },
  {
    id: 'CF-N1b',
    name: 'without delay, a start is refused that names each listener whose retries have to wait, and one whose retries come at once is not',
    promise: 5,
    unless: 'delay',
    run: async (bench) => {
      const event = bench.event();
      const [waiting, prompt, never] = [
        bench.listener(event, undefined, { retry: { initialDelayMs: 10 } }),
        bench.listener(event, undefined, { retry: { initialDelayMs: 0 } }),
        bench.listener(event, undefined, { retry: false }),
      ];
      const refused = await bench.manager({ listeners: [waiting, prompt, never] });
      await rejects(bench.time.ends('the start', refused.start()), (error) => {
        const { message, code } = error as TidingsError;
        const named = [waiting, prompt, never].map(({ name }) => message.includes(name));
        deepEqual([code, message.includes("'delay'"), named], ['configuration', true, [true, false, false]]);
        return true;
      });
      await bench.started({ listeners: [prompt, never] });
    },
  },
  {
    id: 'CF-N1c',
    name: 'without delay, an event whose listener throws RetryLater is archived, as nobody would hold it back',
    promise: 5,
    unless: 'delay',
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, () => {
        throw new RetryLater(500);
      });
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it is archived', () => manager.counters().archived === 1);
      await bench.time.stays('it is not called again', () => listener.calls.length === 1);
      if (!bench.can('manage')) return;
      const [archived] = await bench.browse((await bench.names(listener)).archive);
      equal(archived?.headers.get('tidings_error_message')?.includes("'delay'"), true);
    },
  },
  {
    id: 'CF-N2',
    name: 'without anycast, an anycast send and an anycast subscription fail as not supported',
    unless: 'anycast',
    run: async (bench) => {
      const address = bench.unique('work');
      const peer = await bench.startedPeer();
      await rejects(bench.time.ends('the send', peer.send(address, 'work', { routing: 'anycast' }), 1_000), { code: 'not-supported' });
      const consumer = bench.peer(await bench.create());
      const spec = bench.spec(address, address, { routing: 'anycast' });
      await rejects(bench.time.ends('the start', consumer.start([spec])), { code: 'not-supported' });
    },
  },
  {
    id: 'CF-N3',
    name: 'without manage there are no queues to look at: archives and the lag of a listener fail as not supported',
    unless: 'manage',
    run: async (bench) => {
      const listener = bench.listener(bench.event());
      const manager = await bench.started({ listeners: [listener] });
      equal((await bench.create()).queues, undefined);
      const archive = manager.archive(listener.target);
      for (const asked of [archive.count(), archive.replay(), archive.remove(), manager.listener(listener.target).lag()])
        await rejects(asked, { code: 'not-supported' });
    },
  },
  {
    id: 'CF-N4',
    name: 'without count, no delivery tells one',
    unless: 'count',
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'uncounted');
      await bench.time.until('it has come', () => inbox.count === 1);
      equal(inbox.at(0).brokerCount, undefined);
      await inbox.accept(0);
    },
  },
  {
    id: 'CF-N5',
    name: 'without ttl, a send that expires fails as not supported, and nothing arrives',
    unless: 'ttl',
    run: (bench) => refusesToSend(bench, { expiresAt: bench.time.now() + 60_000 }),
  },
  {
    id: 'CF-N6',
    name: 'without priority, a send with one fails as not supported, and nothing arrives',
    unless: 'priority',
    run: (bench) => refusesToSend(bench, { priority: 9 }),
  },
  {
    id: 'CF-N7',
    name: 'without keys, a send in a group fails as not supported, and nothing arrives',
    unless: 'keys',
    run: (bench) => refusesToSend(bench, { group: 'one' }),
  },
  {
    id: 'CF-N8',
    name: 'without reply, a send that asks for an answer fails as not supported, and nothing arrives; so does an answer',
    unless: 'reply',
    run: async (bench) => {
      await refusesToSend(bench, { replyTo: 'replies.nobody' });
      const answer = (await bench.startedPeer()).send('replies.nobody', 'answer', { routing: 'anycast', ifThere: true });
      await rejects(bench.time.ends('the answer', answer, 1_000), { code: 'not-supported' });
    },
  },
  {
    id: 'CF-N9',
    name: 'without patterns, a start and a subscription with one fail as not supported',
    unless: 'patterns',
    run: async (bench) => {
      const spec = bench.spec(`${bench.unique('shop')}.*`, undefined, { pattern: true });
      await rejects(bench.time.ends('the start', bench.peer(await bench.create()).start([spec])), { code: 'not-supported' });
      const peer = await bench.startedPeer();
      await rejects(bench.time.ends('the subscription', peer.subscribe(spec)), { code: 'not-supported' });
    },
  },
  {
    id: 'CF-N10',
    name: 'without cancel, taking an event back fails as not supported',
    needs: ['manage'],
    unless: 'cancel',
    run: async (bench) => {
      await rejects((await bench.queues()).cancel(bench.unique('event'), 'any'), { code: 'not-supported' });
    },
  },
  {
    id: 'CF-N11',
    name: 'without ttl, asking how many have expired fails as not supported',
    needs: ['manage'],
    unless: 'ttl',
    run: async (bench) => {
      await rejects((await bench.queues()).expired(bench.unique('queue')), { code: 'not-supported' });
    },
  },
];

async function refusesToSend(bench: Bench, what: PeerSend): Promise<void> {
  const spec = bench.spec(bench.unique('event'));
  const peer = await bench.startedPeer([spec]);
  const inbox = await peer.listen(spec);
  await rejects(bench.time.ends('the send', peer.send(spec.event, 'not for this broker', what), 1_000), { code: 'not-supported' });
  await bench.time.stays('nothing arrives', () => inbox.count === 0);
}
