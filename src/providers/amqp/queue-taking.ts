import type { Clock } from '../../core/clock.js';
import { SendError, TidingsError, describe } from '../../core/errors.js';
import type { CopyTo, WireMessage } from '../../core/provider.js';
import { queueCopy } from './amqp-copy.js';
import { addressAndQueue, fullyQualified, sendRefusal } from './artemis-dialect.js';
import type { Epoch } from './epoch.js';
import { QueueReader } from './queue-reader.js';
import type { FoundQueue, Shown } from './queue-reader.js';

/** Only one copy is under way at a time; the next messages are fetched meanwhile. */
const window = 8;
/** A queue that may have been removed meanwhile is looked for again after so long. */
const trustMs = 1_000;

export interface TakingHost {
  readonly epoch: Epoch;
  readonly clock: Clock;
  readonly find: (queue: string) => Promise<FoundQueue | undefined>;
}

/** Takes messages out of one queue, each after its copy is confirmed. */
export class QueueTaking {
  readonly #host: TakingHost;
  readonly #seenAt = new Map<string, number>();

  constructor(host: TakingHost) {
    this.#host = host;
  }

  async run(queue: string, limit: number, decide: (message: WireMessage) => CopyTo | 'remove' | 'skip'): Promise<number> {
    const { epoch, clock, find } = this.#host;
    const from = await find(queue);
    if (from === undefined || from.waiting === 0) return 0;
    const reader = new QueueReader(epoch, from, { clock, browse: false, window: Math.min(window, limit), look: () => find(queue) });
    try {
      const taken = await this.#takeAll(reader, limit, decide);
      await reader.close();
      // What was accepted last may not have reached the broker.
      reader.mustLive();
      return taken;
    } finally {
      await reader.close();
    }
  }

  async #takeAll(reader: QueueReader, limit: number, decide: (message: WireMessage) => CopyTo | 'remove' | 'skip'): Promise<number> {
    let [taken, skipped] = [0, 0];
    while (taken < limit) {
      const shown = await reader.next(skipped);
      if (shown === undefined) break;
      const what = decide(shown.message);
      if (what === 'skip') {
        reader.passOver(shown);
        skipped++;
        continue;
      }
      if (what !== 'remove') await this.#copy(shown, what);
      reader.accept(shown);
      taken++;
    }
    return taken;
  }

  async #copy(shown: Shown, copy: CopyTo): Promise<void> {
    const { address, queue } = addressAndQueue(copy.to);
    const to = fullyQualified(address, queue);
    await this.#mustBeThere(to);
    const result = await this.#host.epoch.relay.offer(encoded(shown, copy, to));
    if (result === 'confirmed') return;
    if (result === 'lost') throw new TidingsError('connection', `copy to ${to}: the connection was lost`, { retryable: true });
    if (result === 'unconfirmed')
      throw new SendError('unknown', 'send-timeout', `copy to ${to}: the broker did not confirm it in time; it may have arrived`);
    throw sendRefusal(`copy to ${to}`, result);
  }

  /** The broker takes a copy for a queue that is not there, and drops it or makes the queue. */
  async #mustBeThere(to: string): Promise<void> {
    const now = this.#host.clock.now();
    if (now - (this.#seenAt.get(to) ?? -Infinity) < trustMs) return;
    if ((await this.#host.find(to)) === undefined)
      throw new TidingsError('missing-queue', `there is no queue ${to} to copy to. Start the listener whose queue it is, or name another.`);
    this.#seenAt.set(to, now);
  }
}

function encoded(shown: Shown, copy: CopyTo, to: string): Buffer {
  try {
    return queueCopy(shown, copy, to);
  } catch (error) {
    throw new SendError('refused', 'send-refused', `copy to ${to}: it cannot be written: ${describe(error)}`, { cause: error });
  }
}
