import type { QueueAdmin, SubscriptionSpec, WireMessage } from '../../core/provider.js';
import { queueOf, type Bench } from './bench.js';
import { range } from './gate.js';
import { bodyText } from './inbox.js';
import type { Peer } from './peer.js';

export interface StockOptions {
  /** Added to each body. */
  readonly bytes?: number;
  /** Most that a consumer of it holds unsettled. */
  readonly limit?: number;
}

export type Decide = Parameters<QueueAdmin['take']>[2];

/** A queue where so many messages wait, and another one that is empty, on a provider that can be cut off. */
export class Stock {
  readonly bench: Bench;
  readonly peer: Peer;
  readonly from: SubscriptionSpec;
  readonly to: SubscriptionSpec;

  private constructor(bench: Bench, peer: Peer, from: SubscriptionSpec, to: SubscriptionSpec) {
    this.bench = bench;
    this.peer = peer;
    this.from = from;
    this.to = to;
  }

  /** Bodies are numbers. */
  static async of(bench: Bench, count: number, { bytes = 0, limit = 10 }: StockOptions = {}): Promise<Stock> {
    const from = bench.spec(bench.unique('from'), undefined, { concurrency: limit, prefetch: 0 });
    const to = bench.spec(bench.unique('to'));
    const peer = await bench.startedPeer([from, to]);
    for (const n of range(count)) await peer.send(from.event, bulky(n, bytes));
    await bench.holds(queueOf(from), count);
    return new Stock(bench, peer, from, to);
  }

  get source(): string {
    return queueOf(this.from);
  }

  get target(): string {
    return queueOf(this.to);
  }

  take(decide: Decide, options: { readonly limit?: number } = {}): Promise<number> {
    const { queues } = this.peer.provider;
    if (queues === undefined) throw new Error("the provider has no 'queues', though it declares 'manage'");
    const taking = queues.take(this.source, options, decide);
    // Cases look at it later; until then it is nobody's unhandled rejection.
    taking.catch(() => undefined);
    return this.bench.time.ends('the take', taking);
  }

  /** Until these wait, in this order, and no more is held. */
  async waiting(queue: string, bodies: readonly string[]): Promise<void> {
    const there = async (): Promise<string> => (await this.bench.browse(queue)).map(bodyText).join();
    await this.bench.time.until(`${queue} has ${bodies.join()}`, async () => (await there()) === bodies.join());
    await this.bench.holds(queue, bodies.length);
  }
}

/** So large that a broker which counts bytes lets one of them go at a time. */
export const bulkBytes = 6_000;

/** A number and so many bytes behind it. */
export function bulky(n: number, bytes = bulkBytes): string {
  return bytes === 0 ? String(n) : `${String(n)} ${'x'.repeat(bytes)}`;
}

/** The number of a bulky message. */
export function numberOf(message: WireMessage): string {
  return bodyText(message).split(' ')[0] ?? '';
}
