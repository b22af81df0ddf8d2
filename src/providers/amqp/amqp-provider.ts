import type { Capability } from '../../core/provider.js';
import { ArtemisProvider } from '../artemis/artemis-provider.js';
import { resolvedAmqpOptions } from './amqp-options.js';
import type { AmqpOptions } from './amqp-options.js';
import { AmqpSession } from './amqp-session.js';

/** Events over AMQP 1.0 to Apache ActiveMQ Artemis. */
export class AmqpProvider extends ArtemisProvider<AmqpSession> {
  readonly name = 'amqp';
  readonly capabilities: ReadonlySet<Capability> = new Set<Capability>([
    'durable',
    'delay',
    'dedupe',
    'anycast',
    'manage',
    'credit',
    'count',
    'tls',
  ]);

  /** @throws ConfigurationError with all mistakes at once. */
  constructor(options: AmqpOptions = {}) {
    const resolved = resolvedAmqpOptions(options);
    super('AmqpProvider', resolved, (host, specs) => new AmqpSession(resolved, host, specs));
  }
}
