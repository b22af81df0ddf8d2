import { IsInt, IsString, Min } from 'class-validator';
import { event } from 'tidings';

@event('request-response.quote')
export class Quote {
  @IsString() readonly symbol: string;
  @IsInt() @Min(0) readonly cents: number;
  @IsString() readonly broker: string;

  constructor(symbol: string, cents: number, broker: string) {
    this.symbol = symbol;
    this.cents = cents;
    this.broker = broker;
  }
}

/** Asked of one of all processes that can answer. */
@event({ name: 'request-response.get-quote', reply: Quote })
export class GetQuote {
  @IsString() readonly symbol: string;

  constructor(symbol: string) {
    this.symbol = symbol;
  }
}

/** Asked of everybody. */
@event({ name: 'request-response.get-offers', reply: Quote, routing: 'multicast' })
export class GetOffers {
  @IsString() readonly symbol: string;

  constructor(symbol: string) {
    this.symbol = symbol;
  }
}

/** Nobody listens to it. */
@event({ name: 'request-response.get-advice', reply: Quote })
export class GetAdvice {
  @IsString() readonly symbol: string;

  constructor(symbol: string) {
    this.symbol = symbol;
  }
}
