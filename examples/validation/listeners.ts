import { inject, injectable } from 'inversify';
import { eventListener, faultListener } from 'tidings';
import type { EventListener, Fault } from 'tidings';
import { OrderPaid } from './events.js';

/** Lets the example wait for what happens elsewhere. */
@injectable()
export class Progress {
  readonly #waiting = new Map<string, () => void>();
  readonly #seen = new Set<string>();

  reached(what: string): void {
    this.#seen.add(what);
    this.#waiting.get(what)?.();
  }

  async of(what: string): Promise<void> {
    if (!this.#seen.has(what)) await new Promise<void>((resolve) => this.#waiting.set(what, resolve));
  }
}

@eventListener(OrderPaid, 'example.packer')
export class Packer implements EventListener<OrderPaid> {
  constructor(@inject(Progress) private readonly progress: Progress) {}

  on(order: OrderPaid): void {
    console.log(`packer: order ${order.orderId} with ${String(order.items.length)} item`);
    this.progress.reached('packed');
  }
}

@faultListener(OrderPaid, 'example.alarm')
export class Alarm {
  constructor(@inject(Progress) private readonly progress: Progress) {}

  on(_order: OrderPaid | undefined, fault: Fault): void {
    console.log(`alarm: ${fault.failed.listener} was given what is ${fault.reason}`);
    this.progress.reached('archived');
  }
}
