import type { Delivery, Outcome, ProviderSubscription, Settlement, SubscriptionSpec, WireMessage } from '../../core/provider.js';

/** What was delivered for one subscription at the provider's own level. */
export class Inbox {
  readonly spec: SubscriptionSpec;
  readonly deliveries: Delivery[] = [];
  /** Most deliveries held unsettled at one time. */
  mostHeld = 0;
  readonly #held = new Set<Delivery>();
  #accepting = false;
  #subscription: ProviderSubscription | undefined;

  constructor(spec: SubscriptionSpec) {
    this.spec = spec;
  }

  get subscription(): ProviderSubscription {
    if (this.#subscription === undefined) throw new Error(`${this.spec.queue} is not subscribed yet`);
    return this.#subscription;
  }

  set subscription(subscription: ProviderSubscription) {
    this.#subscription = subscription;
  }

  get count(): number {
    return this.deliveries.length;
  }

  get bodies(): string[] {
    return this.deliveries.map(({ message }) => bodyText(message));
  }

  /** How many are not settled yet. */
  get held(): number {
    return this.#held.size;
  }

  /** Accepts what is held and what comes from now on. */
  set accepting(on: boolean) {
    this.#accepting = on;
    if (on) for (const delivery of this.#held) void this.settle(delivery, { do: 'accept' });
  }

  readonly deliver = (delivery: Delivery): void => {
    this.deliveries.push(delivery);
    this.#held.add(delivery);
    this.mostHeld = Math.max(this.mostHeld, this.#held.size);
    if (this.#accepting) void this.settle(delivery, { do: 'accept' });
  };

  at(index: number): Delivery {
    const found = this.deliveries.at(index);
    if (found === undefined) throw new Error(`there is no delivery ${String(index)} of ${this.spec.queue}`);
    return found;
  }

  settle(delivery: Delivery, outcome: Outcome): Promise<Settlement> {
    // From here on it is the provider's to say when there is place for another.
    this.#held.delete(delivery);
    return delivery.settle(outcome);
  }

  accept(index: number): Promise<Settlement> {
    return this.settle(this.at(index), { do: 'accept' });
  }
  async acceptOldest(): Promise<void> {
    const [oldest] = this.#held;
    if (oldest !== undefined) await this.settle(oldest, { do: 'accept' });
  }
}

export function bodyText({ body }: WireMessage): string {
  return typeof body === 'string' ? body : new TextDecoder().decode(body);
}
