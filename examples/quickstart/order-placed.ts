import { Type } from 'class-transformer';
import { IsPositive, IsUUID } from 'class-validator';
import { event } from 'tidings';

@event('order.placed')
export class OrderPlaced {
  @IsUUID() readonly orderId: string;
  @IsPositive() readonly total: number;
  @Type(() => Date) readonly at: Date;

  constructor(orderId: string, total: number, at = new Date()) {
    this.orderId = orderId;
    this.total = total;
    this.at = at;
  }
}
