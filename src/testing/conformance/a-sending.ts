import { deepEqual, equal, rejects } from 'node:assert/strict';
import { SendError } from '../../core/errors.js';
import { addressOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { gate, range, sorted } from './gate.js';
import { Members } from './members.js';

/** Who gets what is sent, and when a send is done. */
export const sendingCases: readonly CaseDefinition[] = [
  {
    id: 'CF-A1',
    name: 'each of 100 events arrives once, with equal body and envelope',
    promise: 1,
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener], serviceName: 'shop' });
      const sent = await Promise.all(
        range(100).map((n) => manager.sendEvent(event, { n, text: `text ${String(n)} ü` }, { headers: { session_id: `s${String(n)}` } })),
      );
      await bench.time.until('all have arrived', () => listener.calls.length >= 100);
      await bench.time.stays('none arrives twice', () => listener.calls.length === 100);
      const byNumber = listener.calls.sort((a, b) => a.note.n - b.note.n);
      for (const [n, { note, context, id, attempt }] of byNumber.entries()) {
        const { envelope } = context;
        deepEqual({ ...note }, { n, text: `text ${String(n)} ü` });
        deepEqual([id, envelope.correlationId, envelope.causationId], [sent[n]?.id, sent[n]?.correlationId, undefined]);
        deepEqual([envelope.type, envelope.source, envelope.contentType], [addressOf(event), 'shop', 'application/json']);
        deepEqual([attempt, envelope.get('session_id'), [...envelope.headers()].length], [1, `s${String(n)}`, 1]);
      }
    },
  },
  {
    id: 'CF-A2',
    name: "a send is pending until the broker's confirmation comes, and no longer",
    promise: 2,
    needs: ['hold'],
    run: async (bench) => {
      const event = bench.event();
      const manager = await bench.started();
      await manager.sendEvent(event, { n: 0, text: 'opens the way' });
      const release = await bench.fault(bench.given.hold?.());
      let confirmed = false;
      const sending = manager.sendEvent(event, { n: 1, text: '' }).then(() => {
        confirmed = true;
      });
      await bench.time.stays('the send is pending', () => !confirmed);
      await release();
      await bench.time.ends('the send', sending);
    },
  },
  {
    id: 'CF-A3',
    name: 'what the broker refuses rejects with its reason, and nothing of it is delivered',
    promise: 2,
    needs: ['refuse'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener], retry: false });
      await manager.sendEvent(event, { n: 6, text: 'opens the way' });
      const accept = await bench.fault(bench.given.refuse?.(addressOf(event)));
      const refused = bench.time.ends('the refused send', manager.sendEvent(event, { n: 7, text: '' }, { timeoutMs: 10_000 }));
      await rejects(
        refused,
        (error) => error instanceof SendError && error.outcome === 'refused' && error.message.length > 0 && error.code !== 'send-timeout',
      );
      await accept();
      await bench.time.until('the address takes events again', () =>
        manager.sendEvent(event, { n: 8, text: '' }).then(
          () => true,
          (error: unknown) => !(error instanceof SendError),
        ),
      );
      await bench.time.until('the next event has arrived', () => listener.numbers.includes(8));
      equal(listener.numbers.includes(7), false, 'the refused event must not arrive');
    },
  },
  {
    id: 'CF-A7',
    name: 'nothing leaks between addresses and queues one of whose names begins with the other',
    promise: 1,
    run: async (bench) => {
      const name = bench.unique('event');
      const [short, long] = [bench.event({}, name), bench.event({}, `${name}.more`)];
      const queue = bench.unique('listener');
      const listeners = [bench.listener(short, undefined, { name: queue }), bench.listener(long, undefined, { name: `${queue}.more` })];
      const manager = await bench.started({ listeners });
      await Promise.all(range(20).map((n) => manager.sendEvent(n % 2 === 0 ? short : long, { n, text: '' })));
      await bench.time.until('both have theirs', () => listeners.every(({ calls }) => calls.length >= 10));
      await bench.time.stays('neither has more', () => listeners.every(({ calls }) => calls.length === 10));
      deepEqual(
        listeners.map(({ numbers }) => sorted(numbers)),
        [0, 1].map((rest) => range(20).filter((n) => n % 2 === rest)),
      );
    },
  },
  {
    id: 'CF-A8',
    name: 'of an anycast address, two consumers get 100 messages in total, and both take part',
    promise: 1,
    needs: ['anycast'],
    run: async (bench) => {
      const address = bench.unique('work');
      const spec = bench.spec(address, address, { routing: 'anycast', archive: `archive.${address}` });
      const sender = await bench.startedPeer([spec]);
      const peers = [sender, await bench.startedPeer([spec])];
      const inboxes = await Promise.all(peers.map((peer) => peer.listen(spec)));
      for (const inbox of inboxes) inbox.accepting = true;
      await Promise.all(range(100).map((n) => sender.send(address, String(n), { routing: 'anycast' })));
      await bench.time.until('all have arrived', () => inboxes.reduce((sum, { count }) => sum + count, 0) >= 100);
      deepEqual(sorted(inboxes.flatMap(({ bodies }) => bodies.map(Number))), range(100));
      equal(
        inboxes.every(({ count }) => count > 0),
        true,
        'each consumer takes part',
      );
    },
  },
  {
    id: 'CF-A9',
    name: 'each of two listeners gets each of 100 events once',
    promise: 1,
    run: async (bench) => {
      const event = bench.event();
      const listeners = [bench.listener(event), bench.listener(event)];
      const manager = await bench.started({ listeners });
      await manager.sendEvents(range(100).map((n) => Object.assign(new event(), { n })));
      await bench.time.until('all have arrived', () => listeners.every(({ calls }) => calls.length >= 100));
      await bench.time.stays('none arrives twice', () => listeners.every(({ calls }) => calls.length === 100));
      for (const { numbers } of listeners) deepEqual(sorted(numbers), range(100));
    },
  },
  {
    id: 'CF-A10',
    name: 'three processes share the queue of one listener name, and each has its own copy with perProcess',
    promise: 1,
    needs: ['processes'],
    run: async (bench) => {
      const members = new Members(bench);
      const event = bench.unique('event');
      const [x, y, z] = [
        { event, name: bench.unique('x') },
        { event, name: bench.unique('y') },
        { event, name: bench.unique('z'), perProcess: true },
      ];
      await Promise.all([members.join([x, y, z]), members.join([x, z]), members.join([x])]);
      const manager = await bench.started();
      const made = bench.event({}, event);
      await manager.sendEvents(range(100).map((n) => Object.assign(new made(), { n })));
      const counts = (): number[] => [x, y, z].map(({ name }) => members.numbersOf(name).length);
      await bench.time.until('all have arrived', () => counts().every((count, at) => count >= (at === 2 ? 200 : 100)));
      await bench.time.stays('none arrives twice', () => counts().join() === '100,100,200');
      deepEqual(sorted(members.numbersOf(x.name)), range(100));
      for (const copy of members.numbersByProcess(z.name)) deepEqual(sorted(copy), range(100));
    },
  },
  {
    id: 'CF-A11',
    name: 'what is sent while a known listener is away waits on its queue',
    promise: 1,
    needs: ['durable'],
    run: async (bench) => {
      const event = bench.event();
      const name = bench.unique('listener');
      const before = bench.listener(event, undefined, { name });
      await bench.stop(await bench.started({ listeners: [before] }));
      const sender = await bench.started();
      await Promise.all(range(10).map((n) => sender.sendEvent(event, { n, text: '' })));
      const after = bench.listener(event, undefined, { name });
      await bench.started({ listeners: [after] });
      await bench.time.until('all have arrived', () => after.calls.length >= 10);
      deepEqual([before.numbers, sorted(after.numbers)], [[], range(10)]);
    },
  },
  {
    id: 'CF-A12',
    name: 'an address without a queue takes what is sent, and drops it',
    promise: 1,
    run: async (bench) => {
      const event = bench.event();
      const sender = await bench.started();
      deepEqual((await sender.sendEvent(event, { n: 1, text: 'nobody listens' })).sent, true);
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvent(event, { n: 2, text: '' });
      await bench.time.until('the second has arrived', () => listener.calls.length > 0);
      await bench.time.stays('the first does not', () => listener.numbers.join() === '2');
    },
  },
  {
    id: 'CF-A12b',
    name: 'an anycast address without a queue keeps what is sent',
    promise: 1,
    needs: ['anycast'],
    run: async (bench) => {
      const address = bench.unique('work');
      const sender = await bench.startedPeer();
      await sender.send(address, 'kept', { routing: 'anycast' });
      const spec = bench.spec(address, address, { routing: 'anycast', archive: `archive.${address}` });
      const inbox = await (await bench.startedPeer([spec])).listen(spec);
      await bench.time.until('it has arrived', () => inbox.count > 0);
      deepEqual(inbox.bodies, ['kept']);
      await inbox.accept(0);
    },
  },
  {
    id: 'CF-A13',
    name: 'a send made inside a listener carries the correlation and the cause',
    promise: 9,
    run: async (bench) => {
      const [first, second] = [bench.event(), bench.event()];
      const done = gate();
      const starts = bench.listener(first, ({ context }) => context.sendEvent(second, { n: 2, text: '' }));
      const follows = bench.listener(second, () => {
        done.open();
      });
      const manager = await bench.started({ listeners: [starts, follows] });
      const { id, correlationId } = await manager.sendEvent(first, { n: 1, text: '' }, { correlationId: 'conversation 1' });
      await bench.time.ends('the second event', done.passed);
      const envelope = follows.calls[0]?.context.envelope;
      deepEqual([correlationId, envelope?.correlationId, envelope?.causationId], ['conversation 1', 'conversation 1', id]);
    },
  },
];
