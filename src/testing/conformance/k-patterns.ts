import { deepEqual, equal } from 'node:assert/strict';
import { queueOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import type { Inbox } from './inbox.js';

const bodiesOf = (inboxes: readonly Inbox[]): string[] => inboxes.map(({ bodies }) => [...bodies].sort().join());

/** Queues that get the events of all addresses which match a pattern. */
export const patternCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K161',
    name: 'a pattern gets what is sent to each address that matches, made or not, each message once, and leaves the others theirs',
    promise: 1,
    needs: ['patterns'],
    run: async (bench) => {
      const base = bench.unique('shop');
      const one = bench.spec(`${base}.*`, undefined, { pattern: true });
      const many = bench.spec(`${base}.#`, undefined, { pattern: true });
      const plain = bench.spec(`${base}.paid`);
      const sender = await bench.startedPeer([plain]);
      const patterns = await bench.startedPeer([one, many]);
      const inboxes = [await patterns.listen(one), await patterns.listen(many), await sender.listen(plain)];
      for (const inbox of inboxes) inbox.accepting = true;
      for (const name of ['paid', 'sent', 'sent.abroad', 'sent.abroad.late']) await sender.send(`${base}.${name}`, name);
      await sender.send(`${base}x.paid`, 'another');
      await sender.send(`${base}.paid`, 'paid again');
      const wanted = ['paid,paid again,sent', 'paid,paid again,sent,sent.abroad,sent.abroad.late', 'paid,paid again'];
      await bench.time.until('all have come', () => bodiesOf(inboxes).join(';') === wanted.join(';'));
      await bench.time.stays('nothing else comes', () => bodiesOf(inboxes).join(';') === wanted.join(';'));
    },
  },
  {
    id: 'CF-K162',
    name: "a copy to 'self' of a pattern goes by the address that the message came by, and reaches that queue alone",
    promise: 4,
    needs: ['patterns'],
    run: async (bench) => {
      const base = bench.unique('shop');
      const address = `${base}.paid`;
      const specs = [
        bench.spec(`${base}.*`, undefined, { pattern: true }),
        bench.spec(`${base}.#`, undefined, { pattern: true }),
        bench.spec(address),
      ];
      const peer = await bench.startedPeer(specs);
      const inboxes = await Promise.all(specs.map((spec) => peer.listen(spec)));
      const [own, ...others] = inboxes;
      await peer.send(address, 'again', { headers: new Map([['kept', 'x']]) });
      await bench.time.until('all have it', () => inboxes.every(({ count }) => count === 1));
      for (const other of others) await other.accept(0);
      equal(await own?.settle(own.at(0), { do: 'copy', to: 'self', headers: { attempt: '2' }, address }), 'settled');
      await bench.time.until('it has come again', () => own?.count === 2);
      await bench.time.stays('the others do not get it', () => others.every(({ count }) => count === 1));
      deepEqual(Object.fromEntries(own?.at(1).message.headers ?? []), { kept: 'x', attempt: '2' });
      equal(await own?.accept(1), 'settled');
      if (!bench.can('manage')) return;
      for (const spec of specs) await bench.holds(queueOf(spec), 0);
    },
  },
  {
    id: 'CF-K163',
    name: 'a pattern that comes after the start, and what was sent while its consumer was away, are served too',
    promise: 1,
    needs: ['patterns', 'durable'],
    run: async (bench) => {
      const base = bench.unique('shop');
      const spec = bench.spec(`${base}.#`, undefined, { pattern: true });
      const peer = await bench.startedPeer();
      await bench.time.ends('the closing', (await peer.listen(spec)).subscription.close());
      await peer.send(`${base}.sent`, 'while it was away');
      const inbox = await peer.listen(spec);
      await peer.send(`${base}.paid`, 'while it is there');
      await bench.time.until('both have come', () => inbox.count === 2);
      deepEqual(inbox.bodies, ['while it was away', 'while it is there']);
      equal(await inbox.settle(inbox.at(0), { do: 'copy', to: 'archive', headers: {} }), 'settled');
      equal(await inbox.accept(1), 'settled');
    },
  },
  {
    id: 'CF-K164',
    name: 'what is taken out of an archive for the queue of a pattern gets there, also when nobody says by which address',
    promise: 5,
    needs: ['patterns', 'manage'],
    run: async (bench) => {
      const base = bench.unique('shop');
      const [spec, other] = [bench.spec(`${base}.#`, undefined, { pattern: true }), bench.spec(`${base}.paid`)];
      const peer = await bench.startedPeer([spec, other]);
      const inbox = await peer.listen(spec);
      await peer.send(other.event, 'archived');
      await bench.time.until('it has come', () => inbox.count === 1);
      equal(await inbox.settle(inbox.at(0), { do: 'copy', to: 'archive', headers: {} }), 'settled');
      await bench.holds(spec.archive, 1);
      equal(await (await bench.queues()).take(spec.archive, {}, () => ({ to: queueOf(spec), headers: {} })), 1);
      await bench.time.until('it has come again', () => inbox.count === 2);
      equal(await inbox.settle(inbox.at(1), { do: 'copy', to: 'self', headers: {} }), 'settled');
      await bench.time.until('its retry has come', () => inbox.count === 3);
      deepEqual(inbox.bodies, ['archived', 'archived', 'archived']);
      equal(await inbox.accept(2), 'settled');
      await bench.holds(queueOf(other), 1);
    },
  },
];
