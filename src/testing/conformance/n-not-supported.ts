import { deepEqual, equal, rejects } from 'node:assert/strict';
import { RetryLater, type TidingsError } from '../../core/errors.js';
import type { CaseDefinition } from './case-definition.js';

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
];
