import { TidingsError } from '../../core/errors.js';
import type { Delivery, ProviderHost, ProviderSubscription, SubscriptionSpec } from '../../core/provider.js';
import type { MemoryConnection } from './memory-connection.js';
import type { CreditHolder, MemoryConsumer } from './memory-consumer.js';
import { MemoryDelivery } from './memory-delivery.js';
import type { DeliveryOwner } from './memory-delivery.js';
import type { QueueEntry } from './queue-entry.js';

export interface SubscriptionOptions {
  readonly host: ProviderHost;
  readonly spec: SubscriptionSpec;
  readonly deliver: (delivery: Delivery) => void;
  /** Whether the start knew nothing of it. */
  readonly late: boolean;
  /** Called once, when it is closed. */
  readonly closed: (subscription: MemorySubscription) => void;
}

/** A subscription over all its connections: it counts what is not settled yet, those of lost connections included. */
export class MemorySubscription implements ProviderSubscription, CreditHolder, DeliveryOwner {
  readonly host: ProviderHost;
  readonly spec: SubscriptionSpec;
  /** Resolves with this at the first connection; rejects when it is closed before. */
  readonly attached: Promise<this>;
  readonly #options: SubscriptionOptions;
  #most: number;
  #attach!: (subscription: this) => void;
  #fail!: (error: Error) => void;
  #consumer: MemoryConsumer | undefined;
  #unsettled = 0;
  #open = false;
  #confirmed = false;
  #closed = false;

  constructor(options: SubscriptionOptions) {
    this.host = options.host;
    this.spec = options.spec;
    this.#options = options;
    this.#most = options.spec.concurrency + options.spec.prefetch;
    this.attached = new Promise((resolve, reject) => {
      this.#attach = resolve;
      this.#fail = reject;
    });
  }

  get late(): boolean {
    return this.#options.late;
  }

  get ready(): boolean {
    return this.#consumer !== undefined;
  }

  get hasCredit(): boolean {
    return this.#open && this.#unsettled < this.#most;
  }

  get paused(): boolean {
    return !this.#open;
  }

  /** Whether it has been served once. */
  get confirmed(): boolean {
    return this.#confirmed;
  }

  /** Consumes on a new connection. */
  connected(connection: MemoryConnection): void {
    this.#consumer = connection.consume(this.spec, this);
    this.#confirmed = true;
    this.#attach(this);
  }

  open(): void {
    this.#open = !this.#closed;
    this.#consumer?.creditChanged();
  }

  pause(): Promise<void> {
    this.#open = false;
    this.#unsettled -= this.#consumer?.giveBackLeft() ?? 0;
    return Promise.resolve();
  }

  setLimit(deliveries: number): void {
    this.#most = deliveries;
    this.#consumer?.creditChanged();
  }

  close(): Promise<void> {
    this.fail(
      new TidingsError(
        'not-running',
        `the subscription of '${this.spec.listener}' to '${this.spec.event}' was closed before the broker confirmed it`,
      ),
    );
    return Promise.resolve();
  }

  /** Ends it. Whoever waits for the broker's word is told why. */
  fail(reason: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#open = false;
    this.#consumer?.close({ discard: this.spec.discard === true });
    this.#fail(reason);
    this.#options.closed(this);
  }

  hand(consumer: MemoryConsumer, entry: QueueEntry): void {
    this.#unsettled++;
    this.#options.deliver(new MemoryDelivery(this, consumer, entry));
  }

  ended(consumer: MemoryConsumer, left: number): void {
    if (this.#consumer === consumer) this.#consumer = undefined;
    this.#unsettled -= left;
  }

  freed(): void {
    this.#unsettled--;
    this.#consumer?.creditChanged();
  }
}
