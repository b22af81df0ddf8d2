import type { Clock } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import { wire } from '../../core/headers.js';
import type { Routing, SubscriptionSpec } from '../../core/provider.js';
import { Agenda } from './agenda.js';
import { Lifetimes } from './lifetimes.js';
import type { MemoryAddress } from './memory-address.js';
import type { MemoryQueue } from './memory-queue.js';
import { MemoryTopology } from './memory-topology.js';
import { Pace } from './pace.js';
import type { Destination, Posting, Refusal } from './posting.js';
import type { QueueConsumer } from './queue-consumer.js';
import { QueueEntry } from './queue-entry.js';
import { Retention } from './retention.js';

const temporaryQueueMs = 10 * 60_000;

/** A connection as the broker sees it. */
export interface LiveConnection {
  /** What is unsettled goes back counted, what is unconfirmed stays so. */
  lose(): void;
  tellLost(reason: Error): void;
  /** Tells the outcomes soon, if the broker tells any. */
  reportSoon(): void;
  /** A blocked address gives credit again. */
  credit(address: string): void;
}

/** The broker behind `MemoryBroker`: takes messages, routes them, keeps what is delayed, hands out what waits. */
export class BrokerCore {
  readonly clock: Clock;
  readonly topology = new MemoryTopology();
  readonly pace = new Pace();
  readonly #agenda: Agenda;
  readonly #lifetimes: Lifetimes;
  readonly #retention: Retention;
  readonly #connections = new Set<LiveConnection>();
  #toServe: MemoryQueue[] = [];
  #serving = false;
  #holds = 0;
  /** Whether it can be reached. */
  reachable = true;

  constructor(clock: Clock) {
    this.clock = clock;
    this.#agenda = new Agenda(clock);
    this.#lifetimes = new Lifetimes(clock, this.#agenda);
    this.#retention = new Retention(clock, this.#agenda);
  }

  get confirms(): boolean {
    return this.#holds === 0;
  }

  get connections(): Iterable<LiveConnection> {
    return this.#connections;
  }

  /** Throws 'connection' when it cannot be reached. */
  connected(connection: LiveConnection): void {
    if (!this.reachable) throw new TidingsError('connection', 'the memory broker is down: bring it up()', { retryable: true });
    this.#connections.add(connection);
    this.#agenda.wake();
  }

  disconnected(connection: LiveConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#agenda.rest();
  }

