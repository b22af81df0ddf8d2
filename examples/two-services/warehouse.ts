/** The second service: packs what was ordered and says so. Runs until it is told to stop. */
import 'reflect-metadata';
import { Container } from 'inversify';
import { EventManager, eventing, stopOnSignals } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';
import './packer.js';

const container = new Container();
container.load(
  eventing({
    provider: new AmqpProvider({ url: process.env['TIDINGS_URL'] ?? 'amqp://artemis:artemis@localhost:5672' }),
    serviceName: 'warehouse',
  }),
);
const events = container.get(EventManager);
await events.start();
stopOnSignals(events);
console.log('warehouse: ready');
