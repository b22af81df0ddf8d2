import { deepEqual, equal, ok } from 'node:assert/strict';
import type { CopyOutcome } from '../../core/provider.js';
import { addressOf, queueOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range, sorted } from './gate.js';

const toSelf = (headers: CopyOutcome['headers'], more: Partial<CopyOutcome> = {}): CopyOutcome => ({
  do: 'copy',
  to: 'self',
  headers,
  ...more,
});

/** The contract of the outcome 'copy': retries and archives are made of it. */
export const copyCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K21',
    name: "a copy to 'self' comes to its own queue alone, with headers laid over, body and the rest as they were",
    promise: 4,
    run: async (bench) => {
      const event = bench.unique('event');
      const specs = [bench.spec(event), bench.spec(event)];
      const peer = await bench.startedPeer(specs);
      const [own, sibling] = await Promise.all(specs.map((spec) => peer.listen(spec)));
      if (own === undefined || sibling === undefined) return;
      sibling.accepting = true;
      const bodies = [Uint8Array.of(0, 255, 1), 'text ü'];
      for (const body of bodies)
        await peer.send(event, body, {
          headers: new Map([
            ['kept', 'a:\n\\b'],
            ['changed', 'old'],
            ['removed', 'x'],
          ]),
          contentType: 'application/x-own',
          contentEncoding: 'x-own',
        });
      await bench.time.until('both have come', () => own.count === 2 && sibling.count === 2);
      for (const n of range(2)) equal(await own.settle(own.at(n), toSelf({ changed: 'new', removed: undefined, added: 'y' })), 'settled');
      await bench.time.until('the copies have come', () => own.count === 4);
      await bench.time.stays('the sibling has none', () => sibling.count === 2);
      for (const n of range(2)) {
        const { message } = own.at(2 + n);
        deepEqual(typeof message.body === 'string' ? message.body : Uint8Array.from(message.body), bodies[n]);
        deepEqual(Object.fromEntries(message.headers), { kept: 'a:\n\\b', changed: 'new', added: 'y' });
        deepEqual([message.contentType, message.contentEncoding, message.durable], ['application/x-own', 'x-own', true]);
        await own.accept(2 + n);
      }
    },
  },
  {
    id: 'CF-K22',
    name: 'a copy for later comes not before its time, and a delayed copy can be delayed again',
    promise: 5,
    needs: ['delay'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'again and again');
      for (const round of range(3)) {
        await bench.time.until('it has come', () => inbox.count === round + 1);
        const notBefore = bench.time.now() + 250;
        await inbox.settle(inbox.at(round), toSelf({ round: String(round) }, { notBefore: new Date(notBefore) }));
        await bench.time.until('the copy has come', () => inbox.count === round + 2);
        ok(bench.time.now() >= notBefore, `round ${String(round)} came ${String(notBefore - bench.time.now())} ms too early`);
      }
      await inbox.accept(3);
    },
  },
  {
    id: 'CF-K23',
    name: "a copy to 'archive' goes there with headers laid over and the body as it was, and the original is gone",
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      const bodies = ['text', Uint8Array.of(0, 254)];
      for (const body of bodies) await peer.send(spec.event, body, { headers: new Map([['kept', 'x']]), contentEncoding: 'x-own' });
      await bench.time.until('both have come', () => inbox.count === 2);
      for (const delivery of inbox.deliveries)
        equal(await inbox.settle(delivery, { do: 'copy', to: 'archive', headers: { why: 'so' } }), 'settled');
      await bench.holds(spec.archive, 2);
      await bench.holds(queueOf(spec), 0);
      const archived = await bench.browse(spec.archive);
      deepEqual(
        archived.map(({ body }) => (typeof body === 'string' ? body : Uint8Array.from(body))),
        bodies,
      );
      for (const { headers, contentEncoding } of archived)
        deepEqual([Object.fromEntries(headers), contentEncoding], [{ kept: 'x', why: 'so' }, 'x-own']);
    },
  },
  {
    id: 'CF-K24',
    name: 'while a copy is refused the original stays unsettled; once it is taken, the original is gone',
    promise: 5,
    needs: ['refuse', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const queue = queueOf(spec);
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'kept');
      await bench.time.until('it has come', () => inbox.count === 1);
      const accept = await bench.fault(bench.given.refuse?.(spec.archive));
      let settled = false;
      const settling = inbox.settle(inbox.at(0), { do: 'copy', to: 'archive', headers: { why: 'so' } }).finally(() => (settled = true));
      await bench.time.stays('the original is unsettled', async () => !settled && (await bench.count(queue)) === 1, 1_000);
      await accept();
      equal(await bench.time.ends('the settlement', settling, 30_000), 'settled');
      await bench.holds(queue, 0);
      ok(
        (await bench.browse(spec.archive)).some(({ headers, body }) => headers.get('why') === 'so' && body === 'kept'),
        'the copy is in the archive',
      );
    },
  },
  {
    id: 'CF-K25',
    name: 'a copy is not settled before the broker has confirmed it',
    promise: 5,
    needs: ['hold'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'copied');
      await bench.time.until('it has come', () => inbox.count === 1);
      const release = await bench.fault(bench.given.hold?.());
      let settled = false;
      const settling = inbox.settle(inbox.at(0), { do: 'copy', to: 'archive', headers: {} }).finally(() => (settled = true));
      await bench.time.stays('it is not settled', () => !settled);
      await release();
      equal(await bench.time.ends('the settlement', settling), 'settled');
    },
  },
  {
    id: 'CF-K26',
    name: 'no copy of ten rounds is taken for a double of an earlier one',
    promise: 5,
    needs: ['dedupe'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 1, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'again', { dedupeId: 'first', headers: new Map([['tidings_id', 'first']]) });
      for (const round of range(10)) {
        await bench.time.until(`round ${String(round)} has come`, () => inbox.count === round + 1);
        await inbox.settle(inbox.at(round), toSelf({ round: String(round) }, { dedupeId: `first#${spec.queue}#0.${String(round)}` }));
      }
      await bench.time.until('the last has come', () => inbox.count === 11);
      equal(inbox.at(10).message.headers.get('round'), '9');
      await inbox.accept(10);
    },
  },
  {
    id: 'CF-K27',
    name: 'messages without an id of ours that all fail once all come again',
    promise: 5,
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, ({ attempt }) => {
        if (attempt === 1) throw new Error('once');
      });
      await bench.started({ listeners: [listener] });
      const onlooker = await bench.onlooker();
      for (const n of range(3))
        await onlooker.send(addressOf(event), JSON.stringify({ n, text: 'bare' }), { headers: new Map([['cloudEvents_id', 'the same']]) });
      await bench.time.until('all have come twice', () => listener.calls.length >= 6);
      await bench.time.stays('no more come', () => listener.calls.length === 6);
      for (const attempt of [1, 2])
        deepEqual(sorted(listener.calls.filter((call) => call.attempt === attempt).map(({ note }) => note.n)), range(3));
    },
  },
  {
    id: 'CF-K28',
    name: 'foreign messages that share one message id and all fail once all come again',
    promise: 5,
    needs: ['foreign'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, ({ attempt }) => {
        if (attempt === 1) throw new Error('once');
      });
      await bench.started({ listeners: [listener] });
      for (const n of range(3))
        await bench.given.foreign?.send(addressOf(event), { id: 'the same', body: JSON.stringify({ n, text: 'foreign' }) });
      await bench.time.until('all have come twice', () => listener.calls.length >= 6);
      await bench.time.stays('no more come', () => listener.calls.length === 6);
      deepEqual(sorted(listener.calls.filter(({ attempt }) => attempt === 2).map(({ note }) => note.n)), range(3));
    },
  },
  {
    id: 'CF-R8',
    name: 'a connection lost between the confirmation of a copy and the settlement of its original leaves one copy',
    promise: 5,
    needs: ['delay', 'cut', 'hold', 'dedupe', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const queue = queueOf(spec);
      const peer = await bench.startedPeer([spec]);
      await bench.onlooker();
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'retried');
      await bench.time.until('it has come', () => inbox.count === 1);
      const copy = toSelf({ tidings_attempt: '2' }, { notBefore: new Date(bench.time.now() + 4_000), dedupeId: 'the copy' });
      const release = await bench.fault(bench.given.hold?.());
      const settling = inbox.settle(inbox.at(0), copy);
      await bench.holds(queue, 2);
      await bench.given.cut?.();
      await release();
      equal(await bench.time.ends('the settlement', settling), 'stale');
      await bench.time.until('the original comes again', () => inbox.count === 2, 30_000);
      equal(await bench.time.ends('the second settlement', inbox.settle(inbox.at(1), copy)), 'settled');
      await bench.holds(queue, 1);
      await bench.time.until('the copy comes', () => inbox.count === 3);
      equal(inbox.at(2).message.headers.get('tidings_attempt'), '2');
      await inbox.accept(2);
      await bench.holds(queue, 0);
    },
  },
  {
    id: 'CF-R8b',
    name: 'without dedupe, such a loss leaves one copy or two, and none is lost',
    promise: 5,
    needs: ['cut', 'hold', 'manage'],
    unless: 'dedupe',
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      await bench.onlooker();
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'archived');
      await bench.time.until('it has come', () => inbox.count === 1);
      const copy: CopyOutcome = { do: 'copy', to: 'archive', headers: {}, dedupeId: 'the copy' };
      const release = await bench.fault(bench.given.hold?.());
      const settling = inbox.settle(inbox.at(0), copy);
      await bench.holds(spec.archive, 1);
      await bench.given.cut?.();
      await release();
      equal(await bench.time.ends('the settlement', settling), 'stale');
      await bench.time.until('the original comes again', () => inbox.count === 2, 30_000);
      equal(await bench.time.ends('the second settlement', inbox.settle(inbox.at(1), copy)), 'settled');
      await bench.holds(queueOf(spec), 0);
      const copies = await bench.count(spec.archive);
      ok(copies === 1 || copies === 2, `${String(copies)} copies`);
    },
  },
];
