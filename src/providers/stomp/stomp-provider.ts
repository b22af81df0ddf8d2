import type { Capability } from '../../core/provider.js';
import { ArtemisProvider } from '../artemis/artemis-provider.js';
import { toldEndpoints } from '../network/endpoints.js';
import { resolvedStompOptions } from './stomp-options.js';
import type { StompOptions } from './stomp-options.js';
import { StompSession } from './stomp-session.js';

const protocol = { scheme: 'stomp', plain: 'stomp', encrypted: 'stomps', version: '1.2' };

/** Events over STOMP 1.2 to Apache ActiveMQ Artemis. */
export class StompProvider extends ArtemisProvider<StompSession> {
  readonly name = 'stomp';
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
    'tls',
  ]);

  /** @throws ConfigurationError with all mistakes at once. */
  constructor(options: StompOptions = {}) {
    const resolved = resolvedStompOptions(options);
    const endpoints = toldEndpoints(resolved.endpoints, protocol);
    super('StompProvider', { ...resolved, endpoints }, (host, specs) => new StompSession(resolved, host, specs));
  }
}
