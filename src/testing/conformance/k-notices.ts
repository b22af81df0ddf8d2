import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Notice, SubscriptionSpec } from '../../core/provider.js';
import { queueOf, type Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range } from './gate.js';
import { bodyText, type Inbox } from './inbox.js';
import type { Peer, PeerSend } from './peer.js';

/** Messages that were handed over and will end in the archive, and those who are told of it. */
class Ending {
  readonly bench: Bench;
  readonly peer: Peer;
  readonly inbox: Inbox;
  /** Where notices go. */
  readonly address: string;
  readonly told: readonly SubscriptionSpec[];

  private constructor(bench: Bench, peer: Peer, inbox: Inbox, address: string, told: readonly SubscriptionSpec[]) {
    this.bench = bench;
    this.peer = peer;
    this.inbox = inbox;
    this.address = address;
    this.told = told;
  }

  static async of(bench: Bench, listeners: number, bodies: readonly (string | Uint8Array)[], options?: PeerSend): Promise<Ending> {
    const [spec, address] = [bench.spec(bench.unique('event')), bench.unique('fault')];
    const told = range(listeners).map(() => bench.spec(address));
    const peer = await bench.startedPeer([spec, ...told]);
    const inbox = await peer.listen(spec);
    for (const body of bodies) await peer.send(spec.event, body, options);
    await bench.time.until('all have come', () => inbox.count === bodies.length);
    return new Ending(bench, peer, inbox, address, told);
  }

  get queue(): string {
    return queueOf(this.inbox.spec);
  }

  get archive(): string {
    return this.inbox.spec.archive;
  }

  /** Archives the nth message, and says so. */
  async end(n: number, notice: Partial<Notice> = {}): Promise<void> {
    const settling = this.inbox.settle(this.inbox.at(n), {
      do: 'copy',
      to: 'archive',
      headers: { why: 'so' },
      notice: { address: this.address, headers: {}, ...notice },
    });
    equal(await this.bench.time.ends('the settlement', settling), 'settled');
  }

  /** Until so many are in the archive, and none on their queue. */
  async ended(count: number): Promise<void> {
    await this.bench.holds(this.archive, count);
    await this.bench.holds(this.queue, 0);
  }
}

/** The contract of `CopyOutcome.notice`. */
export const noticeCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K81',
    name: 'a notice comes to every listener of its address: the message as received, with its own headers laid over',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const bodies = ['text ü', Uint8Array.of(0, 255, 1)];
      const headers = { kept: 'x', changed: 'old', removed: 'y' };
      const ending = await Ending.of(bench, 2, bodies, { headers: new Map(Object.entries(headers)) });
      const inboxes = await Promise.all(ending.told.map((each) => ending.peer.listen(each)));
      for (const each of inboxes) each.accepting = true;
      for (const n of range(2)) await ending.end(n, { headers: { changed: 'new', removed: undefined, added: 'z' } });
      await bench.time.until('all are told', () => inboxes.every(({ count }) => count === 2));
      for (const { deliveries } of inboxes)
        for (const [n, { message }] of deliveries.entries()) {
          deepEqual(typeof message.body === 'string' ? message.body : Uint8Array.from(message.body), bodies[n]);
          deepEqual(Object.fromEntries(message.headers), { kept: 'x', changed: 'new', added: 'z' });
        }
      await ending.ended(2);
      const archived = await bench.browse(ending.archive);
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
      await bench.onlooker();
      const ending = await Ending.of(bench, 1, ['failed']);
      const [toldQueue] = ending.told.map(queueOf) as [string];
      const release = await bench.fault(bench.given.hold?.());
      const settling = ending.end(0);
      await bench.holds(ending.archive, 1);
      await bench.time.stays(
        'nobody is told, and the original is there',
        async () => (await bench.count(toldQueue)) === 0 && (await bench.count(ending.queue)) === 1,
      );
      await release();
      await settling;
      await bench.holds(toldQueue, 1);
      await ending.ended(1);
    },
  },
  {
    id: 'CF-K83',
    name: 'of notices with one id the broker keeps one',
    promise: 6,
    needs: ['dedupe', 'manage'],
    run: async (bench) => {
      const ending = await Ending.of(bench, 1, range(3).map(String));
      const [toldQueue] = ending.told.map(queueOf) as [string];
      for (const [n, dedupeId] of ['the same', 'the same', 'another'].entries()) await ending.end(n, { dedupeId });
      await ending.ended(3);
      await bench.holds(toldQueue, 2);
      deepEqual((await bench.browse(toldQueue)).map(bodyText), ['0', '2']);
    },
  },
  {
    id: 'CF-K84',
    name: 'a notice that is refused is told in the log as a warning, and the message is settled all the same',
    promise: 5,
    needs: ['refuse', 'manage'],
    run: async (bench) => {
      const ending = await Ending.of(bench, 0, ['failed']);
      await bench.fault(bench.given.refuse?.(ending.address));
      await ending.end(0);
      await ending.ended(1);
      // A refusal may cost the connection, of which the log tells too.
      const told = bench.log.about(ending.address);
      ok(told.includes('warn') && !told.includes('error') && told.length <= 3, `told as ${told.join(', ')}`);
    },
  },
  {
    id: 'CF-K85',
    name: 'a notice to an address where nobody listens is gone, and the message is settled',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const ending = await Ending.of(bench, 0, ['failed']);
      await ending.end(0);
      await ending.ended(1);
      deepEqual([await (await bench.queues()).list(ending.address), bench.log.about(ending.address)], [[], []]);
    },
  },
];
