import type { Delivery, Outcome, Provider, SubscriptionSpec } from '../../src/index.js';
import { protocolOf } from '../../src/cli/torture/protocols.js';

/** For the command line's `--provider`, over AMQP or STOMP: settles what it is given before it is handled. */
export function createProvider(url: string): Provider {
  const provider = protocolOf(url).create(url);
  const subscribe = provider.subscribe.bind(provider);
  provider.subscribe = (spec: SubscriptionSpec, deliver: (delivery: Delivery) => void) =>
    subscribe(spec, (delivery) => {
      void delivery.settle({ do: 'accept' });
      deliver({
        message: delivery.message,
        // It comes too late, and that is the fault.
        settle: (outcome: Outcome) => delivery.settle(outcome),
      });
    });
  return provider;
}
