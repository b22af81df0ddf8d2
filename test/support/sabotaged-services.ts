import type {
  CopyOutcome,
  Delivery,
  ProviderHost,
  ProviderStart,
  ProviderSubscription,
  QueueAdmin,
  SubscriptionSpec,
  WireMessage,
  WireSend,
} from '../../src/core/provider.js';
import { TidingsError } from '../../src/core/errors.js';
import { Honest, resettled, type Deliver } from './honest.js';

/** What is sent only. */
abstract class OtherSends extends Honest {
  override send(message: WireMessage, options: WireSend): Promise<void> {
    return super.send(...this.other(message, options));
  }

  protected abstract other(message: WireMessage, options: WireSend): [WireMessage, WireSend];
}

export class ForgetsGroups extends OtherSends {
  protected other({ group: _, ...message }: WireMessage, options: WireSend): [WireMessage, WireSend] {
    return [message, options];
  }
}

export class ForgetsPriorities extends OtherSends {
  protected other({ priority: _, ...message }: WireMessage, options: WireSend): [WireMessage, WireSend] {
    return [message, options];
  }
}

export class ForgetsToExpire extends OtherSends {
  protected other(message: WireMessage, { expiresAt: _, ...options }: WireSend): [WireMessage, WireSend] {
    return [message, options];
  }
}

export class ForgetsWhereAnswersGo extends OtherSends {
  protected other({ replyTo: _, ...message }: WireMessage, options: WireSend): [WireMessage, WireSend] {
    return [message, options];
  }
}

export class MakesQueuesForAnswers extends OtherSends {
  protected other(message: WireMessage, { ifThere: _, ...options }: WireSend): [WireMessage, WireSend] {
    return [message, options];
  }
}

const secret = 'secret_group';

/** Says which group it is, but gives its messages to anybody. */
export class SpreadsGroups extends Honest {
  override send({ group, ...message }: WireMessage, options: WireSend): Promise<void> {
    return super.send(group === undefined ? message : { ...message, headers: new Map([...message.headers, [secret, group]]) }, options);
  }

  override subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    return super.subscribe(spec, (delivery) => {
      const group = delivery.message.headers.get(secret);
      const message = { ...delivery.message, ...(group === undefined ? undefined : { group }) };
      deliver({ ...resettled(delivery, (outcome) => delivery.settle(outcome)), message });
    });
  }
}

/** What is subscribed only. */
abstract class OtherSpecs extends Honest {
  override start(host: ProviderHost, options: ProviderStart): Promise<void> {
    return super.start(host, { ...options, specs: options.specs.map((spec) => this.other(spec)) });
  }

  override subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    return super.subscribe(this.other(spec), deliver);
  }

  protected abstract other(spec: SubscriptionSpec): SubscriptionSpec;
}

export class ForgetsToDiscard extends OtherSpecs {
  protected other({ discard: _, ...spec }: SubscriptionSpec): SubscriptionSpec {
    return spec;
  }
}

export class KnowsOnlyPatternsOfOneWord extends OtherSpecs {
  protected other(spec: SubscriptionSpec): SubscriptionSpec {
    return spec.pattern === true ? { ...spec, event: spec.event.replace('#', '*') } : spec;
  }
}

export class RefusesWhatComesLater extends Honest {
  #known: readonly SubscriptionSpec[] = [];

  override start(host: ProviderHost, options: ProviderStart): Promise<void> {
    this.#known = options.specs;
    return super.start(host, options);
  }

  override subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    if (!this.#known.some(({ queue }) => queue === spec.queue))
      return Promise.reject(new TidingsError('configuration', 'not at the start'));
    return super.subscribe(spec, deliver);
  }
}

/** Whoever consumes from its queue. */
export class SharesWhatComesLater extends Honest {
  override subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    return super.subscribe({ ...spec, shared: true }, deliver);
  }
}

/** Retries of a pattern reach all who listen to the address. */
export class RetriesPatternsForAll extends Honest {
  override subscribe(spec: SubscriptionSpec, deliver: Deliver): Promise<ProviderSubscription> {
    return super.subscribe(spec, (delivery) => {
      deliver(
        resettled(delivery, (outcome) =>
          outcome.do === 'copy' && outcome.to === 'self' && outcome.address !== undefined
            ? this.#again(delivery, outcome, outcome.address)
            : delivery.settle(outcome),
        ),
      );
    });
  }

  async #again(delivery: Delivery, { headers }: CopyOutcome, address: string): ReturnType<Delivery['settle']> {
    const changed = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
    const message = { ...delivery.message, headers: new Map([...delivery.message.headers, ...changed]) };
    await super.send(message, { address, routing: 'multicast', deadlineAt: this.clock.now() + 5_000 });
    return delivery.settle({ do: 'accept' });
  }
}

/** What an operator takes back or counts only. */
abstract class OtherQueues extends Honest {
  override get queues() {
    return Object.assign(Object.create(this.inner.queues) as typeof this.inner.queues, this.other(this.inner.queues));
  }

  protected abstract other(queues: QueueAdmin): Partial<QueueAdmin>;
}

export class TakesNothingBack extends OtherQueues {
  protected other(): Partial<QueueAdmin> {
    return { cancel: () => Promise.resolve(0) };
  }
}

/** Whatever its id. */
export class TakesEverythingBack extends OtherQueues {
  protected other(queues: QueueAdmin): Partial<QueueAdmin> {
    const cancel = async (address: string): Promise<number> => {
      const names = (await queues.list(address)).filter((name) => name.startsWith(`${address}::`));
      for (const name of names) await queues.take(name, {}, () => 'remove');
      return names.length;
    };
    return { cancel };
  }
}

export class CountsNothingAsExpired extends OtherQueues {
  protected other(): Partial<QueueAdmin> {
    return { expired: () => Promise.resolve(0) };
  }
}
