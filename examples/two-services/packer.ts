import { eventListener } from 'tidings';
import type { EventContext, EventListener } from 'tidings';
import { OrderPlaced, ParcelSent } from './events.js';

@eventListener(OrderPlaced, 'two-services.packer')
export class Packer implements EventListener<OrderPlaced> {
  async on({ order, article }: OrderPlaced, context: EventContext): Promise<void> {
    console.log(`warehouse: packed ${article} for order ${String(order)}, attempt ${String(context.attempt)}`);
    // If this process dies before the parcel's event is confirmed, the order comes again.
    await context.sendEvent(new ParcelSent(order));
  }
}
