import type { Clock, Timer } from '../../core/clock.js';
import { TidingsError, describe } from '../../core/errors.js';
import type { Delivery, ProviderHost, ProviderStart, SubscriptionSpec } from '../../core/provider.js';
import { Backoff } from './backoff.js';
import type { BrokerCore } from './broker-core.js';
import { MemoryConnection } from './memory-connection.js';
import type { ConnectionClient } from './memory-connection.js';
import { MemoryOutbox } from './memory-outbox.js';
import { MemorySubscription } from './memory-subscription.js';

/** The life of a provider between one start and one stop: one connection after another. */
export class MemoryRun implements ConnectionClient {
  readonly outbox: MemoryOutbox;
  readonly #core: BrokerCore;
  readonly #host: ProviderHost;
  readonly #options: ProviderStart;
  readonly #subscriptions = new Set<MemorySubscription>();
  readonly #backoff = new Backoff({ initialMs: 100, maxMs: 30_000 });
  #specs: readonly SubscriptionSpec[];
  /** Whose queues are to be discarded, and were not for want of a connection. */
  #leftOver: SubscriptionSpec[] = [];
  #connection: MemoryConnection | undefined;
  #retry: Timer | undefined;
  #stopped = false;
  #over = false;
  /** While starting: ends the wait for the next attempt. */
  #wake: (() => void) | undefined;

  constructor(core: BrokerCore, host: ProviderHost, options: ProviderStart) {
    this.#core = core;
    this.#host = host;
    this.#options = options;
    this.#specs = options.specs;
    this.outbox = new MemoryOutbox(host.clock);
  }

  get serviceName(): string {
    return this.#host.serviceName;
  }

  get clock(): Clock {
    return this.#host.clock;
  }

  get connection(): MemoryConnection | undefined {
    return this.#connection;
  }

  /** Whether it ends or has ended. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Tries until it is connected, refused, aborted or stopped. */
  async open(): Promise<void> {
    const { signal, once } = this.#options;
    if (signal.aborted) throw reasonOf(signal);
    this.#host.onState({ state: 'connecting' });
    for (;;) {
      const failure = this.#connect(true);
      if (failure === undefined) return;
      if (once === true || !isAway(failure)) throw failure;
      this.#host.onState({ state: 'connecting', error: failure });
      const interrupted = await this.#pause(signal);
      if (interrupted === 'stopped')
        throw new TidingsError('not-running', 'the memory provider was stopped while it was starting', { cause: failure });
      if (interrupted === 'aborted') throw failure;
    }
  }

  async subscribe(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void): Promise<MemorySubscription> {
    if (this.#stopped) throw new TidingsError('not-running', `the memory provider is stopping: '${spec.listener}' cannot be subscribed`);
    const closed = (subscription: MemorySubscription): void => {
      this.#subscriptions.delete(subscription);
      // It shall not be made again, unless somebody comes back.
      if (spec.discard === true || spec.temporary) this.#specs = this.#specs.filter((known) => !isSame(known, spec));
      if (spec.discard === true && this.#connection === undefined) this.#leftOver.push(spec);
    };
    const late = !this.#specs.some((known) => isSame(known, spec));
    const subscription = new MemorySubscription({ host: this.#host, spec, deliver, late, closed });
    this.#subscriptions.add(subscription);
    if (this.#connection !== undefined) this.#attach(subscription, this.#connection);
    return subscription.attached;
  }

  lost(reason: Error): void {
    this.#connection = undefined;
    this.outbox.disconnected();
    if (this.#stopped) return;
    this.#host.onState({ state: 'reconnecting', error: reason });
    this.#reconnectLater();
  }

  credit(address: string): void {
    this.outbox.credit(address);
  }

  /** Sends under way may still be confirmed until the deadline; what is delivered goes back. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#wake?.();
    await Promise.all(Array.from(this.#subscriptions, (subscription) => subscription.close()));
    await this.#drained(deadlineMs);
    this.abandon();
  }

  /** Nothing is left open; what is unconfirmed rejects. Idempotent. */
  abandon(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopped = true;
    this.#retry?.cancel();
    this.#connection?.close();
    this.#connection = undefined;
    this.outbox.close();
    this.#host.onState(error === undefined ? { state: 'stopped' } : { state: 'stopped', error });
  }

  /** Returns why not. Other services are looked for at the start only: a shared queue may have a new neighbour later. */
  #connect(first: boolean): Error | undefined {
    let connection: MemoryConnection | undefined;
    try {
      connection = MemoryConnection.open(this.#core, this);
      if (first) connection.checkOwners(this.#specs);
      this.#core.provision([...this.#specs, ...this.#lateSpecs], first);
    } catch (error) {
      connection?.close();
      return error instanceof Error ? error : new Error(describe(error));
    }
    this.#connection = connection;
    this.#backoff.reset();
    this.#discardLeftOver();
    for (const subscription of this.#subscriptions) this.#attach(subscription, connection);
    this.outbox.connected(connection);
    this.#host.onState({ state: 'connected' });
    return undefined;
  }

  #discardLeftOver(): void {
    const served = [...this.#subscriptions].filter(({ confirmed }) => confirmed);
    for (const spec of this.#leftOver.splice(0)) {
      const queue = this.#core.topology.queue(spec.event, spec.queue);
      if (queue !== undefined && !served.some((other) => isSame(other.spec, spec))) this.#core.discard(queue);
    }
  }

  /** Of the listeners that came later and are served already. */
  get #lateSpecs(): SubscriptionSpec[] {
    return [...this.#subscriptions].filter(({ late, confirmed }) => late && confirmed).map(({ spec }) => spec);
  }

  /** One that came later finds its queue made, or is refused as at a start. */
  #attach(subscription: MemorySubscription, connection: MemoryConnection): void {
    const { late, confirmed, spec } = subscription;
    try {
      if (late && !confirmed) {
        connection.checkOwners([spec]);
        this.#core.provision([spec], true);
      }
      subscription.connected(connection);
    } catch (error) {
      subscription.fail(error instanceof Error ? error : new Error(describe(error)));
    }
  }

  #reconnectLater(): void {
    this.#retry = this.#host.clock.schedule(this.#backoff.next(), () => {
      const failure = this.#connect(false);
      if (failure === undefined) return;
      if (!isAway(failure))
        this.#host.logger.error({ error: failure }, 'the memory broker is back but does not serve this process; trying on');
      this.#reconnectLater();
    });
  }

  /** Until the next attempt is due; tells what ended it before. */
  async #pause(signal: AbortSignal): Promise<'stopped' | 'aborted' | undefined> {
    await new Promise<void>((resolve) => {
      this.#wake = () => {
        resolve();
      };
      signal.addEventListener('abort', this.#wake);
      this.#retry = this.#host.clock.schedule(this.#backoff.next(), this.#wake);
    });
    this.#retry?.cancel();
    if (this.#wake !== undefined) signal.removeEventListener('abort', this.#wake);
    this.#wake = undefined;
    if (this.#stopped) return 'stopped';
    return signal.aborted ? 'aborted' : undefined;
  }

  async #drained(deadlineMs: number): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.#host.clock.schedule(deadlineMs, resolve);
    });
    await Promise.race([this.outbox.drain(), late]);
    timer?.cancel();
  }
}

function isSame(one: SubscriptionSpec, other: SubscriptionSpec): boolean {
  return one.event === other.event && one.queue === other.queue;
}

function isAway(error: Error): boolean {
  return TidingsError.is(error) && error.code === 'connection';
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(describe(signal.reason));
}
