import { describe, expect, it } from '@jest/globals';
import { event, eventListener, RemoteError, Unrecoverable } from '../../src/index.js';
import type { EventContext, TidingsError, WireMessage } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { gate, unique } from '../support/world.js';
import { failureOf, market, type Ask, type Market } from './asking.js';
import { stranger } from './stranger.js';

class NotListed extends Error {
  readonly code = 'E_NOT_LISTED';
  readonly password = 'hunter2';
}

/** What is no error may be thrown too. */
const aText: unknown = 'a text';

/** What asking comes to when the listener throws. */
async function thrownBy(shop: Market, throws: (ask: Ask, context: EventContext) => unknown, options = {}): Promise<RemoteError> {
  const events = await shop.manager([shop.responder(throws)], options);
  return (await failureOf(events.request(new shop.GetQuote(), shop.Quote))) as RemoteError;
}

describe("a listener's error", () => {
  it('comes back with name, message and code, and with nothing else of it; it is neither retried nor archived', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, world, clock } = shop;
    let calls = 0;
    const Failing = responder(() => {
      calls++;
      throw new NotListed('ABC is not listed');
    });
    const answering = await manager([Failing]);
    const asking = await manager();
    const error = (await failureOf(asking.request(new GetQuote(), Quote))) as RemoteError;
    expect(RemoteError.is(error)).toBe(true);
    expect(error).toMatchObject({ code: 'remote', message: 'ABC is not listed', remoteName: 'NotListed', remoteCode: 'E_NOT_LISTED' });
    expect(error.remoteStack).toBeUndefined();
    expect(JSON.stringify(error) + world.logger.text()).not.toContain('hunter2');
    await clock.advance(60_000);
    expect(calls).toBe(1);
    expect(answering.counters()).toMatchObject({ failed: 1, retried: 0, archived: 0, discarded: 0, answered: 1 });
    expect(world.logger.text()).toContain('a request failed, and whoever sent it is told');
    expect(await answering.archive(Failing).count()).toBe(0);
  });

  it('brings its stack only where the manager says replyStacks, and is cut to a bearable length', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder } = shop;
    const long = 'x'.repeat(5000);
    const events = await manager(
      [
        responder(() => {
          throw new Error(long);
        }),
      ],
      { replyStacks: true },
    );
    const error = (await failureOf(events.request(new GetQuote(), Quote))) as RemoteError;
    expect(error.message).toHaveLength(1000);
    expect(error.remoteStack).toHaveLength(4000);
    expect(error.remoteStack).toContain('Error: xxx');
  });

  it.each([
    ['Unrecoverable', () => Promise.reject(new Unrecoverable('never')), { remoteName: 'Unrecoverable', message: 'never' }],
    ['a text', () => Promise.reject(aText as Error), { message: 'a text' }],
    ['undefined', () => Promise.reject(undefined as unknown as Error), { message: 'undefined' }],
  ])('may be anything: %s', async (_name, throws, expected) => {
    await using shop = market();
    expect(await thrownBy(shop, throws)).toMatchObject(expected);
  });

  it('is retried where the listener says retry, with its attempts counted, and told when those are used up', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const attempts: [number, number][] = [];
    const Flaky = responder(
      ({ symbol }, { attempt, maxAttempts }) => {
        attempts.push([attempt, maxAttempts]);
        if (symbol === 'never' || attempt < 3) throw new Error(`failed ${String(attempt)}`);
        return new Quote(symbol, attempt);
      },
      { retry: { maxRetries: 2, initialDelayMs: 100, jitter: 'none' } },
    );
    const events = await manager([Flaky]);
    const quote = events.request(new GetQuote('at last'), Quote);
    await clock.advance(1000);
    await expect(quote).resolves.toEqual(new Quote('at last', 3));
    const failed = failureOf(events.request(new GetQuote('never'), Quote));
    await clock.advance(1000);
    expect(await failed).toMatchObject({ message: 'failed 3' });
    expect(attempts).toEqual([1, 2, 3, 1, 2, 3].map((attempt) => [attempt, 3]));
    expect(events.counters()).toMatchObject({ retried: 4, archived: 0 });
  });

  it('is that it took too long, at its timeoutMs; what it returns later is no answer', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const slow = gate<unknown>();
    let late: Promise<unknown> = Promise.resolve();
    const events = await manager([
      responder(
        (_ask, context) => {
          late = slow.promise.then(() => failureOf(context.reply(new Quote())));
          return slow.promise;
        },
        { timeoutMs: 200 },
      ),
    ]);
    const failed = failureOf(events.request(new GetQuote(), Quote));
    await clock.advance(300);
    expect(await failed).toMatchObject({ remoteName: 'TidingsError', remoteCode: 'listener-timeout' });
    slow.open(new Quote());
    expect(await late).toMatchObject({ code: 'not-a-request' });
    await clock.advance(100);
    expect(events.counters()).toMatchObject({ answered: 1, lateReplies: 0, late: 1 });
  });

  it('of what cannot be read is told, and the message archived', async () => {
    await using shop = market();
    const { name, manager, responder, broker } = shop;
    const Responder = responder(() => undefined);
    const events = await manager([Responder]);
    await using other = await stranger(broker);
    await other.listen('answers.of.stranger');
    await other.send(name, '{"symbol": 7}', { replyTo: 'answers.of.stranger', correlationId: 'c-1' });
    await other.send(name, 'no json', { replyTo: 'answers.of.stranger', correlationId: 'c-2' });
    const answers = await other.received('answers.of.stranger', 2);
    expect(answers.map(({ correlationId }) => correlationId).sort()).toEqual(['c-1', 'c-2']);
    const errors = answers.map(({ headers }) => JSON.parse(headers.get('tidings_reply_error') ?? '') as { name: string; code: string });
    expect(errors.map(({ code }) => code).sort()).toEqual(['invalid-event', 'undecodable']);
    await waitUntil(async () => (await events.archive(Responder).count()) === 2);
  });
});

