import { event } from 'tidings';

@event('payment.due')
export class PaymentDue {
  readonly orderId: string;
  readonly amount: number;

  constructor(orderId: string, amount: number) {
    this.orderId = orderId;
    this.amount = amount;
  }
}
