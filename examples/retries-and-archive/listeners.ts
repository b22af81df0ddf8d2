import { inject } from 'inversify';
import { eventListener, faultListener } from 'tidings';
import type { EventContext, EventListener, Fault } from 'tidings';
import { PaymentDue } from './payment-due.js';
import { Bank, Progress } from './services.js';

@eventListener(PaymentDue, { name: 'example.cashier', retry: { initialDelayMs: 100, maxRetries: 5 } })
export class Cashier implements EventListener<PaymentDue> {
  constructor(
    @inject(Bank) private readonly bank: Bank,
    @inject(Progress) private readonly progress: Progress,
  ) {}

  async on(payment: PaymentDue, { attempt }: EventContext): Promise<void> {
    try {
      await this.bank.collect(payment.orderId);
    } catch (error) {
      console.log(`cashier: order ${payment.orderId}, attempt ${String(attempt)}: ${(error as Error).message}`);
      throw error;
    }
    console.log(`cashier: order ${payment.orderId}, attempt ${String(attempt)}: paid`);
    this.progress.reached(`${payment.orderId} paid`);
  }
}

/** A sibling: it has each event once, whatever the cashier does. */
@eventListener(PaymentDue, 'example.bookkeeper')
export class Bookkeeper implements EventListener<PaymentDue> {
  on(payment: PaymentDue): void {
    console.log(`bookkeeper: order ${payment.orderId}`);
  }
}

/** Told when an event has ended in an archive: the place for an alarm. */
@faultListener(PaymentDue, 'example.alarm')
export class Alarm {
  constructor(@inject(Progress) private readonly progress: Progress) {}

  on(payment: PaymentDue | undefined, fault: Fault): void {
    const order = payment?.orderId ?? 'of an event that could not be read';
    console.log(`alarm: order ${order} ended in the archive of ${fault.failed.listener}: ${fault.error.message}`);
    this.progress.reached('alarm');
  }
}
