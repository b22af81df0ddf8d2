import type { Delivery, Outcome, ProviderSubscription, SubscriptionSpec } from '../../src/index.js';
import { AmqpProvider } from '../../src/providers/amqp/index.js';

/** For the command line's `--provider`: settles what it is given before it is handled. */
export function createProvider(url: string): AmqpProvider {
  return new AcceptsEarly({ url, idleTimeoutMs: 2_000, reconnect: { initialDelayMs: 50, maxDelayMs: 1_000 } });
}

class AcceptsEarly extends AmqpProvider {
  override subscribe(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void): Promise<ProviderSubscription> {
    return super.subscribe(spec, (delivery) => {
      void delivery.settle({ do: 'accept' });
      deliver({
        message: delivery.message,
        // Copies are written, as ever; that they settle nothing any more is the fault.
        settle: (outcome: Outcome) => delivery.settle(outcome),
      });
    });
  }
}
