import { MemoryProvider } from '../../src/index.js';
import type {
  CopyOutcome,
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

type Deliver = (delivery: Delivery) => void;

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
function resettled(delivery: Delivery, settle: (outcome: Outcome) => Promise<Settlement>): Delivery {
  return {
    message: delivery.message,
    ...(delivery.brokerCount === undefined ? {} : { brokerCount: delivery.brokerCount }),
    get stale() {
      return delivery.stale ?? false;
    },
    settle,
  };
}

/** What becomes of copies only. */
abstract class OtherCopies extends Honest {
  override subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    return super.subscribe(spec, (delivery) => {
      deliver(resettled(delivery, (outcome) => (outcome.do === 'copy' ? this.copy(delivery, outcome, spec) : delivery.settle(outcome))));
    });
  }

  protected abstract copy(delivery: Delivery, outcome: CopyOutcome, spec: SubscriptionSpec): Promise<Settlement>;
}

export class AcceptsEarly extends Honest {
  override subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    return super.subscribe(spec, (delivery) => {
      void delivery.settle({ do: 'accept' });
      deliver(resettled(delivery, () => Promise.resolve('settled')));
    });
  }
}

export class TellsSiblings extends Honest {
  readonly #all: { readonly event: string; readonly deliver: Deliver }[] = [];

  override subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    this.#all.push({ event: spec.event, deliver });
    return super.subscribe(spec, (delivery) => {
      for (const each of this.#all) {
        if (each.deliver === deliver) deliver(delivery);
        else if (each.event === spec.event) each.deliver(resettled(delivery, () => Promise.resolve('settled')));
      }
    });
  }
}

export class RefillsEarly extends Honest {
  override subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    return super.subscribe({ ...spec, prefetch: spec.prefetch + 1 }, deliver);
  }
}

export class LosesEmptyHeaders extends Honest {
  override send(message: WireMessage, options: WireSend): Promise<void> {
    return super.send({ ...message, headers: new Map([...message.headers].filter(([, value]) => value !== '')) }, options);
  }
}

export class SwallowsSendErrors extends Honest {
  override send(message: WireMessage, options: WireSend): Promise<void> {
    return super.send(message, options).catch(() => undefined);
  }
}

export class DoesNotAwaitConfirmations extends Honest {
  override async send(message: WireMessage, options: WireSend): Promise<void> {
    super.send(message, options).catch(() => undefined);
    return Promise.resolve();
  }
}

export class MixesTheOrder extends Honest {
  #sends = 0;

  override async send(message: WireMessage, options: WireSend): Promise<void> {
    if (this.#sends++ % 3 === 0) await new Promise((later) => setImmediate(later));
    return super.send(message, options);
  }
}

export class ForgetsDelays extends OtherCopies {
  override send(message: WireMessage, { notBefore: _, ...options }: WireSend): Promise<void> {
    return super.send(message, options);
  }

  protected copy(delivery: Delivery, { notBefore: _, ...outcome }: CopyOutcome): Promise<Settlement> {
    return delivery.settle(outcome);
  }
}

export class DoesNotAwaitCopies extends OtherCopies {
  protected copy(delivery: Delivery, outcome: CopyOutcome): Promise<Settlement> {
    void delivery.settle(outcome);
    return Promise.resolve('settled');
  }
}

export class DropsCopies extends OtherCopies {
  protected copy(delivery: Delivery): Promise<Settlement> {
    return delivery.settle({ do: 'accept' });
  }
}

/** Retries by sending to the address, so that every sibling has it again. */
export class RetriesForAll extends OtherCopies {
  protected async copy(delivery: Delivery, outcome: CopyOutcome, { event, routing }: SubscriptionSpec): Promise<Settlement> {
    if (outcome.to === 'archive') return delivery.settle(outcome);
    const headers = new Map(delivery.message.headers);
    for (const [name, value] of Object.entries(outcome.headers)) if (value !== undefined) headers.set(name, value);
    const { notBefore, dedupeId } = outcome;
    await super.send(
      { ...delivery.message, headers },
      { address: event, routing, deadlineAt: this.clock.now() + 5_000, ...(notBefore && { notBefore }), ...(dedupeId && { dedupeId }) },
    );
    return delivery.settle({ do: 'accept' });
  }
}

export class IgnoresPause extends Honest {
  override async subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    const inner = await super.subscribe(spec, deliver);
    return {
      get ready() {
        return inner.ready;
      },
      open: () => {
        inner.open();
      },
      pause: () => Promise.resolve(),
      close: () => inner.close(),
    };
  }
}
