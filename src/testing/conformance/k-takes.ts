import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { SendError, TidingsError, type TidingsErrorCode } from '../../core/errors.js';
import type { CopyTo, WireMessage } from '../../core/provider.js';
import { queueOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range, sorted } from './gate.js';
import { bodyText } from './inbox.js';
import { archive } from './k-archives.js';
import { bulkBytes, numberOf, Stock, type Decide } from './stock.js';

const toQueue =
  (to: string, more: Partial<CopyTo> = {}): Decide =>
  () => ({ to, headers: {}, ...more });
/** The message's own number as its id. */
const toQueueOnce =
  (to: string): Decide =>
  (message) => ({ to, headers: {}, dedupeId: `take#${to}#${bodyText(message)}` });
const failed =
  (code: TidingsErrorCode) =>
  (error: unknown): boolean =>
    TidingsError.is(error) && error.code === code;

/** The contract of `QueueAdmin.take`. */
export const takeCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K71',
    name: 'take() copies from an archive into one queue alone, oldest first, as they were but for the headers laid over',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.unique('event');
      const [own, sibling] = [bench.spec(event, undefined, { concurrency: 1, prefetch: 0 }), bench.spec(event)];
      const peer = await bench.startedPeer([own]);
      await archive(bench, peer, own, ['0', '1', '2']);
      const bytes = Uint8Array.of(0, 255, 1);
      const inbox = await peer.listen(own);
      await peer.send(event, bytes, {
        headers: new Map([['kept', 'a:\n\\b']]),
        contentType: 'application/x-own',
        contentEncoding: 'x-own',
      });
      await bench.time.until('the bytes have come', () => inbox.count === 1);
      await inbox.settle(inbox.at(0), { do: 'copy', to: 'archive', headers: { why: 'so' } });
      const other = await (await bench.startedPeer([sibling])).listen(sibling);
      const seen: string[] = [];
      const taken = (await bench.queues()).take(own.archive, {}, (message) => {
        seen.push(bodyText(message));
        return { to: queueOf(own), headers: { why: undefined, added: 'z' } };
      });
      equal(await bench.time.ends('the take', taken), 4);
      for (const n of range(4)) {
        await bench.time.until('it has come', () => inbox.count === n + 2);
        await inbox.accept(n + 1);
      }
      deepEqual([inbox.bodies.slice(1, 4), seen.slice(0, 3), seen.length], [['0', '1', '2'], ['0', '1', '2'], 4]);
      const { message } = inbox.at(4);
      deepEqual(typeof message.body === 'string' ? message.body : Uint8Array.from(message.body), bytes);
      deepEqual(Object.fromEntries(message.headers), { kept: 'a:\n\\b', added: 'z' });
      deepEqual([message.contentType, message.contentEncoding, message.durable], ['application/x-own', 'x-own', true]);
      await bench.holds(own.archive, 0);
      await bench.time.stays('the sibling has none', () => other.count === 0);
    },
  },
  {
    id: 'CF-K72',
    name: 'take() removes, copies or skips as it is told and tells how many it took; what is skipped stays at its place, in order',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const stock = await Stock.of(bench, 9);
      const seen: number[] = [];
      const taken = await stock.take((message) => {
        const n = Number(bodyText(message));
        seen.push(n);
        return n % 3 === 0 ? 'skip' : n % 3 === 1 ? 'remove' : { to: stock.target, headers: {} };
      });
      deepEqual([taken, seen], [6, range(9)]);
      await stock.peer.send(stock.from.event, 'later');
      await stock.waiting(stock.source, ['0', '3', '6', 'later']);
      await stock.waiting(stock.target, ['2', '5', '8']);
      equal(await stock.take(() => 'skip'), 0);
      await stock.waiting(stock.source, ['0', '3', '6', 'later']);
    },
  },
  {
    id: 'CF-K73',
    name: 'take() ends after its limit, which skipped ones do not count for; of an absent queue it takes nothing',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const stock = await Stock.of(bench, 6);
      const seen: string[] = [];
      const decide: Decide = (message) => {
        seen.push(bodyText(message));
        return bodyText(message) === '0' ? 'skip' : 'remove';
      };
      equal(await stock.take(decide, { limit: 2 }), 2);
      deepEqual(seen, ['0', '1', '2']);
      await stock.waiting(stock.source, ['0', '3', '4', '5']);
      equal(await stock.take(decide, { limit: 0 }), 0);
      await stock.waiting(stock.source, ['0', '3', '4', '5']);
      equal(await stock.take(decide, { limit: 100 }), 3);
      await stock.waiting(stock.source, ['0']);
      equal(await (await bench.queues()).take(bench.unique('absent'), {}, decide), 0);
    },
  },
  {
    id: 'CF-K74',
    name: 'take() looks at no more than waited when it began: not at its own copies, delayed ones, or those that others hold',
    promise: 5,
    needs: ['manage', 'delay'],
    run: async (bench) => {
      const stock = await Stock.of(bench, 5, { bytes: bulkBytes, limit: 1 });
      const { from, peer, source } = stock;
      const inbox = await peer.listen(from);
      await peer.send(from.event, 'delayed', { notBefore: new Date(bench.time.now() + 120_000) });
      await bench.time.until('one is held', () => inbox.count === 1);
      await bench.holds(source, 6);
      const seen: string[] = [];
      const taken = stock.take((message) => {
        seen.push(numberOf(message));
        return { to: source, headers: { round: '2' } };
      });
      deepEqual([await taken, seen], [4, ['1', '2', '3', '4']]);
      await bench.holds(source, 6);
      inbox.accepting = true;
      await bench.time.until('all have come', () => inbox.count === 5);
      deepEqual(
        inbox.deliveries.map(({ message }) => numberOf(message)),
        ['0', '1', '2', '3', '4'],
      );
      await bench.holds(source, 1);
    },
  },
  {
    id: 'CF-K75',
    name: 'several takes at once, with a consumer beside them, take each message once',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const count = 60;
      const stock = await Stock.of(bench, count, { limit: 2 });
      const inbox = await stock.peer.subscribe(stock.from);
      inbox.accepting = true;
      const removed: string[] = [];
      const remove: Decide = (message) => {
        removed.push(bodyText(message));
        return 'remove';
      };
      const takes = [stock.take(toQueue(stock.target)), stock.take(remove), stock.take(toQueue(stock.target))];
      inbox.subscription.open();
      const counts = await Promise.all(takes);
      await bench.holds(stock.source, 0);
      const everywhere = async (): Promise<number[]> => {
        const copied = (await bench.browse(stock.target)).map(bodyText);
        return sorted([...copied, ...removed, ...inbox.bodies].map(Number));
      };
      await bench.time.until('all have come somewhere', async () => (await everywhere()).length >= count);
      deepEqual(await everywhere(), range(count));
      equal(counts.reduce((sum, each) => sum + each, 0) + inbox.count, count);
    },
  },
  {
    id: 'CF-K76',
    name: 'a copy that is refused ends take() with that refusal, and the original is in its place',
    promise: 5,
    needs: ['manage', 'refuse'],
    run: async (bench) => {
      const stock = await Stock.of(bench, 4);
      const decide: Decide = (message) => (bodyText(message) === '1' ? { to: stock.target, headers: {} } : 'skip');
      const accept = await bench.fault(bench.given.refuse?.(stock.to.event));
      await rejects(stock.take(decide), (error) => {
        if (!(error instanceof SendError)) throw error;
        deepEqual([error.outcome, error.code], ['refused', 'send-refused']);
        return true;
      });
      await stock.waiting(stock.source, ['0', '1', '2', '3']);
      equal(await bench.count(stock.target), 0);
      await accept();
      await bench.time.until('it is taken again', () => stock.take(decide).then((taken) => taken === 1, refusedYet));
      await stock.waiting(stock.source, ['0', '2', '3']);
      await stock.waiting(stock.target, ['1']);
    },
  },
  {
    id: 'CF-K77',
    name: 'a copy into a queue that is not there ends take() with missing-queue, and the original is in its place',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const stock = await Stock.of(bench, 3);
      const absent = bench.unique('absent');
      for (const to of [`${absent}::${absent}`, `${stock.to.event}::${absent}`, `${stock.from.event}::${stock.to.queue}`]) {
        // A refusal may cost the connection.
        await stock.peer.connected();
        await rejects(
          stock.take((message) => (bodyText(message) === '0' ? 'skip' : { to, headers: {} })),
          failed('missing-queue'),
        );
        await stock.waiting(stock.source, ['0', '1', '2']);
      }
      deepEqual([await (await bench.queues()).list(absent), await bench.count(stock.target)], [[], 0]);
    },
  },
  {
    id: 'CF-K78',
    name: 'a connection lost while take() works ends it, loses nothing, and with ids repeats nothing',
    promise: 5,
    needs: ['manage', 'hold', 'cut', 'dedupe'],
    run: async (bench) => {
      const stock = await Stock.of(bench, 5);
      await bench.onlooker();
      let holding: Promise<() => Promise<void>> | undefined;
      const decide = toQueueOnce(stock.target);
      const taking = stock.take((message: WireMessage) => {
        if (bodyText(message) === '2') holding = bench.fault(bench.given.hold?.());
        return decide(message);
      });
      const failure = rejects(taking, failed('connection'));
      failure.catch(() => undefined);
      await bench.holds(stock.target, 3);
      await bench.given.cut?.();
      await (
        await holding
      )?.();
      await bench.time.ends('the take', failure);
      await stock.peer.connected();
      await stock.waiting(stock.source, ['2', '3', '4']);
      equal(await stock.take(toQueueOnce(stock.target)), 3);
      await stock.waiting(stock.source, []);
      await stock.waiting(stock.target, range(5).map(String));
    },
  },
  {
    id: 'CF-K79',
    name: 'while the broker is away take() rejects, and decides nothing',
    promise: 5,
    needs: ['manage', 'down'],
    run: async (bench) => {
      const stock = await Stock.of(bench, 2);
      const up = await bench.fault(bench.given.down?.());
      await bench.time.until('the loss is noticed', () => stock.peer.state === 'reconnecting');
      let asked = 0;
      await rejects(
        stock.take(() => {
          asked++;
          return 'remove';
        }),
        failed('connection'),
      );
      await up();
      await stock.peer.connected();
      await stock.waiting(stock.source, ['0', '1']);
      equal(asked, 0);
    },
  },
  {
    id: 'CF-K80',
    name: 'a decision that throws ends take() with what was thrown, and the message is in its place',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const stock = await Stock.of(bench, 3);
      const broken = stock.take((message) => {
        if (bodyText(message) === '1') throw new RangeError('no decision');
        return 'skip';
      });
      await rejects(broken, (error) => error instanceof RangeError && error.message === 'no decision');
      await stock.waiting(stock.source, ['0', '1', '2']);
      const inbox = await stock.peer.listen(stock.from);
      await bench.time.until('all come', () => inbox.count === 3);
      ok(
        inbox.deliveries.every(({ brokerCount }) => [undefined, 0].includes(brokerCount)),
        'uncounted',
      );
      inbox.accepting = true;
      await bench.holds(stock.source, 0);
    },
  },
];

/** A broker may need a moment until it has room again. */
function refusedYet(error: unknown): false {
  if (error instanceof SendError && error.outcome === 'refused') return false;
  throw error;
}
