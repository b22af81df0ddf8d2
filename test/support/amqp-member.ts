import { AmqpProvider } from '../../src/providers/amqp/index.js';
import { artemisUrl } from './artemis.js';

/** For the processes that the conformance suite starts. */
export function createProvider(): AmqpProvider {
  return new AmqpProvider({ url: artemisUrl() });
}
