import { inject } from 'inversify';
import { eventListener, faultListener } from 'tidings';
import type { EventContext, EventListener, Fault } from 'tidings';
import { PaymentCollected, PaymentDue } from './events.js';
import { Bank, Progress } from './services.js';
import { Session } from './session.js';

@eventListener(PaymentDue, { name: 'swap.cashier', retry: { initialDelayMs: 100, maxRetries: 5 } })
export class Cashier implements EventListener<PaymentDue> {
  constructor(
    @inject(Bank) private readonly bank: Bank,
    @inject(Session) private readonly session: Session,
    @inject(Progress) private readonly progress: Progress,
  ) {}

  async on({ order, amount }: PaymentDue, { attempt, sendEvent }: EventContext): Promise<void> {
    const what = `cashier: ${String(amount)} for order ${order} (session ${this.session.id}, attempt ${String(attempt)})`;
    try {
      await this.bank.collect(order);
    } catch (error) {
      console.log(`${what}: ${(error as Error).message}`);
      throw error;
    }
    console.log(`${what}: paid`);
    await sendEvent(new PaymentCollected(order));
    this.progress.reached(`${order} paid`);
  }
}

@faultListener(PaymentDue, 'swap.alarm')
export class Alarm {
  constructor(@inject(Progress) private readonly progress: Progress) {}

  on(payment: PaymentDue | undefined, { failed, reason }: Fault): void {
    console.log(`alarm: order ${payment?.order ?? 'unknown'} is in the archive of ${failed.listener} (${reason})`);
    this.progress.reached('alarm');
  }
}

@eventListener(PaymentCollected, 'swap.shop')
export class Shop implements EventListener<PaymentCollected> {
  constructor(@inject(Progress) private readonly progress: Progress) {}

  on({ order }: PaymentCollected): void {
    this.progress.reached(`${order} sold`);
  }
}
