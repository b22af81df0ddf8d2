import { isBefore, PriorityLine } from './priority-line.js';
import type { QueueConsumer } from './queue-consumer.js';
import type { Group, QueueEntry } from './queue-entry.js';

interface OwnedGroup extends Group {
  readonly owner: QueueConsumer;
}

interface OwnLine {
  readonly owner: QueueConsumer;
  readonly line: PriorityLine;
  readonly first: QueueEntry;
}

/** The queue as its groups see it. */
export interface GroupedQueue {
  readonly consumers: readonly QueueConsumer[];
  /** What waits and is nobody's yet. */
  readonly line: PriorityLine;
  /** The next one that has credit, of all in turn. */
  nextConsumer(): QueueConsumer | undefined;
}

/** Beyond so many, those without a message are forgotten, and may get another consumer. */
const mostKept = 10_000;

/**
 * Which consumer has which group. It keeps it until it goes, as on Artemis. What comes for a consumer without credit is put beside, in a line
 * of its own, so that it holds up nobody else and is looked at once.
 */
export class GroupLines {
  readonly #queue: GroupedQueue;
  readonly #groups = new Map<string, OwnedGroup>();
  readonly #lines = new Map<QueueConsumer, PriorityLine>();
  #sweepAt = mostKept;

  constructor(queue: GroupedQueue) {
    this.#queue = queue;
  }

  get lines(): Iterable<PriorityLine> {
    return this.#lines.values();
  }

  get hasWaiting(): boolean {
    for (const { size } of this.#lines.values()) if (size > 0) return true;
    return false;
  }

  /** Moves one message: to a consumer, or beside. False: nobody can take any. */
  deal(): boolean {
    const { line, consumers } = this.#queue;
    const { first } = line;
    const own = this.#foremostOwn();
    if (own !== undefined && (first === undefined || isBefore(own.first, first))) return this.#hand(own.line.shift(), own.owner);
    if (first === undefined) return false;
    const owner = this.#ownerOf(first);
    if (owner === undefined || (owner.hasCredit && !this.#holdsFor(owner))) {
      const consumer = owner ?? this.#queue.nextConsumer();
      return consumer !== undefined && this.#hand(line.shift(), consumer);
    }
    if (!consumers.some(({ hasCredit }) => hasCredit)) return false;
    line.shift();
    this.#lineOf(owner).insert(first);
    return true;
  }

  /** It is out no more. */
  freed(entry: QueueEntry): void {
    if (entry.group !== undefined) entry.group.out--;
    entry.group = undefined;
  }

  /** What was put beside for it stands in the common line again; its groups are for whoever comes first. */
  detach(consumer: QueueConsumer): void {
    for (const [name, { owner }] of this.#groups) if (owner === consumer) this.#groups.delete(name);
    for (const entry of this.#lines.get(consumer)?.toArray() ?? []) this.#queue.line.putBack(entry);
    this.#lines.delete(consumer);
  }

  #foremostOwn(): OwnLine | undefined {
    let best: OwnLine | undefined;
    for (const [owner, line] of this.#lines) {
      const { first } = line;
      if (first !== undefined && owner.hasCredit && (best === undefined || isBefore(first, best.first))) best = { owner, line, first };
    }
    return best;
  }

  #ownerOf({ message: { group } }: QueueEntry): QueueConsumer | undefined {
    return group === undefined ? undefined : this.#groups.get(group)?.owner;
  }

  #holdsFor(owner: QueueConsumer): boolean {
    return (this.#lines.get(owner)?.size ?? 0) > 0;
  }

  #lineOf(owner: QueueConsumer): PriorityLine {
    let line = this.#lines.get(owner);
    if (line === undefined) this.#lines.set(owner, (line = new PriorityLine()));
    return line;
  }

  #hand(entry: QueueEntry | undefined, owner: QueueConsumer): boolean {
    if (entry === undefined) return false;
    const { group } = entry.message;
    if (group !== undefined) {
      entry.group = this.#groups.get(group) ?? this.#begin(group, owner);
      entry.group.out++;
    }
    owner.take(entry);
    return true;
  }

  #begin(name: string, owner: QueueConsumer): OwnedGroup {
    if (this.#groups.size >= this.#sweepAt) this.#sweep();
    const group = { owner, out: 0 };
    this.#groups.set(name, group);
    return group;
  }

  #sweep(): void {
    for (const [name, { owner, out }] of this.#groups) if (out === 0 && !this.#holdsFor(owner)) this.#groups.delete(name);
    this.#sweepAt = Math.max(mostKept, 2 * this.#groups.size);
  }
}
