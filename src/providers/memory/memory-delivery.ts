import type { CopyOutcome, Delivery, Outcome, ProviderHost, Settlement, SubscriptionSpec, WireMessage } from '../../core/provider.js';
import { MemoryCopy } from './memory-copy.js';
import type { MemoryConsumer } from './memory-consumer.js';
import { loaded } from './memory-message.js';
import type { QueueEntry } from './queue-entry.js';

/** What a delivery needs of its subscription. */
export interface DeliveryOwner {
  readonly host: ProviderHost;
  readonly spec: SubscriptionSpec;
  /** Whether nothing is handed over now, so that what is returned does not come again at once. */
  readonly paused: boolean;
  /** The delivery has ended, whatever became of it. */
  freed(): void;
}

const settled: Promise<Settlement> = Promise.resolve('settled');
const stale: Promise<Settlement> = Promise.resolve('stale');

export class MemoryDelivery implements Delivery {
  readonly message: WireMessage;
  readonly brokerCount: number;
  readonly #owner: DeliveryOwner;
  readonly #consumer: MemoryConsumer;
  readonly #entry: QueueEntry;
  #settlement: Promise<Settlement> | undefined;

  constructor(owner: DeliveryOwner, consumer: MemoryConsumer, entry: QueueEntry) {
    this.message = loaded(entry.message);
    this.brokerCount = entry.losses;
    this.#owner = owner;
    this.#consumer = consumer;
    this.#entry = entry;
  }

  get stale(): boolean {
    return !this.#consumer.live;
  }

  /** The first outcome counts; a further call resolves as the first does. */
  settle(outcome: Outcome): Promise<Settlement> {
    this.#settlement ??= this.#settle(outcome);
    return this.#settlement;
  }

  #settle(outcome: Outcome): Promise<Settlement> {
    if (!this.#consumer.live) {
      this.#owner.freed();
      return stale;
    }
    if (outcome.do === 'copy') return this.#copy(outcome);
    if (outcome.do === 'accept') this.#accept();
    else if (this.#owner.paused) this.#giveBack();
    else this.#consumer.leave(this.#entry);
    return settled;
  }

  #giveBack(): void {
    this.#consumer.giveBack(this.#entry);
    this.#owner.freed();
  }

  #accept(): void {
    this.#consumer.accept(this.#entry);
    this.#owner.freed();
  }

  async #copy(outcome: CopyOutcome): Promise<Settlement> {
    const { host, spec } = this.#owner;
    const origin = { host, spec, consumer: this.#consumer, message: this.#entry.message };
    const done = await MemoryCopy.of(outcome, origin).made;
    // Taken or given up, the message itself goes on.
    if (done && this.#consumer.live && outcome.notice !== undefined) await MemoryCopy.ofNotice(outcome.notice, origin).made;
    if (done && this.#consumer.live) {
      this.#accept();
      return 'settled';
    }
    this.#owner.freed();
    return 'stale';
  }
}
