import { MemoryProvider } from '../../src/index.js';
import type {
  Capability,
  Delivery,
  MemoryBroker,
  Outcome,
  Provider,
  ProviderHost,
  ProviderStart,
  ProviderSubscription,
  Settlement,
  SubscriptionSpec,
  WireMessage,
  WireSend,
} from '../../src/index.js';

export type Deliver = (delivery: Delivery) => void;

/** A memory provider that hands everything on, for others to break one thing of it. */
export class Honest implements Provider {
  protected readonly inner: MemoryProvider;

  constructor(broker: MemoryBroker) {
    this.inner = new MemoryProvider({ broker });
  }

  readonly name = 'sabotaged';

  get capabilities() {
    return this.inner.capabilities;
  }

  get queueNaming() {
    return this.inner.queueNaming;
  }

  get clock() {
    return this.inner.clock;
  }

  get queues() {
    return this.inner.queues;
  }

  start(host: ProviderHost, options: ProviderStart): Promise<void> {
    return this.inner.start(host, options);
  }

  send(message: WireMessage, options: WireSend): Promise<void> {
    return this.inner.send(message, options);
  }

  subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    return this.inner.subscribe(spec, deliver);
  }

  stop(options: { deadlineMs: number }): Promise<void> {
    return this.inner.stop(options);
  }
}

/** A delivery that is settled otherwise. */
export function resettled(delivery: Delivery, settle: (outcome: Outcome) => Promise<Settlement>): Delivery {
  return {
    message: delivery.message,
    ...(delivery.brokerCount === undefined ? {} : { brokerCount: delivery.brokerCount }),
    get stale() {
      return delivery.stale ?? false;
    },
    settle,
  };
}

/** A subscription that does something otherwise. */
export function resubscribed(inner: ProviderSubscription, changes: Partial<ProviderSubscription>): ProviderSubscription {
  return {
    get ready() {
      return inner.ready;
    },
    open: () => {
      inner.open();
    },
    pause: () => inner.pause(),
    setLimit: (deliveries) => {
      inner.setLimit(deliveries);
    },
    close: () => inner.close(),
    ...changes,
  };
}

/**
 * No sabotage: a protocol that gives back nothing but whole subscriptions, counts no deliveries and stops no senders. What is returned is
 * kept, and handed over once more when the subscription is opened again.
 */
export class ReturnsLate extends Honest {
  override get capabilities(): ReadonlySet<Capability> {
    return new Set([...super.capabilities].filter((capability) => capability !== 'count' && capability !== 'credit'));
  }

  override async subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    const kept = new Map<number, Delivery>();
    let arrived = 0;
    const handOver = (place: number, delivery: Delivery): void => {
      let isKept = false;
      const settle = (outcome: Outcome): Promise<Settlement> => {
        if (isKept) return Promise.resolve('settled');
        if (outcome.do !== 'return' || delivery.stale === true) return delivery.settle(outcome);
        isKept = true;
        kept.set(place, delivery);
        return Promise.resolve('settled');
      };
      deliver({
        message: delivery.message,
        get stale() {
          return delivery.stale ?? false;
        },
        settle,
      });
    };
    const inner = await super.subscribe(spec, (delivery) => {
      handOver(arrived++, delivery);
    });
    const open = (): void => {
      const again = [...kept].sort(([one], [other]) => one - other);
      kept.clear();
      for (const [place, delivery] of again) {
        if (delivery.stale === true) void delivery.settle({ do: 'return' });
        else handOver(place, delivery);
      }
      inner.open();
    };
    return resubscribed(inner, { open });
  }
}
