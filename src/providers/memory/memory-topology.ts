import { TidingsError } from '../../core/errors.js';
import type { Routing, SubscriptionSpec } from '../../core/provider.js';
import { MemoryAddress } from './memory-address.js';
import { MemoryQueue } from './memory-queue.js';

interface QueueWish {
  readonly address: string;
  readonly name: string;
  readonly routing: Routing;
  readonly temporary: boolean;
  readonly listener: string;
}

/** The addresses and queues of a broker. A queue's name is unique among all addresses. */
export class MemoryTopology {
  readonly #addresses = new Map<string, MemoryAddress>();
  readonly #queues = new Map<string, MemoryQueue>();

  get queues(): Iterable<MemoryQueue> {
    return this.#queues.values();
  }

  /** Made when first asked for. */
  address(name: string): MemoryAddress {
    let address = this.#addresses.get(name);
    if (address === undefined) {
      address = new MemoryAddress(name);
      this.#addresses.set(name, address);
    }
    return address;
  }

  queue(address: string, name: string): MemoryQueue | undefined {
    const queue = this.#queues.get(name);
    return queue?.address === address ? queue : undefined;
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
    const { queues } = this.address(queue.address);
    queues.splice(queues.indexOf(queue), 1);
  }

  #make(wish: Omit<QueueWish, 'listener'>): MemoryQueue {
    const queue = new MemoryQueue(wish);
    this.#queues.set(queue.name, queue);
    this.address(queue.address).queues.push(queue);
    return queue;
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
  const { event, queue, archive, routing, temporary, listener } = spec;
  return [
    { address: event, name: queue, routing, temporary, listener },
    { address: archive, name: archive, routing: 'anycast', temporary: false, listener },
  ];
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
