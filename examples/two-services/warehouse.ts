/** The second service: packs what was ordered and says so. Runs until it is told to stop. */
import 'reflect-metadata';
import { Container } from 'inversify';
import { EventManager, eventing, eventListener, stopOnSignals } from 'tidings';
import type { EventContext, EventListener } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';
import { OrderPlaced, ParcelSent } from './events.js';

@eventListener(OrderPlaced, 'two-services.packer')
export class Packer implements EventListener<OrderPlaced> {
  async on({ order, article }: OrderPlaced, context: EventContext): Promise<void> {
    console.log(`warehouse: packed ${article} for order ${String(order)}, attempt ${String(context.attempt)}`);
    // If this process dies before the parcel's event is confirmed, the order comes again.
    await context.sendEvent(new ParcelSent(order));
  }
}

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
