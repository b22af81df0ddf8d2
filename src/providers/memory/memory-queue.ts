import type { ArchiveBounds, Routing } from '../../core/provider.js';
import type { AgendaItem } from './agenda.js';
import type { QueueEntry } from './queue-entry.js';
import { WaitingLine } from './waiting-line.js';

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
  /** What it keeps, when it is an archive. */
  bounds: ArchiveBounds | undefined;
  /** When the oldest in it may have passed its age. */
  expiry: AgendaItem | undefined;
  /** Whether the broker has it in its list of queues to look at. */
  listed = false;
  /** Every message held: waiting, delayed, delivered but unsettled. */
  count = 0;
  #waiting = new WaitingLine();
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
    return this.#waiting.size > 0;
  }

  /** How many could be handed out. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** The oldest that could be handed out. */
  get first(): QueueEntry | undefined {
    return this.#waiting.first;
  }

  /** The place that the next message will have. */
  get nextOrder(): number {
    return this.#nextOrder;
  }

  /** Stands last from now on. The caller has counted it. */
  push(entry: QueueEntry): void {
    entry.order = this.#nextOrder++;
    this.#waiting.push(entry);
  }

  /** Unsettled ones come back to where they stood. */
  takeBack(entries: Iterable<QueueEntry>): void {
    for (const entry of entries) this.#waiting.putBack(entry);
  }

  /** The first waiting one behind this place. */
  after(order: number): QueueEntry | undefined {
    return this.#waiting.after(order);
  }

  /** Takes one out of the line, wherever it stands; it stays counted. False when it does not wait. */
  lift(entry: QueueEntry): boolean {
    return this.#waiting.remove(entry);
  }

  /** The oldest waiting one is gone. */
  dropFirst(): void {
    if (this.#waiting.shift() !== undefined) this.count--;
  }

  /** Hands out at most so many, to each consumer with credit in turn. Returns how many. */
  dispatch(most: number): number {
    let done = 0;
    while (done < most && this.hasWaiting) {
      const consumer = this.#nextConsumer();
      if (consumer === undefined) break;
      const entry = this.#waiting.shift();
      if (entry === undefined) break;
      done++;
      consumer.take(entry);
    }
    return done;
  }

  /** Oldest first. */
  waiting(): QueueEntry[] {
    return this.#waiting.toArray();
  }

  /** Forgets the waiting messages that a restart does not keep. */
  dropNonDurable(): void {
    const before = this.#waiting;
    this.#waiting = new WaitingLine();
    for (const entry of before.toArray()) if (entry.message.durable) this.#waiting.push(entry);
    this.count -= before.size - this.#waiting.size;
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
