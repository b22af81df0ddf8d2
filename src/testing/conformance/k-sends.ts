import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { SendError, type SendOutcome } from '../../core/errors.js';
import type { CaseDefinition } from './case-definition.js';
import { range } from './gate.js';

const shortMs = 300;

/** The contract of `Provider.send`. */
export const sendContractCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K1',
    name: 'a send that could not leave until its deadline rejects then as not sent, and never leaves later',
    promise: 2,
    needs: ['down'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      await peer.send(spec.event, 'opens the way');
      const up = await bench.fault(bench.given.down?.());
      await bench.time.until('the loss is noticed', () => peer.state === 'reconnecting');
      const deadlineAt = bench.time.now() + shortMs;
      const late = peer.send(spec.event, 'late', { deadlineAt });
      await rejects(bench.time.ends('the send', late), failed('not-sent', 'send-timeout'));
      ok(bench.time.now() >= deadlineAt, 'not before the deadline');
      await up();
      await bench.time.ends('the next send', peer.send(spec.event, 'in time', { deadlineAt: bench.time.now() + 60_000 }), 60_000);
      const inbox = await peer.listen(spec);
      inbox.accepting = true;
      await bench.time.until('the sends in time have arrived', () => inbox.count >= 2);
      await bench.time.stays('the late one has not', () => inbox.bodies.join() === 'opens the way,in time');
    },
  },
  {
    id: 'CF-K2',
    name: 'a send that has left and is not confirmed until its deadline rejects then as unknown',
    promise: 2,
    needs: ['hold'],
    run: async (bench) => {
      const address = bench.unique('event');
      const peer = await bench.startedPeer();
      await peer.send(address, 'opens the way');
      const release = await bench.fault(bench.given.hold?.());
      const deadlineAt = bench.time.now() + shortMs;
      await rejects(bench.time.ends('the send', peer.send(address, 'unconfirmed', { deadlineAt })), failed('unknown', 'send-timeout'));
      ok(bench.time.now() >= deadlineAt, 'not before the deadline');
      await release();
      await bench.time.ends('the next send', peer.send(address, 'confirmed'));
    },
  },
  {
    id: 'CF-K3',
    name: 'a send whose deadline has passed already rejects as not sent',
    promise: 2,
    run: async (bench) => {
      const address = bench.unique('event');
      const peer = await bench.startedPeer();
      await rejects(
        bench.time.ends('the send', peer.send(address, 'too late', { deadlineAt: bench.time.now() - 1 })),
        failed('not-sent', 'send-timeout'),
      );
    },
  },
  {
    id: 'CF-K4',
    name: 'the signal ends a send that waits, as not sent; one aborted before rejects at once',
    promise: 2,
    needs: ['down'],
    run: async (bench) => {
      const address = bench.unique('event');
      const peer = await bench.startedPeer();
      await bench.fault(bench.given.down?.());
      await bench.time.until('the loss is noticed', () => peer.state === 'reconnecting');
      const abort = new AbortController();
      const sending = peer.send(address, 'given up', { signal: abort.signal });
      abort.abort();
      await rejects(bench.time.ends('the send', sending), failed('not-sent', 'send-aborted'));
      await rejects(
        bench.time.ends('the next send', peer.send(address, 'given up before', { signal: abort.signal })),
        failed('not-sent', 'send-aborted'),
      );
    },
  },
  {
    id: 'CF-K5',
    name: 'what is sent while the broker is away is sent once it is back, in order',
    promise: 7,
    needs: ['down'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 50, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      inbox.accepting = true;
      const up = await bench.fault(bench.given.down?.());
      await bench.time.until('the loss is noticed', () => peer.state === 'reconnecting');
      const sends = Promise.all(range(30).map((n) => peer.send(spec.event, String(n), { deadlineAt: bench.time.now() + 60_000 })));
      await up();
      await bench.time.ends('the sends', sends, 60_000);
      await bench.time.until('all have arrived', () => inbox.count >= 30);
      deepEqual(inbox.bodies, range(30).map(String));
    },
  },
  {
    id: 'CF-K6',
    name: 'messages of one address leave and arrive in the order of the calls',
    promise: 1,
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 100, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      inbox.accepting = true;
      const large = 'x'.repeat(50_000);
      await Promise.all(range(300).map((n) => peer.send(spec.event, `${String(n)} ${n % 50 === 0 ? large : ''}`)));
      await bench.time.until('all have arrived', () => inbox.count >= 300);
      deepEqual(
        inbox.bodies.map((body) => Number(body.split(' ')[0])),
        range(300),
      );
    },
  },
  {
    id: 'CF-K7',
    name: 'what was handed over is not changed by what the caller does to it later',
    promise: 9,
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      const headers = new Map([['name', 'value']]);
      await peer.send(spec.event, 'first', { headers });
      deepEqual([...headers], [['name', 'value']], 'the provider changes nothing');
      await bench.time.until('it has arrived', () => inbox.count > 0);
      const { message } = inbox.at(0);
      headers.set('name', 'changed');
      equal(message.headers.get('name'), 'value');
      await inbox.accept(0);
    },
  },
  {
    id: 'CF-K8',
    name: 'a send before the start and after the stop rejects as not sent',
    promise: 2,
    run: async (bench) => {
      const peer = bench.peer(await bench.create());
      const address = bench.unique('event');
      await rejects(bench.time.ends('the send', peer.send(address, 'before')), failed('not-sent', 'not-running'));
      await bench.time.ends('the start', peer.start());
      await peer.stop();
      await rejects(bench.time.ends('the send', peer.send(address, 'after')), failed('not-sent', 'not-running'));
    },
  },
  {
    id: 'CF-K9',
    name: 'a stop with a send under way waits for its confirmation',
    promise: 8,
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const sends = range(50).map((n) => peer.send(spec.event, String(n)));
      await peer.stop();
      deepEqual(
        (await Promise.allSettled(sends)).filter(({ status }) => status === 'rejected'),
        [],
      );
      const inbox = await (await bench.startedPeer([spec])).listen(spec);
      inbox.accepting = true;
      await bench.time.until('all have arrived', () => inbox.count >= 50);
    },
  },
];

function failed(outcome: SendOutcome, code: string): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof SendError)) throw error;
    deepEqual([error.outcome, error.code], [outcome, code]);
    return true;
  };
}
