/** The first service: places three orders and waits until their parcels are on the way. */
import 'reflect-metadata';
import { Container } from 'inversify';
import { EventManager, eventing, eventListener } from 'tidings';
import type { EventListener } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';
import { OrderPlaced, ParcelSent } from './events.js';

const waitingFor = new Set([1, 2, 3]);
let allSent: () => void = () => undefined;
const done = new Promise<void>((resolve) => (allSent = resolve));

@eventListener(ParcelSent, 'two-services.customer-service')
export class CustomerService implements EventListener<ParcelSent> {
  on({ order }: ParcelSent): void {
    console.log(`shop: the parcel of order ${String(order)} is on its way`);
    if (waitingFor.delete(order) && waitingFor.size === 0) allSent();
  }
}

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
