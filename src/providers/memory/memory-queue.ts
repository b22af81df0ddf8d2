import type { ArchiveBounds, Routing } from '../../core/provider.js';
import type { AgendaItem } from './agenda.js';
import { GroupLines } from './group-lines.js';
import { byPlace, foremost, PriorityLine } from './priority-line.js';
import type { QueueConsumer } from './queue-consumer.js';
import type { QueueEntry } from './queue-entry.js';

export interface MemoryQueueOptions {
  readonly address: string;
  readonly name: string;
  readonly routing: Routing;
  readonly temporary: boolean;
  /** Its address stands for all that match it. */
  readonly pattern?: boolean;
}

/** What an address may own: messages in order, and who takes them. Knows nothing of time or connections. */
export class MemoryQueue {
  readonly address: string;
  readonly name: string;
  readonly routing: Routing;
  readonly temporary: boolean;
  readonly pattern: boolean;
  readonly consumers: QueueConsumer[] = [];
  /** Held by the broker until they are due. */
  readonly delayed = new Set<QueueEntry>();
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
  /** How many expired unread. */
  expired = 0;
  #line = new PriorityLine();
  /** Once a message of a group has come. */
  #groups: GroupLines | undefined;
  #nextOrder = 0;
  #turn = 0;

  constructor({ address, name, routing, temporary, pattern = false }: MemoryQueueOptions) {
    this.address = address;
    this.name = name;
    this.routing = routing;
    this.temporary = temporary;
    this.pattern = pattern;
  }

  get fullName(): string {
    return `${this.address}::${this.name}`;
  }

  get hasWaiting(): boolean {
    return this.#line.size > 0 || this.#groups?.hasWaiting === true;
  }

  /** How many could be handed out. */
  get waitingCount(): number {
    return this.#lines.reduce((sum, { size }) => sum + size, 0);
  }

  /** Of those that could be handed out. */
  get oldest(): QueueEntry | undefined {
    return foremost(this.#lines.map(({ oldest }) => oldest));
  }

  /** The place that the next message will have. */
  get nextOrder(): number {
    return this.#nextOrder;
  }

  /** Stands last from now on. The caller has counted it. */
  push(entry: QueueEntry): void {
    entry.order = this.#nextOrder++;
    this.#line.push(entry);
    if (entry.message.group !== undefined) this.#groups ??= this.#grouped();
  }

  /** Unsettled ones come back to where they stood. */
  takeBack(entries: Iterable<QueueEntry>): void {
    for (const entry of entries) {
      this.#groups?.freed(entry);
      this.#line.putBack(entry);
    }
  }

  /** A delivered one is gone. */
  accepted(entry: QueueEntry): void {
    this.#groups?.freed(entry);
    this.count--;
  }

  /** The oldest waiting one behind this place. */
  after(order: number): QueueEntry | undefined {
    return foremost(this.#lines.map((line) => line.after(order)));
  }

  /** Takes one out of the line, wherever it stands; it stays counted. False when it does not wait. */
  lift(entry: QueueEntry): boolean {
    return this.#lines.some((line) => line.remove(entry));
  }

  /** The oldest waiting one is gone. */
  dropOldest(): void {
    if (this.oldest !== undefined && this.lift(this.oldest)) this.count--;
  }

  /** Hands out at most so many, to each consumer with credit in turn. Returns how many were moved. */
  dispatch(most: number): number {
    let done = 0;
    while (done < most && (this.#groups === undefined ? this.#deal() : this.#groups.deal())) done++;
    return done;
  }

  /** Oldest first. */
  waiting(): QueueEntry[] {
    const [first, ...others] = this.#lines.map((line) => line.toArray());
    return others.length === 0 ? (first ?? []) : byPlace([first ?? [], ...others].flat());
  }

  /** Forgets the waiting messages that a restart does not keep. */
  dropNonDurable(): void {
    const before = this.waiting();
    const kept = before.filter(({ message }) => message.durable);
    this.#line = new PriorityLine();
    this.#groups = this.#groups && this.#grouped();
    for (const entry of kept) this.#line.push(entry);
    this.count -= before.length - kept.length;
  }

  detach(consumer: QueueConsumer): void {
    const at = this.consumers.indexOf(consumer);
    if (at >= 0) this.consumers.splice(at, 1);
    if (at >= 0 && at < this.#turn) this.#turn--;
    this.#groups?.detach(consumer);
  }

  get #lines(): readonly PriorityLine[] {
    return this.#groups === undefined ? [this.#line] : [this.#line, ...this.#groups.lines];
  }

  #grouped(): GroupLines {
    return new GroupLines({ consumers: this.consumers, line: this.#line, nextConsumer: () => this.#nextConsumer() });
  }

  #deal(): boolean {
    if (this.#line.size === 0) return false;
    const consumer = this.#nextConsumer();
    const entry = consumer === undefined ? undefined : this.#line.shift();
    if (entry === undefined) return false;
    consumer?.take(entry);
    return true;
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