describe('context.reply()', () => {
  it('answers several times, also after the listener has ended; the first counts, the others are late', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const later = gate();
    const events = await manager([
      responder((_ask, { reply }) => {
        void later.promise.then(async () => {
          await reply(new Quote('first', 1));
          await reply({ symbol: 'second', cents: 2 });
        });
      }),
    ]);
    const quote = events.request(new GetQuote(), Quote);
    await clock.advance(100);
    // The request is done, and nobody has answered it yet.
    expect(events.counters()).toMatchObject({ handled: 1, answered: 0 });
    later.open();
    await expect(quote).resolves.toEqual(new Quote('first', 1));
    await clock.advance(100);
    expect(events.counters()).toMatchObject({ answered: 2, lateReplies: 1 });
  });

  it('is awaited before the request is settled, and one that cannot be sent fails the attempt', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder } = shop;
    const events = await manager([
      responder((_ask, context) => {
        void context.reply({ symbol: 'x', cents: 'many' });
      }),
    ]);
    expect(await failureOf(events.request(new GetQuote(), Quote))).toMatchObject({ remoteName: 'InvalidEventError' });
  });

  it('rejects where nobody waits: for an event that is no request, and after the time of one', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const later = gate();
    const failures: Promise<unknown>[] = [];
    const events = await manager([
      responder((_ask, context) => {
        failures.push(later.promise.then(() => failureOf(context.reply(new Quote()))));
        // What is returned for an ordinary event is nobody's business.
        return 7;
      }),
    ]);
    await events.sendEvent(new GetQuote());
    await clock.advance(10);
    const failed = failureOf(events.request(new GetQuote(), Quote, { timeoutMs: 100 }));
    await clock.advance(1000);
    expect(await failed).toMatchObject({ remoteCode: 'not-an-event' });
    later.open();
    expect(await Promise.all(failures)).toMatchObject([{ code: 'not-a-request' }, { code: 'not-a-request' }]);
    expect(events.counters()).toMatchObject({ handled: 1, archived: 0 });
  });
});

