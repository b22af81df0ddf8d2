import { deepEqual } from 'node:assert/strict';
import { addressOf, queueOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range, sorted } from './gate.js';

/** Archives and queues as an operator finds them. */
export const topologyCases: readonly CaseDefinition[] = [
  {
    id: 'CF-R1',
    name: 'browsing and counting an archive lists all with their reason, and takes none',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, ({ note }) => {
        throw new Error(`no ${String(note.n)}`);
      });
      const manager = await bench.started({ listeners: [listener], retry: false });
      const { archive } = await bench.names(listener);
      await manager.sendEvents(range(7).map((n) => Object.assign(new event(), { n })));
      await bench.holds(archive, 7);
      for (const round of range(2)) {
        const found = await bench.browse(archive);
        deepEqual(sorted(found.map(({ body }) => (JSON.parse(String(body)) as { n: number }).n)), range(7), `round ${String(round)}`);
        for (const { body, headers } of found) {
          const { n } = JSON.parse(String(body)) as { n: number };
          deepEqual([headers.get('tidings_error_reason'), headers.get('tidings_error_message')], ['failed', `no ${String(n)}`]);
        }
        await bench.holds(archive, 7);
      }
    },
  },
  {
    id: 'CF-R9',
    name: 'after its subscription is closed a queue has no consumer and keeps what comes; nothing is delivered any more',
    promise: 1,
    needs: ['manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const queue = queueOf(spec);
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      inbox.accepting = true;
      await peer.send(spec.event, 'first');
      await bench.time.until('it has come', () => inbox.count === 1);
      await bench.time.ends('the closing', inbox.subscription.close());
      await peer.send(spec.event, 'second');
      const queues = await bench.queues();
      await bench.time.until('the broker has no consumer', async () => (await queues.consumers(queue)) === 0);
      await bench.time.stays('nothing is delivered', async () => inbox.count === 1 && (await queues.consumers(queue)) === 0);
      await bench.holds(queue, 1);
    },
  },
  {
    id: 'CF-R10',
    name: 'addresses and queues on the broker have the documented names, prefix included',
    promise: 1,
    needs: ['manage'],
    run: async (bench) => {
      const prefix = `${bench.unique('prefix')}.`;
      const event = bench.event();
      const [shared, own] = [bench.listener(event), bench.listener(event, undefined, { perProcess: true })];
      const manager = await bench.started({ listeners: [shared, own], namePrefix: prefix, serverName: 'server1' });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('both receive', () => [shared, own].every(({ calls }) => calls.length > 0));
      const naming = (await bench.onlooker()).provider.queueNaming ?? 'plain';
      const [sharedName, ownName] = [shared, own].map(({ name }) => (naming === 'plain' ? name : `${addressOf(event)}.${name}`));
      const archives = [sharedName, ownName].map((name) => `${prefix}archive.${String(name)}`);
      const address = prefix + addressOf(event);
      const wanted = [
        `${address}::${prefix}${String(sharedName)}`,
        `${address}::${prefix}${String(ownName)}-server1`,
        ...archives.map((name) => `${name}::${name}`),
      ];
      deepEqual((await (await bench.queues()).list(prefix)).sort(), wanted.sort());
    },
  },
];
