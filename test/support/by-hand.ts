import { randomUUID } from 'node:crypto';
import type { Capability, Delivery, Outcome, Provider, ProviderHost, SubscriptionSpec, WireMessage } from '../../src/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

/** A broker whose deliveries are made by the test, with whatever count. */
export class ByHand implements Provider {
  readonly name = 'by-hand';
  readonly capabilities = new Set<Capability>(['count', 'delay']);
  readonly clock = new VirtualClock();
  /** What `pause()` comes to. */
  pausing: () => Promise<void> = () => Promise.resolve();
  /** When what is settled is settled. */
  settling: () => Promise<void> = () => Promise.resolve();
  readonly #delivering = new Map<string, (delivery: Delivery) => void>();

  start({ onState }: ProviderHost): Promise<void> {
    onState({ state: 'connected' });
    return Promise.resolve();
  }

  subscribe({ listener }: SubscriptionSpec, deliver: (delivery: Delivery) => void) {
    this.#delivering.set(listener, deliver);
    return Promise.resolve({
      ready: true,
      open: () => undefined,
      pause: () => this.pausing(),
      setLimit: () => undefined,
      close: () => Promise.resolve(),
    });
  }

  send(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  /** Returns what becomes of it. */
  deliver(listener: string, n: number, brokerCount = 0, group?: string): Outcome[] {
    const outcomes: Outcome[] = [];
    const settle = (outcome: Outcome): Promise<'settled'> => {
      outcomes.push(outcome);
      return this.settling().then(() => 'settled');
    };
    const message: WireMessage = {
      body: JSON.stringify({ n }),
      headers: new Map([['tidings_id', randomUUID()]]),
      durable: true,
      ...(group === undefined ? undefined : { group }),
    };
    this.#delivering.get(listener)?.({ message, brokerCount, settle });
    return outcomes;
  }
}
