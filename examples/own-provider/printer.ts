import { event, eventListener } from 'tidings';
import type { EventContext, EventListener } from 'tidings';

@event('order.placed')
export class OrderPlaced {
  readonly orderId: string;

  constructor(orderId: string) {
    this.orderId = orderId;
  }
}

@eventListener(OrderPlaced, { name: 'example.printer', retry: { initialDelayMs: 50 } })
export class Printer implements EventListener<OrderPlaced> {
  static readonly printed = new Set<string>();

  on(order: OrderPlaced, { attempt }: EventContext): void {
    console.log(`printer: order ${order.orderId}, attempt ${String(attempt)}`);
    if (attempt === 1) throw new Error('no paper');
    Printer.printed.add(order.orderId);
  }
}
