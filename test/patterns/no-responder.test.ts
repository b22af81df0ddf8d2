import { describe, expect, it } from '@jest/globals';
import { MemoryProvider } from '../../src/index.js';
import type { MemoryBroker, Provider, QueueAdmin } from '../../src/index.js';
import { gate } from '../support/world.js';
import { failureOf, market } from './asking.js';

/** A provider that counts how often it is asked for consumers, and may say something else. */
function counting(broker: MemoryBroker, asked: number[], answer?: (real: Promise<number>) => Promise<number>): Provider {
  const provider = new MemoryProvider({ broker });
  const { queues } = provider;
  const watched: QueueAdmin = {
    count: (queue) => queues.count(queue),
    browse: (queue, options) => queues.browse(queue, options),
    take: (...args) => queues.take(...args),
    list: (prefix) => queues.list(prefix),
    expired: (queue) => queues.expired(queue),
    cancel: (address, id) => queues.cancel(address, id),
    consumers: (queue) => {
      asked.push(provider.clock.now());
      const real = queues.consumers(queue);
      return answer === undefined ? real : answer(real);
    },
  };
  Object.defineProperty(provider, 'queues', { value: watched });
  return provider;
}

describe('a request that nobody can answer', () => {
  it('fails fast, all that wait for it with two looks, and says who should listen and where', async () => {
    await using shop = market();
    const { GetQuote, Quote, name, manager, clock, broker } = shop;
    const asked: number[] = [];
    const events = await manager([], { provider: counting(broker, asked) });
    const before = clock.now();
    const failures = Array.from({ length: 100 }, () => failureOf(events.request(new GetQuote(), Quote, { timeoutMs: 60_000 })));
    await clock.advance(999);
    expect(events.health().requests).toBe(100);
    await clock.advance(30);
    expect(events.health().requests).toBe(0);
    const errors = (await Promise.all(failures)) as Error[];
    for (const error of errors) expect(error).toMatchObject({ code: 'no-responder', retryable: true });
    expect(errors[0]?.message).toContain(`'${name}::${name}'`);
    expect(asked.map((at) => Math.round((at - before) / 100))).toEqual([0, 10]);
  });

  it('waits for a responder that is only away for a moment', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const asking = await manager();
    const quote = asking.request(new GetQuote(), Quote, { timeoutMs: 60_000 });
    await clock.advance(900);
    await manager([responder(() => new Quote('back', 1))]);
    await clock.advance(500);
    await expect(quote).resolves.toMatchObject({ symbol: 'back' });
  });

  it('is looked for at most once in five seconds while there are responders', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock, broker } = shop;
    const asked: number[] = [];
    await manager([responder(() => new Quote())]);
    const asking = await manager([], { provider: counting(broker, asked) });
    for (let n = 0; n < 100; n++) {
      await asking.request(new GetQuote(), Quote);
      await clock.advance(99);
    }
    expect(asked.length).toBeGreaterThanOrEqual(1);
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it('that waits already is found out when the last responder goes and somebody asks again', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const never = gate<unknown>();
    const answering = await manager([responder(() => never.promise)]);
    const asking = await manager();
    const first = failureOf(asking.request(new GetQuote(), Quote, { timeoutMs: 60_000 }));
    await clock.advance(100);
    const stopping = answering.stop({ deadlineMs: 0 });
    await clock.advance(1000);
    await stopping;
    const second = failureOf(asking.request(new GetQuote(), Quote, { timeoutMs: 60_000 }));
    await clock.advance(7000);
    expect(await Promise.all([first, second])).toMatchObject([{ code: 'no-responder' }, { code: 'no-responder' }]);
    never.open(undefined);
  });

  it('waits for its deadline where the broker does not tell, or shall not be asked', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, clock, broker } = shop;
    const asked: number[] = [];
    const forbidden = counting(broker, asked, () => Promise.reject(new Error('forbidden')));
    const events = [await manager([], { provider: forbidden }), await manager([], { responderGraceMs: Infinity })];
    const failures = events.map((each) => failureOf(each.request(new GetQuote(), Quote, { timeoutMs: 4000 })));
    await clock.advance(3900);
    expect(events.map((each) => each.health().requests)).toEqual([1, 1]);
    await clock.advance(200);
    expect(await Promise.all(failures)).toMatchObject([{ code: 'request-timeout' }, { code: 'request-timeout' }]);
    expect(asked).toHaveLength(1);
  });

  it('of a multicast event waits for its deadline: nobody can tell who gets copies', async () => {
    await using shop = market({ routing: 'multicast' });
    const { GetQuote, Quote, manager, clock } = shop;
    const events = await manager();
    const failed = failureOf(events.request(new GetQuote(), Quote, { timeoutMs: 3000 }));
    await clock.advance(3100);
    expect(await failed).toMatchObject({ code: 'request-timeout' });
  });
});
