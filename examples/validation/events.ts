import { Type } from 'class-transformer';
import { ArrayNotEmpty, IsCreditCard, IsInt, IsPositive, IsString, IsUUID, ValidateNested } from 'class-validator';
import { event, Secret } from 'tidings';

export class Item {
  @IsString() readonly sku: string;
  @IsInt() @IsPositive() readonly quantity: number;

  constructor(sku: string, quantity: number) {
    this.sku = sku;
    this.quantity = quantity;
  }
}

export class Payment {
  @Secret() @IsCreditCard({ message: '$value is no card' }) readonly card: string;

  constructor(card: string) {
    this.card = card;
  }
}

@event('order.paid')
export class OrderPaid {
  @IsUUID() readonly orderId: string;
  @ArrayNotEmpty() @ValidateNested() @Type(() => Item) readonly items: readonly Item[];
  @ValidateNested() @Type(() => Payment) readonly payment: Payment;

  constructor(orderId: string, items: readonly Item[], payment: Payment) {
    this.orderId = orderId;
    this.items = items;
    this.payment = payment;
  }

  /** What no rule of a single field can say. Asked before the event is sent. */
  validate(): void {
    const skus = this.items.map(({ sku }) => sku);
    if (new Set(skus).size < skus.length) throw new Error('an article stands in the order twice');
  }
}
