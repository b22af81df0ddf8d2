import type { Routing } from '../../core/provider.js';
import type { AgendaItem } from './agenda.js';
import { Fifo } from './fifo.js';
import type { StoredMessage } from './memory-message.js';

/** One message in one queue. */
export class QueueEntry {
  readonly message: StoredMessage;
  /** How many of its deliveries ended with a lost connection. */
  losses = 0;
  /** Its place in the queue. */
  order = 0;

  constructor(message: StoredMessage) {
    this.message = message;
  }
}

/** Who takes from a queue. */
export interface QueueConsumer {
  readonly serviceName: string;
  readonly hasCredit: boolean;
  take(entry: QueueEntry): void;
}

/** A message that its queue does not hand out yet. */
export interface DelayedEntry extends AgendaItem {
  readonly entry: QueueEntry;
}

/** What an address may own: messages in order, and who takes them. Knows nothing of time or connections. */
export class MemoryQueue {
  readonly address: string;
  readonly name: string;
  readonly routing: Routing;
  readonly temporary: boolean;
  readonly consumers: QueueConsumer[] = [];
  /** Held by the broker until they are due. */
  readonly delayed = new Set<DelayedEntry>();
  /** When it is temporary and nobody consumes from it. */
  deletion: AgendaItem | undefined;
  /** Whether the broker has it in its list of queues to look at. */
  listed = false;
  /** Every message held: waiting, delayed, delivered but unsettled. */
  count = 0;
  #ready = new Fifo<QueueEntry>();
  // What came back from consumers: all of it stood before anything that is still in #ready.
  #returned = new Fifo<QueueEntry>();
  #nextOrder = 0;
  #turn = 0;

  constructor(options: { address: string; name: string; routing: Routing; temporary: boolean }) {
    this.address = options.address;
    this.name = options.name;
    this.routing = options.routing;
    this.temporary = options.temporary;
  }

  get fullName(): string {
    return `${this.address}::${this.name}`;
  }

  get hasWaiting(): boolean {
    return this.#returned.size + this.#ready.size > 0;
  }

  /** Stands last from now on. The caller has counted it. */
  push(entry: QueueEntry): void {
    entry.order = this.#nextOrder++;
    this.#ready.push(entry);
  }

  /** Unsettled ones come back to where they stood. */
  takeBack(entries: Iterable<QueueEntry>): void {
    const all = [...this.#returned.toArray(), ...entries];
    this.#returned = new Fifo(all.sort((a, b) => a.order - b.order));
  }

  /** Hands out at most so many, to each consumer with credit in turn. Returns how many. */
  dispatch(most: number): number {
    let done = 0;
    while (done < most && this.hasWaiting) {
      const consumer = this.#nextConsumer();
      if (consumer === undefined) break;
      const entry = this.#returned.shift() ?? this.#ready.shift();
      if (entry === undefined) break;
      done++;
      consumer.take(entry);
    }
    return done;
  }

  /** Oldest first. */
  waiting(): QueueEntry[] {
    return [...this.#returned.toArray(), ...this.#ready.toArray()];
  }

  /** Forgets the waiting messages that a restart does not keep. */
  dropNonDurable(): void {
    const kept = (entries: Fifo<QueueEntry>): Fifo<QueueEntry> => new Fifo(entries.toArray().filter((entry) => entry.message.durable));
    const before = this.#returned.size + this.#ready.size;
    this.#returned = kept(this.#returned);
    this.#ready = kept(this.#ready);
    this.count -= before - this.#returned.size - this.#ready.size;
  }

  detach(consumer: QueueConsumer): void {
    const at = this.consumers.indexOf(consumer);
    if (at >= 0) this.consumers.splice(at, 1);
    if (at >= 0 && at < this.#turn) this.#turn--;
  }

  #nextConsumer(): QueueConsumer | undefined {
    const { length } = this.consumers;
    for (let step = 0; step < length; step++) {
      const at = (this.#turn + step) % length;
      const consumer = this.consumers[at];
      if (consumer?.hasCredit !== true) continue;
      this.#turn = at + 1;
      return consumer;
    }
    return undefined;
  }
}
