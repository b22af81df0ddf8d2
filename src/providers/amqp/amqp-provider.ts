import type { Capability } from '../../core/provider.js';
import { ArtemisProvider } from '../artemis/artemis-provider.js';
import { toldEndpoints } from '../network/endpoints.js';
import { resolvedAmqpOptions } from './amqp-options.js';
import type { AmqpOptions } from './amqp-options.js';
import { AmqpSession } from './amqp-session.js';

const protocol = { scheme: 'amqp', plain: 'amqp1', encrypted: 'amqp1', version: '1.0' };

/** Events over AMQP 1.0 to Apache ActiveMQ Artemis. */
export class AmqpProvider extends ArtemisProvider<AmqpSession> {
  readonly name = 'amqp';
  readonly capabilities: ReadonlySet<Capability> = new Set<Capability>([
    'durable',
    'delay',
    'dedupe',
    'ttl',
    'priority',
    'keys',
    'anycast',
    'reply',
    'patterns',
    'manage',
    'cancel',
    'credit',
    'count',
    'tls',
  ]);

  /** @throws ConfigurationError with all mistakes at once. */
  constructor(options: AmqpOptions = {}) {
    const resolved = resolvedAmqpOptions(options);
    const endpoints = toldEndpoints(resolved.endpoints, protocol);
    super('AmqpProvider', { ...resolved, endpoints }, (host, specs) => new AmqpSession(resolved, host, specs));
  }
}
