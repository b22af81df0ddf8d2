import type { Clock } from '../../core/clock.js';
import type { QueueAdmin, WireMessage } from '../../core/provider.js';
import type { BrokerCore } from './broker-core.js';
import type { MemoryConnection } from './memory-connection.js';
import { loaded } from './memory-message.js';
import type { MemoryQueue } from './memory-queue.js';
import { MemoryTake } from './memory-take.js';

/** The broker, for an operator who is connected to it. */
export interface Reach {
  readonly core: BrokerCore;
  readonly connection: MemoryConnection;
  readonly clock: Clock;
}

/** What an operator sees and does. `reach` throws while there is no connection. */
export class MemoryQueueAdmin implements QueueAdmin {
  readonly #reach: () => Reach;

  constructor(reach: () => Reach) {
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

  async take(queue: string, options: { readonly limit?: number }, decide: Parameters<QueueAdmin['take']>[2]): Promise<number> {
    const source = this.#find(queue);
    if (source === undefined) return 0;
    const find = (name: string): MemoryQueue | undefined => this.#find(name);
    return new MemoryTake({ ...this.#reach(), source, limit: options.limit ?? Infinity, decide, find }).run();
  }

  async list(prefix: string): Promise<string[]> {
    const names = Array.from(this.#reach().core.topology.queues, (queue) => queue.fullName);
    return await Promise.resolve(names.filter((name) => name.startsWith(prefix)).sort());
  }

  async consumers(queue: string): Promise<number> {
    return await Promise.resolve(this.#find(queue)?.consumers.length ?? 0);
  }

  async expired(queue: string): Promise<number> {
    return await Promise.resolve(this.#find(queue)?.expired ?? 0);
  }

  async cancel(address: string, id: string): Promise<number> {
    const { core } = this.#reach();
    const queues = core.topology.known(address)?.everyone ?? [];
    return await Promise.resolve(queues.filter((queue) => core.cancel(queue, id)).length);
  }

  #find(queue: string): MemoryQueue | undefined {
    const { topology } = this.#reach().core;
    const at = queue.indexOf('::');
    return at < 0 ? topology.queue(queue, queue) : topology.queue(queue.slice(0, at), queue.slice(at + 2));
  }
}
