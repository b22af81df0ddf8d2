import 'reflect-metadata';
import { expect } from '@jest/globals';
import { failureOf, market } from '../patterns/asking.js';
import { optionEffects } from './option-effects.js';

optionEffects('RequestOptions', {
  timeoutMs: async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const events = await manager([responder(() => undefined)]);
    const since = clock.now();
    const ended: number[] = [];
    const asked = [undefined, 100].map((timeoutMs) =>
      failureOf(events.request(new GetQuote(), Quote, { timeoutMs })).then((error) => {
        ended.push(clock.now() - since);
        return error;
      }),
    );
    await clock.advance(6000);
    expect(await Promise.all(asked)).toMatchObject([{ code: 'request-timeout' }, { code: 'request-timeout' }]);
    expect(ended[0]).toBeGreaterThanOrEqual(100);
    expect(ended[0]).toBeLessThan(200);
    expect(ended[1]).toBeGreaterThanOrEqual(5000);
  },
});

optionEffects('RequestAllOptions', {
  count: async () => {
    expect(await gathered({})).toEqual([1, 2, 3]);
    expect(await gathered({ count: 2 })).toEqual([1, 2]);
  },
  onError: async () => {
    const errors: Error[] = [];
    expect(await failureOf(gathered({}, true))).toMatchObject({ code: 'remote' });
    expect(await gathered({ onError: (error) => errors.push(error) }, true)).toEqual([1, 2, 3]);
    expect(errors).toMatchObject([{ message: 'no more' }]);
  },
});

/** The answers of a listener that has three, and then may fail. */
async function gathered(options: { count?: number; onError?: (error: Error) => void }, fails = false): Promise<number[]> {
  await using shop = market();
  const { GetQuote, Quote, manager, responder, clock } = shop;
  const events = await manager([
    responder(async ({ symbol }, { reply }) => {
      for (const cents of [1, 2, 3]) await reply(new Quote(symbol, cents));
      if (fails) throw new Error('no more');
    }),
  ]);
  const gathering = (async () => {
    const cents: number[] = [];
    for await (const quote of events.requestAll(new GetQuote(), Quote, { timeoutMs: 1000, ...options })) cents.push(quote.cents);
    return cents;
  })();
  // Handled where it is awaited.
  gathering.catch(() => undefined);
  await clock.advance(2000);
  return await gathering;
}
