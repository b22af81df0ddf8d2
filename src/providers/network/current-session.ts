import { SendError, TidingsError } from '../../core/errors.js';
import type { Delivery, ProviderStart, ProviderSubscription, SubscriptionSpec, WireMessage, WireSend } from '../../core/provider.js';

/** What lives from one start of a provider to its stop. */
export interface BrokerSession {
  readonly stopping: boolean;
  start(options: ProviderStart): Promise<void>;
  send(message: WireMessage, options: WireSend): Promise<void>;
  subscribe(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void): Promise<ProviderSubscription>;
  /** The first call decides. */
  stop(deadlineMs: number): Promise<void>;
}

/** The session of a provider, which has one at a time: none before its start and after its stop, which may be called at any time. */
export class CurrentSession<S extends BrokerSession> {
  readonly #provider: string;
  #session: S | undefined;

  /** `provider`: its class, for messages. */
  constructor(provider: string) {
    this.#provider = provider;
  }

  get now(): S | undefined {
    return this.#session;
  }

  async start(make: () => S, options: ProviderStart): Promise<void> {
    const previous = this.#session;
    if (previous?.stopping === false)
      throw new TidingsError('configuration', `${this.#provider}.start() was called while it is started; a provider serves one manager`);
    const session = make();
    // At once: a stop() that follows in the same tick must find it.
    this.#session = session;
    try {
      await previous?.stop(0);
      await session.start(options);
    } catch (error) {
      await session.stop(0);
      this.#forget(session);
      throw error;
    }
  }

  send(message: WireMessage, options: WireSend): Promise<void> {
    const session = this.#session;
    if (session?.stopping !== false)
      return Promise.reject(new SendError('not-sent', 'not-running', `send to ${options.address}: the provider is not started`));
    if (options.signal?.aborted !== true) return session.send(message, options);
    return Promise.reject(
      new SendError('not-sent', 'send-aborted', `send to ${options.address}: the caller aborted it before it could be transmitted`, {
        cause: options.signal.reason,
      }),
    );
  }

  subscribe(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void): Promise<ProviderSubscription> {
    const session = this.#session;
    if (session?.stopping === false) return session.subscribe(spec, deliver);
    return Promise.reject(new TidingsError('not-running', `listener ${spec.listener} of event ${spec.event}: the provider is not started`));
  }

  async stop(deadlineMs: number): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    await session.stop(deadlineMs);
    this.#forget(session);
  }

  #forget(session: S): void {
    if (this.#session === session) this.#session = undefined;
  }
}
