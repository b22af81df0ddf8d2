import type { Routing } from '../../core/provider.js';
import { isPattern } from './address-pattern.js';
import { DuplicateIds } from './duplicate-ids.js';
import type { MemoryQueue } from './memory-queue.js';

/** What messages are sent to. Its one cache of ids serves all its queues, as on Artemis. */
export class MemoryAddress {
  readonly name: string;
  readonly queues: MemoryQueue[] = [];
  /** Those of the patterns that stand for it too: they get what is sent to all. */
  readonly listening: MemoryQueue[] = [];
  /** Whether it stands for others: nothing can be sent to it. */
  readonly pattern: boolean;
  /** Most messages its queues may hold together. */
  limit = Infinity;
  /** Whether senders get no credit. */
  blocked = false;
  /** Whether nobody may send or consume. */
  forbidden = false;
  #ids: DuplicateIds | undefined;
  #turn = 0;

  constructor(name: string) {
    this.name = name;
    this.pattern = isPattern(name);
  }

  /** That of its first queue; undefined while there is none. */
  get routing(): Routing | undefined {
    return this.queues[0]?.routing;
  }

  get full(): boolean {
    if (this.limit === Infinity) return false;
    return this.queues.reduce((sum, queue) => sum + queue.count, 0) >= this.limit;
  }

  /** Whether it may be forgotten: making it anew would make the same. */
  get bare(): boolean {
    return this.queues.length === 0 && this.#ids === undefined && this.limit === Infinity && !this.blocked && !this.forbidden;
  }

  /** Who gets what is sent to all. */
  get everyone(): readonly MemoryQueue[] {
    return this.listening.length === 0 ? this.queues : [...this.queues, ...this.listening];
  }

  /** Of an anycast address: the queue that gets the next message. */
  nextQueue(): MemoryQueue | undefined {
    return this.queues[this.#turn++ % this.queues.length];
  }

  isDuplicate(id: string): boolean {
    return this.#ids?.has(id) === true;
  }

  remember(id: string): void {
    this.#ids ??= new DuplicateIds();
    this.#ids.add(id);
  }
}
