import { equal, rejects } from 'node:assert/strict';
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
    name: 'without manage there are no queues to look at',
    unless: 'manage',
    run: async (bench) => {
      const peer = await bench.startedPeer();
      equal(peer.provider.queues, undefined);
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
