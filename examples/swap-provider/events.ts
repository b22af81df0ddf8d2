import { event } from 'tidings';

@event('swap.payment.due')
export class PaymentDue {
  readonly order: string;
  readonly amount: number;

  constructor(order: string, amount: number) {
    this.order = order;
    this.amount = amount;
  }
}

@event('swap.payment.collected')
export class PaymentCollected {
  readonly order: string;

  constructor(order: string) {
    this.order = order;
  }
}