  /** Every connection is dead before the first client hears of it, so that none of them acts on half a loss. */
  loseAll(reason: string, beforeTelling?: () => void): void {
    const lost = [...this.#connections];
    for (const connection of lost) connection.lose();
    beforeTelling?.();
    for (const connection of lost) connection.tellLost(new TidingsError('connection', reason, { retryable: true }));
  }

  /**
   * Makes what is missing of the specs' queues and archives, or throws with nothing made. `starting`: their bounds are the last word; a
   * connection that comes back does not take it again.
   */
  provision(specs: readonly SubscriptionSpec[], starting: boolean): void {
    for (const queue of this.topology.provision(specs)) this.abandon(queue);
    for (const { archive, archiveBounds } of specs) {
      const queue = this.topology.queue(archive, archive);
      if (queue !== undefined && (starting || queue.bounds === undefined)) this.#retention.apply(queue, archiveBounds);
    }
  }

  /** Takes a message, or tells why not. What was taken is delivered later, never inside this call. */
  take(posting: Posting): Refusal | undefined {
    const { destination, dedupeId } = posting;
    if (destination.ifThere === true && this.#isAbsent(destination)) return undefined;
    const address = this.topology.address(destination.address);
    if (address.pattern && destination.queue === undefined)
      return { code: 'send-refused', reason: `'${address.name}' stands for other addresses: nothing can be sent to it` };
    if (address.forbidden) return { code: 'permission', reason: `sending to '${address.name}' is forbidden` };
    if (dedupeId !== undefined && address.isDuplicate(dedupeId)) return undefined;
    if (address.full)
      return { code: 'send-refused', reason: `the address '${address.name}' is full: it holds ${String(address.limit)} messages` };
    const targets = this.#targets(address, destination);
    if ('reason' in targets) return targets;
    this.#put(targets, posting);
    if (dedupeId !== undefined) address.remember(dedupeId);
    return undefined;
  }

  /** Has a look at a queue soon: something to hand out, or somebody to hand it to, may be there. */
  serve(queue: MemoryQueue): void {
    if (queue.listed) return;
    queue.listed = true;
    this.#toServe.push(queue);
    this.#serveSoon();
  }

  /** Confirmations are withheld until the function returned is called. */
  hold(): () => void {
    this.#holds++;
    let held = true;
    return () => {
      if (held) this.#holds--;
      held = false;
      if (this.confirms) for (const connection of this.#connections) connection.reportSoon();
    };
  }

  attach(queue: MemoryQueue, consumer: QueueConsumer): void {
    queue.consumers.push(consumer);
    this.#keep(queue);
    this.serve(queue);
  }

  /** The consumer goes; what it held comes back to where it stood. */
  detach(queue: MemoryQueue, consumer: QueueConsumer, unsettled: Iterable<QueueEntry>): void {
    queue.detach(consumer);
    this.putBack(queue, unsettled);
    this.abandon(queue);
  }

  /** They stand again where they stood, for whoever is next. */
  putBack(queue: MemoryQueue, entries: Iterable<QueueEntry>): void {
    queue.takeBack(entries);
    for (const entry of entries) this.#lifetimes.returned(entry);
    this.#retention.enforce(queue);
    this.serve(queue);
  }

  /** Takes a first attempt back that nobody has begun; false when there is none of this id. */
  cancel(queue: MemoryQueue, id: string): boolean {
    const isMeant = ({ message: { headers } }: QueueEntry): boolean => headers.get(wire.id) === id && !headers.has(wire.attempt);
    const entry = [...queue.delayed].find(isMeant) ?? queue.waiting().find(isMeant);
    if (entry === undefined || !(this.#lifetimes.undelay(queue, entry) || queue.lift(entry))) return false;
    this.gone(queue, entry);
    return true;
  }

  /** One that nobody had is gone. */
  gone(queue: MemoryQueue, entry: QueueEntry): void {
    queue.count--;
    this.#lifetimes.gone(entry);
  }

  /** One that a consumer had is gone. */
  accepted(queue: MemoryQueue, entry: QueueEntry): void {
    queue.accepted(entry);
    this.#lifetimes.gone(entry);
  }

  /** The queue is gone with all that is in it, unless others consume from it. */
  discard(queue: MemoryQueue): void {
    if (queue.consumers.length === 0) this.#remove(queue);
  }

  /** A temporary queue without a consumer goes some minutes from now. */
  abandon(queue: MemoryQueue): void {
    if (!queue.temporary || queue.consumers.length > 0) return;
    this.#keep(queue);
    queue.deletion = {
      at: this.clock.now() + temporaryQueueMs,
      keepsAlive: false,
      run: () => {
        this.#remove(queue);
      },
    };
    this.#agenda.add(queue.deletion);
  }

  /** What a restart does to the messages and queues: nobody is connected. */
  forget(): void {
    for (const queue of [...this.topology.queues]) {
      queue.dropNonDurable();
      for (const entry of queue.delayed) if (!entry.message.durable) this.#dropDelayed(queue, entry);
      if (queue.temporary && queue.count === 0) this.#remove(queue);
      else this.abandon(queue);
    }
  }

  #targets(address: MemoryAddress, { queue, routing }: Destination): readonly MemoryQueue[] | Refusal {
    if (queue !== undefined) return [queue];
    if (address.routing !== undefined && address.routing !== routing) return wrongRouting(address, routing);
    if (routing === 'multicast') return address.everyone;
    const one = address.nextQueue() ?? this.topology.makeAnycast(address.name);
    return one === undefined ? nameTaken(address) : [one];
  }

  #isAbsent({ address }: Destination): boolean {
    return (this.topology.known(address)?.queues.length ?? 0) === 0;
  }

  #put(queues: readonly MemoryQueue[], { message, notBefore, expiresAt }: Posting): void {
    const later = notBefore !== undefined && notBefore > this.clock.now();
    for (const queue of queues) {
      const entry = new QueueEntry(message);
      queue.count++;
      if (later) this.#delay(queue, entry, notBefore);
      else this.#enqueue(queue, entry);
      if (expiresAt !== undefined) this.#lifetimes.end(queue, entry, expiresAt);
    }
  }

  #enqueue(queue: MemoryQueue, entry: QueueEntry): void {
    entry.since = this.clock.now();
    queue.push(entry);
    this.#retention.enforce(queue);
    if (queue.consumers.length > 0) this.serve(queue);
  }

  #delay(queue: MemoryQueue, entry: QueueEntry, at: number): void {
    this.#lifetimes.delay(queue, entry, at, () => {
      this.#enqueue(queue, entry);
    });
  }

  #keep(queue: MemoryQueue): void {
    if (queue.deletion !== undefined) this.#agenda.remove(queue.deletion);
    queue.deletion = undefined;
  }

  #dropDelayed(queue: MemoryQueue, entry: QueueEntry): void {
    this.#lifetimes.undelay(queue, entry);
    this.gone(queue, entry);
  }

  #remove(queue: MemoryQueue): void {
    this.#keep(queue);
    for (const entry of queue.delayed) this.#dropDelayed(queue, entry);
    for (const entry of queue.waiting()) this.#lifetimes.gone(entry);
    this.topology.remove(queue);
  }

  #serveSoon(): void {
    if (this.#serving) return;
    this.#serving = true;
    this.pace.soon(this.#serve);
  }

  readonly #serve = (): void => {
    // Neither must endless work make late what is due, nor is handed out what has just ended.
    this.#agenda.runDue();
    const queues = this.#toServe;
    this.#toServe = [];
    for (const queue of queues) {
      queue.listed = false;
      const most = this.pace.left;
      const done = queue.dispatch(most);
      this.pace.spend(done);
      if (done >= most) this.serve(queue);
    }
    this.#serving = false;
    if (this.#toServe.length > 0) this.#serveSoon();
  };
}

function wrongRouting(address: MemoryAddress, routing: Routing): Refusal {
  return {
    code: 'queue-conflict',
    reason: `the address '${address.name}' is ${address.routing ?? ''}, and the message is ${routing}: its listeners would not get it`,
  };
}

function nameTaken(address: MemoryAddress): Refusal {
  return {
    code: 'queue-conflict',
    reason: `the anycast address '${address.name}' needs a queue of its own name, which belongs to another address`,
  };
}
