import { describe, expect, it } from '@jest/globals';
import { event, eventListener, MemoryProvider, upcaster } from '../../src/index.js';
import type { EventContext } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { gate, unique } from '../support/world.js';
import { failureOf, market } from './asking.js';
import { stranger } from './stranger.js';

describe('stop()', () => {
  it('ends what waits at once with a typed error, and takes the queue of the answers away; a manager started again asks as before', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock, broker } = shop;
    const never = gate<unknown>();
    let silent = true;
    await manager([responder(() => (silent ? never.promise : new Quote('again', 1)))]);
    const asking = await manager();
    await using other = await stranger(broker);
    const failed = failureOf(asking.request(new GetQuote(), Quote, { timeoutMs: 60_000 }));
    await clock.advance(100);
    expect(await other.queues.list('replies.')).toHaveLength(1);
    const before = clock.now();
    const stopping = asking.stop();
    expect(await failed).toMatchObject({ code: 'not-running', retryable: true });
    expect(clock.now()).toBe(before);
    await clock.advance(1000);
    await stopping;
    expect(await other.queues.list('replies.')).toEqual([]);
    silent = false;
    await asking.start();
    const quote = asking.request(new GetQuote(), Quote);
    await clock.advance(100);
    await expect(quote).resolves.toMatchObject({ symbol: 'again' });
    never.open(undefined);
  });

  it('lets a listener that runs have its answer', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    class Order {
      readonly n = 1;
    }
    event(unique('order'))(Order);
    const answer = gate<unknown>();
    const quotes: unknown[] = [];
    await manager([responder(() => answer.promise)]);
    class Buyer {
      async on(_order: Order, { request }: EventContext): Promise<void> {
        quotes.push(await request(new GetQuote(), Quote));
      }
    }
    eventListener(Order, unique('buyer'))(Buyer);
    const events = await manager([Buyer]);
    await events.sendEvent(new Order());
    await waitUntil(() => events.health().requests === 1);
    const stopping = events.stop({ deadlineMs: 5000 });
    await clock.advance(100);
    answer.open(new Quote('in time', 1));
    await clock.advance(100);
    await stopping;
    expect(quotes).toEqual([new Quote('in time', 1)]);
    expect(events.counters()).toMatchObject({ handled: 1, failed: 0 });
  });

  it('does not wait for an answer beyond its deadline', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, clock } = shop;
    class Order {
      readonly n = 1;
    }
    event(unique('order'))(Order);
    let failure: unknown;
    class Buyer {
      async on(_order: Order, { request }: EventContext): Promise<void> {
        failure = await failureOf(request(new GetQuote(), Quote, { timeoutMs: 60_000 }));
      }
    }
    eventListener(Order, unique('buyer'))(Buyer);
    const events = await manager([Buyer], { responderGraceMs: Infinity });
    await events.sendEvent(new Order());
    await waitUntil(() => events.health().requests === 1);
    const stopping = events.stop({ deadlineMs: 500 });
    await clock.advance(1500);
    await stopping;
    expect(failure).toMatchObject({ code: 'request-aborted' });
    expect(events.health().requests).toBe(0);
  });
});

describe('a manager', () => {
  it('that was not started yet is started by a request, and one that does not consume asks too', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, world, broker } = shop;
    await manager([responder(({ symbol }) => new Quote(symbol, 1))]);
    const idle = world.manager({ provider: new MemoryProvider({ broker }), consume: false });
    await expect(idle.request(new GetQuote('idle'), Quote)).resolves.toMatchObject({ symbol: 'idle' });
    expect(idle.state).toBe('running');
  });

  it('brings an answer of an older version up to date, though it listens to nothing', async () => {
    await using shop = market();
    const { manager, broker } = shop;
    class Total {
      readonly cents: number = 0;
    }
    event({ name: unique('total'), version: 2 })(Total);
    class GetTotal {
      readonly n = 1;
    }
    const name = unique('get-total');
    event({ name, reply: Total })(GetTotal);
    class Cents {
      up({ euros }: Record<string, unknown>): Record<string, unknown> {
        return { cents: Number(euros) * 100 };
      }
    }
    upcaster(Total, 1)(Cents);
    const events = await manager();
    await using other = await stranger(broker);
    const total = events.request(new GetTotal(), Total);
    const [request] = await other.received(name, 1);
    await other.send(request?.replyTo ?? '', '{"euros":3}', { correlationId: request?.correlationId ?? '' });
    await expect(total).resolves.toMatchObject({ cents: 300 });
  });
});
