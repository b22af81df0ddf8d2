import { eventListener } from 'tidings';
import type { EventContext, EventListener } from 'tidings';
import { GetOffers, GetQuote, Quote } from './events.js';

class NotListed extends Error {
  readonly code = 'NOT_LISTED';
}

const prices = new Map([['ACME', 4711]]);

/** What it returns is the answer; what it throws comes back as a RemoteError. */
@eventListener(GetQuote, 'request-response.exchange')
export class Exchange implements EventListener<GetQuote, Quote> {
  on({ symbol }: GetQuote): Quote {
    const cents = prices.get(symbol);
    if (cents === undefined) throw new NotListed(`${symbol} is not listed`);
    return new Quote(symbol, cents, 'exchange');
  }
}

@eventListener(GetOffers, 'request-response.north')
export class North implements EventListener<GetOffers, Quote> {
  on({ symbol }: GetOffers): Quote {
    return new Quote(symbol, 4700, 'north');
  }
}

/** Has two offers. */
@eventListener(GetOffers, 'request-response.south')
export class South implements EventListener<GetOffers> {
  async on({ symbol }: GetOffers, context: EventContext): Promise<void> {
    await context.reply(new Quote(symbol, 4650, 'south'));
    await context.reply(new Quote(symbol, 4600, 'south, from two on'));
  }
}
