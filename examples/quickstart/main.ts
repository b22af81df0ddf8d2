/**
 * One process: an order is placed, a mailer and a stock keeper hear of it, and the session of the sender travels with the event.
 * In memory by default; over Artemis with TIDINGS_URL=amqp://artemis:artemis@localhost:5672.
 */
import 'reflect-metadata';
import { Container } from 'inversify';
import { EventManager, eventing, MemoryProvider } from 'tidings';
import type { Provider } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';
import { Finish } from './listeners.js';
import { OrderPlaced } from './order-placed.js';
import { SessionStore } from './session.js';

function provider(): Provider {
  const url = process.env['TIDINGS_URL'];
  return url === undefined ? new MemoryProvider() : new AmqpProvider({ url });
}

const container = new Container();
container.bind(SessionStore).toSelf().inSingletonScope();
container.bind(Finish).toSelf().inSingletonScope();
container.load(eventing({ provider: provider(), serviceName: 'quickstart' }));

const events = container.get(EventManager);
await events.start();
await container
  .get(SessionStore)
  .run('session-4711', () =>
    events.sendEvent(new OrderPlaced('0fa1c1a2-6d0f-4a3e-9c55-2d1f0f6b7a10', 99.5, new Date('2026-01-31T12:00:00Z'))),
  );
await container.get(Finish).over;
await events.stop();
console.log('stopped');
