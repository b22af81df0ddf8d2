import type { Clock } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { CopyTo, WireMessage } from '../../core/provider.js';
import { addressAndQueue, addressToReach, fullyQualified } from './artemis-words.js';
import type { BrokerAccess, FoundQueue, QueueReader, Shown } from './broker-access.js';

/** Only one copy is under way at a time; the next messages are fetched meanwhile. */
const window = 8;
/** A queue that may have been removed meanwhile is looked for again after so long. */
const trustMs = 1_000;

export interface TakingHost {
  readonly access: BrokerAccess;
  readonly clock: Clock;
  readonly find: (queue: string) => Promise<FoundQueue | undefined>;
}

/** Takes messages out of one queue, each after its copy is confirmed. */
export class QueueTaking {
  readonly #host: TakingHost;
  readonly #seen = new Map<string, { readonly queue: FoundQueue; readonly at: number }>();

  constructor(host: TakingHost) {
    this.#host = host;
  }

  async run(queue: string, limit: number, decide: (message: WireMessage) => CopyTo | 'remove' | 'skip'): Promise<number> {
    const { access, clock, find } = this.#host;
    const from = await find(queue);
    if (from === undefined || from.waiting === 0) return 0;
    const reader = access.openReader(from, { clock, browse: false, window: Math.min(window, limit), look: () => find(queue) });
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
    await this.#host.access.copy(shown, copy, await this.#found(copy.to));
  }

  /** The broker takes a copy for a queue that is not there, and drops it or makes the queue. */
  async #found(to: string): Promise<FoundQueue> {
    const now = this.#host.clock.now();
    const known = this.#seen.get(to);
    if (known !== undefined && now - known.at < trustMs) return known.queue;
    const { address, queue: name } = addressAndQueue(to);
    const queue = await this.#host.find(fullyQualified(addressToReach(address), name));
    if (queue === undefined)
      throw new TidingsError('missing-queue', `there is no queue ${to} to copy to. Start the listener whose queue it is, or name another.`);
    this.#seen.set(to, { queue, at: now });
    return queue;
  }
}
