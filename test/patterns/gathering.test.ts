import { describe, expect, it } from '@jest/globals';
import { RemoteError } from '../../src/index.js';
import type { Class } from '../../src/index.js';
import { failureOf, market, type Market } from './asking.js';

/** So many listeners that answer with their number; `fails` has none. */
function responders(shop: Market, count: number, fails?: number): Class[] {
  return Array.from({ length: count }, (_, n) =>
    shop.responder(({ symbol }) => {
      if (n === fails) throw new RangeError(`no ${String(n)}`);
      return new shop.Quote(symbol, n);
    }),
  );
}

describe('requestAll()', () => {
  it('gives the answers of all, and ends at its time', async () => {
    await using shop = market({ routing: 'multicast' });
    const { GetQuote, Quote, manager, clock } = shop;
    const events = await manager(responders(shop, 3));
    const cents: number[] = [];
    const loop = (async () => {
      for await (const quote of events.requestAll(new GetQuote('all'), Quote, { timeoutMs: 1000 })) {
        expect(quote).toBeInstanceOf(Quote);
        cents.push(quote.cents);
      }
      return clock.now();
    })();
    const before = clock.now();
    await clock.advance(1100);
    expect((await loop) - before).toBeGreaterThanOrEqual(1000);
    expect(cents.sort()).toEqual([0, 1, 2]);
    expect(events.health().requests).toBe(0);
  });

  it('ends when so many have answered, and later ones are counted', async () => {
    await using shop = market({ routing: 'multicast' });
    const { GetQuote, Quote, manager, clock } = shop;
    const events = await manager(responders(shop, 3));
    const quotes: unknown[] = [];
    for await (const quote of events.requestAll(new GetQuote(), Quote, { count: 2, timeoutMs: 60_000 })) quotes.push(quote);
    expect(quotes).toHaveLength(2);
    await clock.advance(100);
    expect(events.counters().lateReplies).toBe(1);
    expect(events.health().requests).toBe(0);
  });

  it('throws the error of a responder, or tells it and goes on', async () => {
    await using shop = market({ routing: 'multicast' });
    const { GetQuote, Quote, manager, clock } = shop;
    const events = await manager(responders(shop, 3, 1));
    const all = async (options: object): Promise<number> => {
      let count = 0;
      for await (const quote of events.requestAll(new GetQuote(), Quote, { timeoutMs: 500, ...options })) count += quote.cents < 5 ? 1 : 0;
      return count;
    };
    const failed = failureOf(all({}));
    await clock.advance(600);
    expect(await failed).toBeInstanceOf(RemoteError);
    const told: Error[] = [];
    const rest = all({ onError: (error: Error) => told.push(error) });
    await clock.advance(600);
    expect(await rest).toBe(2);
    expect(told).toMatchObject([{ remoteName: 'RangeError', message: 'no 1' }]);
  });

  it('is sent when the loop begins, and nothing waits any more when it is left', async () => {
    await using shop = market({ routing: 'multicast' });
    const { GetQuote, Quote, manager } = shop;
    const events = await manager(responders(shop, 3));
    const answers = events.requestAll(new GetQuote(), Quote, { timeoutMs: 60_000 });
    expect(events.health().requests).toBe(0);
    for await (const quote of answers) {
      expect(quote.symbol).toBe('ABC');
      break;
    }
    expect(events.health().requests).toBe(0);
  });

  it('throws when nobody is there, when it is aborted, and when the manager stops', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, clock } = shop;
    const events = await manager();
    const first = (options: object): Promise<unknown> => {
      const answers = events.requestAll(new GetQuote(), Quote, { timeoutMs: 60_000, ...options });
      return failureOf(answers[Symbol.asyncIterator]().next());
    };
    const alone = first({});
    await clock.advance(1100);
    expect(await alone).toMatchObject({ code: 'no-responder' });
    const controller = new AbortController();
    const aborted = first({ signal: controller.signal });
    await clock.advance(10);
    controller.abort();
    expect(await aborted).toMatchObject({ code: 'request-aborted' });
    const stopped = first({});
    await clock.advance(10);
    const stopping = events.stop();
    expect(await stopped).toMatchObject({ code: 'not-running' });
    await clock.advance(1000);
    await stopping;
  });
});
