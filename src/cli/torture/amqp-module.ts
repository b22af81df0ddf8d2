import { AmqpProvider } from '../../providers/amqp/amqp-provider.js';

/** A silence is found out, and a broker that is back is tried, within seconds. */
export function createProvider(url: string): AmqpProvider {
  return new AmqpProvider({ url, idleTimeoutMs: 2_000, reconnect: { initialDelayMs: 50, maxDelayMs: 1_000 } });
}
