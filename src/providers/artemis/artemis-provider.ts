import { systemClock } from '../../core/clock.js';
import type { Clock } from '../../core/clock.js';
import type {
  Capability,
  Delivery,
  Provider,
  ProviderEndpoint,
  ProviderHost,
  ProviderStart,
  ProviderSubscription,
  QueueAdmin,
  QueueNaming,
  SubscriptionSpec,
  WireMessage,
  WireSend,
} from '../../core/provider.js';
import { CurrentSession } from '../network/current-session.js';
import type { BrokerSession } from '../network/current-session.js';
import { ArtemisQueues } from './artemis-queues.js';
import type { BrokerAccess } from './broker-access.js';

/** What lives from one start to its stop, over one protocol. */
export interface ArtemisSession extends BrokerSession {
  readonly clock: Clock;
  /** While it is connected. */
  readonly epoch: { readonly access: BrokerAccess } | undefined;
}

/** A provider to Artemis, whatever the protocol. */
export abstract class ArtemisProvider<S extends ArtemisSession> implements Provider {
  abstract readonly name: string;
  abstract readonly capabilities: ReadonlySet<Capability>;
  readonly queueNaming: QueueNaming;
  readonly endpoints: readonly ProviderEndpoint[];
  readonly queues: QueueAdmin;
  readonly #session: CurrentSession<S>;
  readonly #make: (host: ProviderHost, specs: readonly SubscriptionSpec[]) => S;

  /** `className`: for messages. */
  protected constructor(
    className: string,
    { queueNaming, endpoints }: { readonly queueNaming: QueueNaming; readonly endpoints: readonly ProviderEndpoint[] },
    make: (host: ProviderHost, specs: readonly SubscriptionSpec[]) => S,
  ) {
    this.queueNaming = queueNaming;
    this.endpoints = endpoints;
    this.#make = make;
    this.#session = new CurrentSession(className);
    this.queues = new ArtemisQueues(
      () => this.#session.now?.epoch?.access,
      () => this.#session.now?.clock ?? systemClock,
    );
  }

  start(host: ProviderHost, options: ProviderStart): Promise<void> {
    return this.#session.start(() => this.#make(host, options.specs), options);
  }

  send(message: WireMessage, options: WireSend): Promise<void> {
    return this.#session.send(message, options);
  }

  subscribe(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void): Promise<ProviderSubscription> {
    return this.#session.subscribe(spec, deliver);
  }

  stop({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    return this.#session.stop(deadlineMs);
  }
}
