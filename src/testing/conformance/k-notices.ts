import { deepEqual, equal } from 'node:assert/strict';
import type { CopyOutcome, Notice } from '../../core/provider.js';
import type { CaseDefinition } from './case-definition.js';
import { range } from './gate.js';
import { bodyText } from './inbox.js';

const withNotice = (notice: Notice, more: Partial<CopyOutcome> = {}): CopyOutcome => ({
  do: 'copy',
  to: 'archive',
  headers: { why: 'so' },
  notice,
  ...more,
});

/** The contract of `CopyOutcome.notice`. */
export const noticeCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K81',
    name: 'a notice comes to every listener of its address: the message as received, with its own headers laid over',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const address = bench.unique('fault');
      const told = [bench.spec(address), bench.spec(address)];
      const peer = await bench.startedPeer([spec, ...told]);
      const inbox = await peer.listen(spec);
      const inboxes = await Promise.all(told.map((each) => peer.listen(each)));
      for (const each of inboxes) each.accepting = true;
      const bodies = ['text ü', Uint8Array.of(0, 255, 1)];
      const headers = { kept: 'x', changed: 'old', removed: 'y' };
      for (const body of bodies) await peer.send(spec.event, body, { headers: new Map(Object.entries(headers)) });
      await bench.time.until('both have come', () => inbox.count === 2);
      const notice: Notice = { address, headers: { changed: 'new', removed: undefined, added: 'z' } };
      for (const n of range(2)) equal(await bench.time.ends('the settlement', inbox.settle(inbox.at(n), withNotice(notice))), 'settled');
      await bench.time.until('all are told', () => inboxes.every(({ count }) => count === 2));
      for (const { deliveries } of inboxes)
        for (const [n, { message }] of deliveries.entries()) {
          deepEqual(typeof message.body === 'string' ? message.body : Uint8Array.from(message.body), bodies[n]);
          deepEqual(Object.fromEntries(message.headers), { kept: 'x', changed: 'new', added: 'z' });
        }
      await bench.holds(`${spec.event}::${spec.queue}`, 0);
      await bench.holds(spec.archive, 2);
      const archived = await bench.browse(spec.archive);
      deepEqual(
        archived.map((message) => Object.fromEntries(message.headers)),
        range(2).map(() => ({ ...headers, why: 'so' })),
      );
    },
  },
  {
    id: 'CF-K82',
    name: 'a notice is not published before its copy is confirmed, and the original is there until then',
    promise: 5,
    needs: ['hold', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const told = bench.spec(bench.unique('fault'));
      const [queue, toldQueue] = [spec, told].map((each) => `${each.event}::${each.queue}`) as [string, string];
      const peer = await bench.startedPeer([spec, told]);
      await bench.onlooker();
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'failed');
      await bench.time.until('it has come', () => inbox.count === 1);
      const release = await bench.fault(bench.given.hold?.());
      const settling = inbox.settle(inbox.at(0), withNotice({ address: told.event, headers: {} }));
      await bench.holds(spec.archive, 1);
      await bench.time.stays(
        'nobody is told, and the original is there',
        async () => (await bench.count(toldQueue)) === 0 && (await bench.count(queue)) === 1,
      );
      await release();
      equal(await bench.time.ends('the settlement', settling), 'settled');
      await bench.holds(toldQueue, 1);
      await bench.holds(queue, 0);
    },
  },
  {
    id: 'CF-K83',
    name: 'of notices with one id the broker keeps one',
    promise: 6,
    needs: ['dedupe', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const told = bench.spec(bench.unique('fault'));
      const peer = await bench.startedPeer([spec, told]);
      const inbox = await peer.listen(spec);
      for (const n of range(3)) await peer.send(spec.event, String(n));
      await bench.time.until('all have come', () => inbox.count === 3);
      for (const [n, dedupeId] of ['the same', 'the same', 'another'].entries()) {
        const notice = { address: told.event, headers: {}, dedupeId };
        equal(await bench.time.ends('the settlement', inbox.settle(inbox.at(n), withNotice(notice))), 'settled');
      }
      await bench.holds(spec.archive, 3);
      await bench.holds(`${told.event}::${told.queue}`, 2);
      deepEqual((await bench.browse(`${told.event}::${told.queue}`)).map(bodyText), ['0', '2']);
    },
  },
  {
    id: 'CF-K84',
    name: 'a notice that is refused is told once in the log, and the message is settled all the same',
    promise: 5,
    needs: ['refuse', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const address = bench.unique('fault');
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'failed');
      await bench.time.until('it has come', () => inbox.count === 1);
      await bench.fault(bench.given.refuse?.(address));
      equal(await bench.time.ends('the settlement', inbox.settle(inbox.at(0), withNotice({ address, headers: {} }))), 'settled');
      await bench.holds(spec.archive, 1);
      await bench.holds(`${spec.event}::${spec.queue}`, 0);
      deepEqual(bench.log.about(address), ['warn']);
    },
  },
  {
    id: 'CF-K85',
    name: 'a notice to an address where nobody listens is gone, and the message is settled',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const address = bench.unique('fault');
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'failed');
      await bench.time.until('it has come', () => inbox.count === 1);
      equal(await bench.time.ends('the settlement', inbox.settle(inbox.at(0), withNotice({ address, headers: {} }))), 'settled');
      await bench.holds(spec.archive, 1);
      await bench.holds(`${spec.event}::${spec.queue}`, 0);
      deepEqual([await (await bench.queues()).list(address), bench.log.about(address)], [[], []]);
    },
  },
];
