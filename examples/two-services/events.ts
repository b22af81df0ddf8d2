/** The contract that both services share; in real life a package of its own. */
import { IsInt, IsPositive, IsString } from 'class-validator';
import { event } from 'tidings';

@event('two-services.order.placed')
export class OrderPlaced {
  @IsInt() @IsPositive() readonly order: number;
  @IsString() readonly article: string;

  constructor(order: number, article: string) {
    this.order = order;
    this.article = article;
  }
}

@event('two-services.parcel.sent')
export class ParcelSent {
  @IsInt() @IsPositive() readonly order: number;

  constructor(order: number) {
    this.order = order;
  }
}
