import { TidingsError } from '../../core/errors.js';
import type { Routing, SubscriptionSpec } from '../../core/provider.js';
import { matches } from './address-pattern.js';
import { MemoryAddress } from './memory-address.js';
import { MemoryQueue } from './memory-queue.js';

interface QueueWish {
  readonly address: string;
  readonly name: string;
  readonly routing: Routing;
  readonly temporary: boolean;
  readonly pattern?: boolean;
  readonly listener: string;
}

/** The addresses and queues of a broker. A queue's name is unique among all addresses. */
export class MemoryTopology {
  readonly #addresses = new Map<string, MemoryAddress>();
  readonly #queues = new Map<string, MemoryQueue>();
  /** Queues whose address stands for others. */
  readonly #patterns: MemoryQueue[] = [];

  get queues(): Iterable<MemoryQueue> {
    return this.#queues.values();
  }

  /** Made when first asked for. */
  address(name: string): MemoryAddress {
    return this.#addresses.get(name) ?? this.#makeAddress(name);
  }

  /** Undefined when nobody has asked for it yet. */
  known(name: string): MemoryAddress | undefined {
    return this.#addresses.get(name);
  }

  queue(address: string, name: string): MemoryQueue | undefined {
    const queue = this.#queues.get(name);
    if (queue === undefined) return undefined;
    // That of a pattern is there under each of its addresses.
    return queue.address === address || (queue.pattern && matches(queue.address, address)) ? queue : undefined;
  }

  /**
   * Makes what is missing of the specs' queues and archives, and returns what it made. Throws 'queue-conflict' or 'permission' with
   * nothing made.
   */
  provision(specs: readonly SubscriptionSpec[]): MemoryQueue[] {
    const wishes = specs.flatMap(wishesOf);
    const wanted = new Map<string, QueueWish>();
    const routings = new Map<string, Routing>();
    for (const wish of wishes) {
      this.#check(wish, wanted.get(wish.name)?.address, routings.get(wish.address));
      wanted.set(wish.name, wish);
      routings.set(wish.address, wish.routing);
    }
    return [...wanted.values()].filter((wish) => !this.#queues.has(wish.name)).map((wish) => this.#make(wish));
  }

  /** The queue of an anycast address that nobody has provisioned. Undefined when its name belongs to another address. */
  makeAnycast(address: string): MemoryQueue | undefined {
    if (this.#queues.has(address)) return undefined;
    return this.#make({ address, name: address, routing: 'anycast', temporary: false });
  }

  remove(queue: MemoryQueue): void {
    this.#queues.delete(queue.name);
    const address = this.address(queue.address);
    drop(address.queues, queue);
    if (queue.pattern) {
      drop(this.#patterns, queue);
      for (const { listening } of this.#addresses.values()) drop(listening, queue);
    }
    // Names of processes are in the names of reply addresses: they would never be asked for again.
    if (address.bare) this.#addresses.delete(address.name);
  }

  #makeAddress(name: string): MemoryAddress {
    const address = new MemoryAddress(name);
    this.#addresses.set(name, address);
    if (!address.pattern) address.listening.push(...this.#patterns.filter((queue) => matches(queue.address, name)));
    return address;
  }

  #make(wish: Omit<QueueWish, 'listener'>): MemoryQueue {
    const queue = new MemoryQueue(wish);
    this.#queues.set(queue.name, queue);
    this.address(queue.address).queues.push(queue);
    if (queue.pattern) this.#listen(queue);
    return queue;
  }

  #listen(queue: MemoryQueue): void {
    this.#patterns.push(queue);
    for (const address of this.#addresses.values())
      if (!address.pattern && matches(queue.address, address.name)) address.listening.push(queue);
  }

  #check(wish: QueueWish, plannedOwner: string | undefined, plannedRouting: Routing | undefined): void {
    const owner = this.#queues.get(wish.name)?.address ?? plannedOwner;
    const address = this.#addresses.get(wish.address);
    if (address?.forbidden === true) {
      throw new TidingsError('permission', `the memory broker forbids '${wish.address}', which the listener '${wish.listener}' needs`);
    }
    if (owner !== undefined && owner !== wish.address) throw nameConflict(wish, owner);
    const routing = address?.routing ?? plannedRouting ?? wish.routing;
    if (routing !== wish.routing) throw routingConflict(wish, routing);
  }
}

function wishesOf(spec: SubscriptionSpec): QueueWish[] {
  const { event, queue, archive, routing, temporary, pattern = false, listener } = spec;
  return [
    { address: event, name: queue, routing, temporary, pattern, listener },
    { address: archive, name: archive, routing: 'anycast', temporary: false, listener },
  ];
}

function drop(queues: MemoryQueue[], queue: MemoryQueue): void {
  const at = queues.indexOf(queue);
  if (at >= 0) queues.splice(at, 1);
}

function nameConflict(wish: QueueWish, owner: string): TidingsError {
  return new TidingsError(
    'queue-conflict',
    `the listener '${wish.listener}' of '${wish.address}' needs the queue '${wish.name}', which belongs to '${owner}': queue names are unique ` +
      `in the whole broker. Give one of the listeners another name, or set queueNaming: 'qualified' on the provider`,
  );
}

function routingConflict(wish: QueueWish, routing: Routing): TidingsError {
  return new TidingsError(
    'queue-conflict',
    `the listener '${wish.listener}' needs '${wish.address}' as ${wish.routing}, but it is ${routing} already: give the event the same ` +
      `routing everywhere, or another name`,
  );
}
