import { MemoryProvider } from 'tidings';
import type { Provider } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';
import { StompProvider } from 'tidings/stomp';

const url = process.env['TIDINGS_URL'];

/** All that the program says of how its events travel. */
export function provider(): Provider {
  return url === undefined ? new MemoryProvider() : url.startsWith('amqp') ? new AmqpProvider({ url }) : new StompProvider({ url });
}
