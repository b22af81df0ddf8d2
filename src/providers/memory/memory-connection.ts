import { TidingsError } from '../../core/errors.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import type { BrokerCore, LiveConnection } from './broker-core.js';
import { MemoryConsumer } from './memory-consumer.js';
import type { CreditHolder, Undertaking } from './memory-consumer.js';
import type { MemoryQueue } from './memory-queue.js';
import type { Refusal, Transfer } from './posting.js';

/** Whose connection it is, and what it is told. */
export interface ConnectionClient {
  readonly serviceName: string;
  /** As if the socket died: nothing more comes from this connection. */
  lost(reason: Error): void;
  /** A blocked address gives credit again. */
  credit(address: string): void;
}

/** One connection to the broker. Once lost or closed it stays so; the client makes another. */
export class MemoryConnection implements LiveConnection {
  readonly #core: BrokerCore;
  readonly #client: ConnectionClient;
  readonly #consumers = new Set<MemoryConsumer>();
  /** Told when it ends. */
  readonly undertakings = new Set<Undertaking>();
  #outcomes: { transfer: Transfer; refusal: Refusal | undefined }[] = [];
  #reporting = false;
  #alive = true;

  private constructor(core: BrokerCore, client: ConnectionClient) {
    this.#core = core;
    this.#client = client;
  }

  /** Throws 'connection' when the broker cannot be reached. */
  static open(core: BrokerCore, client: ConnectionClient): MemoryConnection {
    const connection = new MemoryConnection(core, client);
    core.connected(connection);
    return connection;
  }

  get serviceName(): string {
    return this.#client.serviceName;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Throws 'queue-conflict' when another service consumes from a queue that is not shared. */
  checkOwners(specs: readonly SubscriptionSpec[]): void {
    for (const spec of specs) {
      if (spec.shared) continue;
      const other = this.#core.topology
        .queue(spec.event, spec.queue)
        ?.consumers.find((consumer) => consumer.serviceName !== this.serviceName);
      if (other !== undefined) throw foreignConsumer(spec, other.serviceName);
    }
  }

  consume(spec: SubscriptionSpec, holder: CreditHolder): MemoryConsumer {
    const queue = this.#queueOf(spec);
    const consumer = new MemoryConsumer(this.#core, { connection: this, queue, holder });
    this.#consumers.add(consumer);
    this.#core.attach(queue, consumer);
    return consumer;
  }

  /** False: the address gives no credit, nothing was sent. Otherwise the outcome follows, unless the connection is lost. */
  transfer(transfer: Transfer): boolean {
    if (this.#core.topology.known(transfer.posting.destination.address)?.blocked === true) return false;
    this.#outcomes.push({ transfer, refusal: this.#core.take(transfer.posting) });
    if (this.#core.confirms) this.reportSoon();
    return true;
  }

  /** Tells the outcomes soon, if the broker tells any. */
  reportSoon(): void {
    if (this.#reporting || this.#outcomes.length === 0) return;
    this.#reporting = true;
    this.#core.pace.soon(this.#report);
  }

  credit(address: string): void {
    this.#client.credit(address);
  }

  forgetConsumer(consumer: MemoryConsumer): void {
    this.#consumers.delete(consumer);
  }

  /** What is unsettled goes back uncounted. */
  close(): void {
    this.#end(false);
  }

  /** What is unsettled goes back counted, what is unconfirmed stays so. The client is told by `tellLost`. */
  lose(): void {
    this.#end(true);
  }

  tellLost(reason: Error): void {
    this.#client.lost(reason);
  }

  #end(lost: boolean): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#outcomes = [];
    for (const consumer of this.#consumers) consumer.end(lost);
    for (const undertaking of this.undertakings) undertaking.abandon();
    this.#core.disconnected(this);
  }

  #queueOf(spec: SubscriptionSpec): MemoryQueue {
    const queue = this.#core.topology.queue(spec.event, spec.queue);
    if (queue === undefined)
      throw new TidingsError(
        'missing-queue',
        `the queue '${spec.event}::${spec.queue}' is not there: its listener '${spec.listener}' was not given to start()`,
      );
    return queue;
  }

  readonly #report = (): void => {
    this.#reporting = false;
    if (!this.#core.confirms) return;
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    this.#core.pace.spend(outcomes.length);
    for (const { transfer, refusal } of outcomes) {
      if (refusal === undefined) transfer.confirmed();
      else transfer.refused(refusal);
    }
  };
}

function foreignConsumer(spec: SubscriptionSpec, owner: string): TidingsError {
  return new TidingsError(
    'queue-conflict',
    `the service '${owner}' consumes from the queue '${spec.event}::${spec.queue}' of the listener '${spec.listener}' already, so that each ` +
      `service would get a part of the events. Give one of the listeners another name, or set sharedQueue: true on it if that is meant`,
  );
}
