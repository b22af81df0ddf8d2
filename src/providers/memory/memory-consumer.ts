import { Roll } from '../../core/roll.js';
import type { MemoryQueue } from './memory-queue.js';
import type { Transfer } from './posting.js';
import type { QueueConsumer } from './queue-consumer.js';
import type { QueueEntry } from './queue-entry.js';

/** The subscription that a consumer serves; it outlives the consumer. */
export interface CreditHolder {
  readonly hasCredit: boolean;
  /** A delivery. Called inside the broker's own turn; takes one credit. */
  hand(consumer: MemoryConsumer, entry: QueueEntry): void;
  /** The consumer is over. So many of its deliveries had been left unsettled on purpose. */
  ended(consumer: MemoryConsumer, left: number): void;
}

/** Something that is under way for a delivery and has no point once the broker has taken it back. */
export interface Undertaking {
  abandon(): void;
}

/** The broker as a consumer sees it. */
export interface ConsumerBroker {
  serve(queue: MemoryQueue): void;
  accepted(queue: MemoryQueue, entry: QueueEntry): void;
  discard(queue: MemoryQueue): void;
  putBack(queue: MemoryQueue, entries: Iterable<QueueEntry>): void;
  detach(queue: MemoryQueue, consumer: MemoryConsumer, unsettled: Iterable<QueueEntry>): void;
}

/** The connection as a consumer sees it. */
export interface ConsumerConnection {
  readonly serviceName: string;
  readonly alive: boolean;
  forgetConsumer(consumer: MemoryConsumer): void;
  transfer(transfer: Transfer): boolean;
}

export interface ConsumerPlace {
  readonly connection: ConsumerConnection;
  readonly queue: MemoryQueue;
  readonly holder: CreditHolder;
}

/** One subscription on one connection: what it holds unsettled. */
export class MemoryConsumer implements QueueConsumer {
  readonly connection: ConsumerConnection;
  readonly queue: MemoryQueue;
  readonly undertakings = new Set<Undertaking>();
  readonly #core: ConsumerBroker;
  readonly #holder: CreditHolder;
  readonly #unsettled = new Roll<QueueEntry>();
  readonly #left = new Set<QueueEntry>();
  #ended = false;

  constructor(core: ConsumerBroker, place: ConsumerPlace) {
    this.#core = core;
    this.connection = place.connection;
    this.queue = place.queue;
    this.#holder = place.holder;
  }

  get serviceName(): string {
    return this.connection.serviceName;
  }

  get hasCredit(): boolean {
    return !this.#ended && this.#holder.hasCredit;
  }

  /** Whether its deliveries can still be settled. */
  get live(): boolean {
    return !this.#ended;
  }

  take(entry: QueueEntry): void {
    this.#unsettled.add(entry);
    this.#holder.hand(this, entry);
  }

  /** The message is gone. */
  accept(entry: QueueEntry): void {
    if (this.#unsettled.remove(entry)) this.#core.accepted(this.queue, entry);
  }

  /** Nobody works on the message; it goes back with `giveBackLeft()`, or at the end. */
  leave(entry: QueueEntry): void {
    this.#left.add(entry);
  }

  /** The message stands in the queue again, where it stood. */
  giveBack(entry: QueueEntry): void {
    if (this.#unsettled.remove(entry)) this.#core.putBack(this.queue, [entry]);
  }

  /** Returns how many that were. */
  giveBackLeft(): number {
    const { size } = this.#left;
    for (const entry of this.#left) this.giveBack(entry);
    this.#left.clear();
    return size;
  }

  /** More may be handed out. */
  creditChanged(): void {
    if (this.queue.hasWaiting) this.#core.serve(this.queue);
  }

  /** `discard`: the queue goes too, with what is in it. */
  close({ discard }: { readonly discard: boolean }): void {
    this.connection.forgetConsumer(this);
    this.end(false);
    if (discard) this.#core.discard(this.queue);
  }

  /** What is unsettled goes back, in order; counted when the connection was lost. */
  end(lost: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    const unsettled = this.#unsettled.toArray();
    this.#unsettled.clear();
    if (lost) for (const entry of unsettled) entry.losses++;
    this.#core.detach(this.queue, this, unsettled);
    for (const undertaking of this.undertakings) undertaking.abandon();
    this.#holder.ended(this, this.#left.size);
  }
}
