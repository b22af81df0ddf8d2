import { inject, injectable } from 'inversify';
import { eventListener } from 'tidings';
import type { EventContext, EventListener, EventOf } from 'tidings';
import { OrderPlaced, ParcelSent } from './contract.js';

/** Lets the example wait for its last event. */
@injectable()
export class Finish {
  over: () => void = () => undefined;
  readonly reached = new Promise<void>((resolve) => (this.over = resolve));
}

@eventListener(OrderPlaced, 'schema-first.warehouse')
export class Warehouse implements EventListener<EventOf<typeof OrderPlaced>> {
  async on({ orderId, at, lines }: EventOf<typeof OrderPlaced>, context: EventContext): Promise<void> {
    // A Date, and a quantity that nobody sent: both are what the schema made of the event.
    const pieces = lines.reduce((sum, { quantity }) => sum + quantity, 0);
    console.log(`warehouse: ${String(pieces)} pieces, ordered in ${String(at.getUTCFullYear())}`);
    await context.sendEvent(ParcelSent, { orderId, weight: `${String(pieces * 300)} g` });
  }
}

@eventListener(ParcelSent, 'schema-first.customer-service')
export class CustomerService implements EventListener<EventOf<typeof ParcelSent>> {
  constructor(@inject(Finish) private readonly finish: Finish) {}

  on({ weight }: EventOf<typeof ParcelSent>): void {
    console.log(`customer service: a parcel of ${weight.toFixed(0)} g is on its way`);
    this.finish.over();
  }
}
