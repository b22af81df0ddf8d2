import type { QueueAdmin, WireMessage } from '../../core/provider.js';
import { loaded } from './memory-message.js';
import type { MemoryQueue } from './memory-queue.js';
import type { MemoryTopology } from './memory-topology.js';

/** What an operator sees. `reach` gives the broker's queues, or throws while there is no connection. */
export class MemoryQueueAdmin implements QueueAdmin {
  readonly #reach: () => MemoryTopology;

  constructor(reach: () => MemoryTopology) {
    this.#reach = reach;
  }

  // Async, so that an absent connection rejects and does not throw.
  async count(queue: string): Promise<number> {
    return await Promise.resolve(this.#find(queue)?.count ?? 0);
  }

  async *browse(queue: string, options: { readonly limit?: number } = {}): AsyncIterable<WireMessage> {
    const waiting = this.#find(queue)?.waiting() ?? [];
    for (const entry of waiting.slice(0, options.limit ?? Infinity)) yield await Promise.resolve(loaded(entry.message));
  }

  async list(prefix: string): Promise<string[]> {
    const names = Array.from(this.#reach().queues, (queue) => queue.fullName);
    return await Promise.resolve(names.filter((name) => name.startsWith(prefix)).sort());
  }

  async consumers(queue: string): Promise<number> {
    return await Promise.resolve(this.#find(queue)?.consumers.length ?? 0);
  }

  #find(queue: string): MemoryQueue | undefined {
    const at = queue.indexOf('::');
    return at < 0 ? this.#reach().queue(queue, queue) : this.#reach().queue(queue.slice(0, at), queue.slice(at + 2));
  }
}