describe('a program that knows nothing of this one', () => {
  it('gets JSON, with the correlation id of its request, or for want of one its message id', async () => {
    await using shop = market();
    const { Quote, name, manager, responder, broker } = shop;
    await manager([responder(({ symbol }) => new Quote(symbol, 5))]);
    await using other = await stranger(broker);
    await other.listen('mine.alone');
    await other.send(name, '{"symbol":"A"}', { replyTo: 'mine.alone', correlationId: 'c-1', nativeId: 'm-1' });
    await other.send(name, '{"symbol":"B"}', { replyTo: 'mine.alone', nativeId: 'm-2' });
    const answers = await other.received('mine.alone', 2);
    expect(answers.map(({ correlationId, body, durable }) => [correlationId, body, durable])).toEqual([
      ['c-1', '{"symbol":"A","cents":5}', false],
      ['m-2', '{"symbol":"B","cents":5}', false],
    ]);
  });

  it('cannot make a listener write to an address of the broker itself', async () => {
    await using shop = market();
    const { Quote, name, manager, responder, broker, world } = shop;
    const events = await manager([responder(() => new Quote())]);
    await using other = await stranger(broker);
    await other.send(name, '{"symbol":"A"}', { replyTo: 'activemq.management' });
    await waitUntil(() => events.counters().failed === 1);
    await waitUntil(() => world.logger.text().includes('could not be told'));
    expect(await other.queues.list('activemq')).toEqual([]);
  });

  it('may answer: what has the correlation id is the answer, an unreadable or invalid one an error, and others nobody gets', async () => {
    await using shop = market();
    const { GetQuote, Quote, name, manager, broker } = shop;
    const events = await manager();
    await using other = await stranger(broker);
    const asked = ['good', 'invalid', 'broken', 'failed', 'garbled'].map((symbol) => {
      const promise = events.request(new GetQuote(symbol), Quote);
      return promise.catch((error: unknown) => error as TidingsError);
    });
    const requests = await other.received(name, 5);
    const answer = async (request: WireMessage | undefined, body: string, headers = {}): Promise<void> => {
      expect(request?.replyTo).toMatch(/^replies\./);
      expect(request?.headers.get('tidings_expires_at')).toMatch(/Z$/);
      await other.send(request?.replyTo ?? '', body, { correlationId: request?.correlationId ?? '' }, headers);
    };
    await other.send(requests[0]?.replyTo ?? '', '{"symbol":"wrong","cents":1}', { correlationId: 'of nobody' });
    await answer(requests[0], '{"symbol":"good","cents":1}');
    await answer(requests[1], '{"symbol":"good","cents":-1}');
    await answer(requests[2], 'no json');
    await answer(requests[3], '', { tidings_reply_error: '{"name":"Full","message":"no room","code":"E1"}' });
    await answer(requests[4], '', { tidings_reply_error: 'not even json' });
    const [good, ...bad] = await Promise.all(asked);
    expect(good).toEqual(new Quote('good', 1));
    expect(bad).toMatchObject([
      { code: 'invalid-event' },
      { code: 'undecodable' },
      { code: 'remote', remoteName: 'Full', message: 'no room', remoteCode: 'E1' },
      { code: 'remote', remoteName: 'Error' },
    ]);
    expect(events.counters().lateReplies).toBe(1);
    expect(events.health().requests).toBe(0);
  });
});

describe('asking on behalf of an event', () => {
  it('stays in its conversation, and is awaited before that is settled', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder } = shop;
    class Order {
      readonly n = 1;
    }
    event(unique('order'))(Order);
    const seen: (string | undefined)[] = [];
    const Responder = responder(({ symbol }, { envelope }) => {
      seen.push(envelope.correlationId, envelope.causationId);
      return new Quote(symbol, 2);
    });
    class Buyer {
      async on(_order: Order, { request }: EventContext): Promise<void> {
        const quote = await request(new GetQuote('linked'), Quote);
        seen.push(quote.symbol);
      }
    }
    eventListener(Order, unique('buyer'))(Buyer);
    const events = await manager([Buyer, Responder], { context: 'explicit' });
    const { id } = await events.sendEvent(new Order(), { correlationId: 'all of it' });
    await waitUntil(() => seen.length === 3);
    expect(seen).toEqual(['all of it', id, 'linked']);
  });

  it('ends with it, at its timeout', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, clock } = shop;
    class Order {
      readonly n = 1;
    }
    event(unique('order'))(Order);
    let failure: unknown;
    class Buyer {
      async on(_order: Order, { request }: EventContext): Promise<void> {
        failure = await failureOf(request(new GetQuote(), Quote));
      }
    }
    eventListener(Order, { name: unique('buyer'), timeoutMs: 300, retry: false })(Buyer);
    const events = await manager([Buyer], { responderGraceMs: Infinity });
    await events.sendEvent(new Order());
    await clock.advance(400);
    expect(failure).toMatchObject({ code: 'request-aborted' });
    expect(events.health().requests).toBe(0);
  });
});
