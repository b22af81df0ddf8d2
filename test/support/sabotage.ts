import type { CopyOutcome, Delivery, ProviderSubscription, Settlement, SubscriptionSpec, WireMessage, WireSend } from '../../src/index.js';
import { Honest, resettled, resubscribed, type Deliver } from './honest.js';

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

export class LosesVersions extends Honest {
  override send(message: WireMessage, options: WireSend): Promise<void> {
    const kept = [...message.headers].filter(([name]) => name !== 'tidings_version' && name !== 'cloudEvents_dataschema');
    return super.send({ ...message, headers: new Map(kept) }, options);
  }
}

/** Loses what the protocol's own field says of the packing. */
export class ForgetsContentEncodings extends Honest {
  override subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    return super.subscribe(spec, (delivery) => {
      const { contentEncoding: _, ...message } = delivery.message;
      deliver({ ...resettled(delivery, (outcome) => delivery.settle(outcome)), message });
    });
  }
}

/** Gives text out as bytes. */
export class MixesUpTextAndBytes extends Honest {
  override subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    return super.subscribe(spec, (delivery) => {
      const { message } = delivery;
      deliver({ ...resettled(delivery, (outcome) => delivery.settle(outcome)), message: { ...message, body: Buffer.from(message.body) } });
    });
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
    return resubscribed(await super.subscribe(spec, deliver), { pause: () => Promise.resolve() });
  }
}

export class IgnoresLimits extends Honest {
  override async subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    return resubscribed(await super.subscribe(spec, deliver), { setLimit: () => undefined });
  }
}

export class OnlyRaisesLimits extends Honest {
  override async subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    let most = spec.concurrency + spec.prefetch;
    const inner = await super.subscribe(spec, deliver);
    const setLimit = (deliveries: number): void => {
      most = Math.max(most, deliveries);
      inner.setLimit(most);
    };
    return resubscribed(inner, { setLimit });
  }
}

/** What becomes of returns only. */
abstract class OtherReturns extends Honest {
  override async subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    const inner = await super.subscribe(spec, (delivery) => {
      deliver(
        resettled(delivery, (outcome) => (outcome.do === 'return' ? this.giveBack(delivery, () => inner) : delivery.settle(outcome))),
      );
    });
    return inner;
  }

  protected abstract giveBack(delivery: Delivery, subscription: () => ProviderSubscription): Promise<Settlement>;
}

export class KeepsReturnsUntilClosed extends OtherReturns {
  protected giveBack(): Promise<Settlement> {
    return Promise.resolve('settled');
  }
}

/** In a hot loop, if nobody else takes them. */
export class ReturnsAlwaysAtOnce extends OtherReturns {
  protected async giveBack(delivery: Delivery, subscription: () => ProviderSubscription): Promise<Settlement> {
    await subscription().pause();
    const settlement = await delivery.settle({ do: 'return' });
    subscription().open();
    return settlement;
  }
}

export class DropsReturns extends OtherReturns {
  protected giveBack(delivery: Delivery): Promise<Settlement> {
    return delivery.settle({ do: 'accept' });
  }
}

export class ReturnsToTheEnd extends OtherReturns {
  protected giveBack(delivery: Delivery): Promise<Settlement> {
    return delivery.settle({ do: 'copy', to: 'self', headers: {} });
  }
}

export class ForgetsWhatIsReturnedBeforeThePause extends Honest {
  override async subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    let paused = false;
    const inner = await super.subscribe(spec, (delivery) => {
      deliver(
        resettled(delivery, (outcome) => (outcome.do === 'return' && !paused ? Promise.resolve('settled') : delivery.settle(outcome))),
      );
    });
    const pause = async (): Promise<void> => {
      await inner.pause();
      paused = true;
    };
    return resubscribed(inner, { pause });
  }
}

export class DropsNotices extends OtherCopies {
  protected copy(delivery: Delivery, { notice: _, ...outcome }: CopyOutcome): Promise<Settlement> {
    return delivery.settle(outcome);
  }
}

/** Before the copy, so that others are told of what has not happened. */
export class TellsTooEarly extends OtherCopies {
  protected async copy(delivery: Delivery, { notice, ...outcome }: CopyOutcome): Promise<Settlement> {
    if (notice !== undefined) {
      const headers = new Map(delivery.message.headers);
      for (const [name, value] of Object.entries(notice.headers)) if (value !== undefined) headers.set(name, value);
      const { address, dedupeId } = notice;
      const options: WireSend = { address, routing: 'multicast', deadlineAt: this.clock.now() + 5_000, ...(dedupeId && { dedupeId }) };
      super.send({ ...delivery.message, headers }, options).catch(() => undefined);
    }
    return delivery.settle(outcome);
  }
}

export class TellsUnderTheHeadersOfTheCopy extends OtherCopies {
  protected copy(delivery: Delivery, outcome: CopyOutcome): Promise<Settlement> {
    const { notice, headers } = outcome;
    return delivery.settle(
      notice === undefined ? outcome : { ...outcome, notice: { ...notice, headers: { ...headers, ...notice.headers } } },
    );
  }
}

export class ForgetsTheIdsOfNotices extends OtherCopies {
  protected copy(delivery: Delivery, { notice, ...outcome }: CopyOutcome): Promise<Settlement> {
    if (notice === undefined) return delivery.settle(outcome);
    return delivery.settle({ ...outcome, notice: { address: notice.address, headers: notice.headers } });
  }
}

/** Holds the message up until the notice is taken. */
export class InsistsOnNotices extends OtherCopies {
  protected async copy(delivery: Delivery, { notice, ...outcome }: CopyOutcome): Promise<Settlement> {
    if (notice !== undefined) {
      const options: WireSend = { address: notice.address, routing: 'multicast', deadlineAt: this.clock.now() + 3_600_000 };
      while (
        !(await super.send(delivery.message, options).then(
          () => true,
          () => false,
        ))
      )
        await new Promise<void>((resolve) => this.clock.schedule(1_000, resolve));
    }
    return delivery.settle(outcome);
  }
}
