/** The first service: places three orders and waits until their parcels are on the way. */
import 'reflect-metadata';
import { Container } from 'inversify';
import { EventManager, eventing } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';
import { done } from './customer-service.js';
import { OrderPlaced } from './events.js';

const container = new Container();
container.load(
  eventing({
    provider: new AmqpProvider({ url: process.env['TIDINGS_URL'] ?? 'amqp://artemis:artemis@localhost:5672' }),
    serviceName: 'shop',
  }),
);
const events = container.get(EventManager);
await events.start();
await events.sendEvents([new OrderPlaced(1, 'a kettle'), new OrderPlaced(2, 'a lamp'), new OrderPlaced(3, 'a chair')]);
await done;
await events.stop();
