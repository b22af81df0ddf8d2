/**
 * Events without a class: a contract of schemas, a warehouse that hears of orders and sends parcels, and a customer service that hears of
 * those. In memory by default; over a broker with TIDINGS_URL=amqp://artemis:artemis@localhost:5672.
 */
import 'reflect-metadata';
import { Container } from 'inversify';
import { EventManager, eventing, InvalidEventError, MemoryProvider } from 'tidings';
import type { Provider } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';
import { OrderPlaced } from './contract.js';
import { Finish } from './listeners.js';

function provider(): Provider {
  const url = process.env['TIDINGS_URL'];
  return url === undefined ? new MemoryProvider() : new AmqpProvider({ url });
}

const container = new Container();
container.bind(Finish).toSelf().inSingletonScope();
container.load(eventing({ provider: provider(), serviceName: 'schema-first' }));
const events = container.get(EventManager);
await events.start();

const order = {
  orderId: '0fa1c1a2-6d0f-4a3e-9c55-2d1f0f6b7a10',
  at: '2026-01-31T12:00:00Z',
  lines: [{ article: 'a kettle' }, { article: 'a lamp', quantity: 2 }],
};

// What the schema does not take never leaves, and the number of the card is in no error.
await events.sendEvent(OrderPlaced, { ...order, at: 'yesterday', card: '4111 1111 1111 1111' }).catch((error: unknown) => {
  if (!(error instanceof InvalidEventError)) throw error;
  for (const { path, expected, received } of error.faults)
    console.log(`refused: ${path}, expected ${String(expected)}, received ${received ?? 'something that is not told'}`);
});

await events.sendEvent(OrderPlaced, { ...order, card: '4111111111111111' });
await container.get(Finish).reached;
await events.stop();
console.log('stopped');
