import { describe, expect, it } from '@jest/globals';
import { event, eventListener, RemoteError, SendError } from '../../src/index.js';
import type { EnvelopePipeline, EventContext, TidingsError } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { gate, unique } from '../support/world.js';
import { failureOf, market } from './asking.js';

describe('a request', () => {
  it('resolves with what the listener returns, as an instance of the class, in its conversation', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder } = shop;
    const seen: EventContext[] = [];
    const Responder = responder((ask, context) => {
      seen.push(context);
      return new Quote(ask.symbol, 250);
    });
    const answering = await manager([Responder]);
    const asking = await manager();
    const quote = await asking.request(new GetQuote('XYZ'), Quote, { correlationId: 'conversation' });
    expect(quote).toBeInstanceOf(Quote);
    expect(quote).toEqual(new Quote('XYZ', 250));
    expect(seen).toMatchObject([{ attempt: 1, maxAttempts: 1, envelope: { correlationId: 'conversation' } }]);
    await waitUntil(() => answering.counters().handled === 1);
    expect(answering.counters()).toMatchObject({ answered: 1, sent: 1, failed: 0 });
    expect(asking.counters()).toMatchObject({ sent: 1, lateReplies: 0, handled: 0 });
  });

  it('takes an object of the fields for an answer, and refuses what is none', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder } = shop;
    const answers: Record<string, unknown> = {
      fields: { symbol: 'fields', cents: 1 },
      number: 7,
      request: new GetQuote('no answer'),
      date: new Date(),
      invalid: { symbol: 'invalid', cents: -1 },
    };
    const events = await manager([responder(({ symbol }) => answers[symbol])]);
    const asked = await Promise.all(Object.keys(answers).map((symbol) => failureOf(events.request(new GetQuote(symbol), Quote))));
    const [fields, ...others] = asked as [undefined, ...RemoteError[]];
    expect(fields).toBeUndefined();
    expect(others.map(({ remoteName, remoteCode }) => [remoteName, remoteCode])).toEqual([
      ['TidingsError', 'not-an-event'],
      ['TidingsError', 'not-an-event'],
      ['TidingsError', 'not-an-event'],
      ['InvalidEventError', 'invalid-event'],
    ]);
    expect(others[0]?.message).toContain('a number');
    expect(others[1]?.message).toContain('GetQuote');
  });

  it('of an event without reply is answered with any event', async () => {
    await using shop = market();
    const { Quote, manager } = shop;
    class Question {
      readonly n = 1;
    }
    event({ name: unique('question'), routing: 'anycast' })(Question);
    class Answerer {
      on(): unknown {
        return new Quote('any', 3);
      }
    }
    eventListener(Question, unique('answerer'))(Answerer);
    const events = await manager([Answerer]);
    await expect(events.request(new Question(), Quote)).resolves.toEqual(new Quote('any', 3));
    await expect(events.request(new Question(), Question)).rejects.toMatchObject({ code: 'unknown-event' });
  });

  it('a thousand at once get each their own answer, over one queue', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, world } = shop;
    const answering = await manager([responder(({ symbol }) => new Quote(symbol, symbol.length), { concurrency: 50 })]);
    const asking = await manager();
    const symbols = Array.from({ length: 1000 }, (_, n) => `S${String(n)}`);
    const quotes = await Promise.all(symbols.map((symbol) => asking.request(new GetQuote(symbol), Quote)));
    expect(quotes.map(({ symbol }) => symbol)).toEqual(symbols);
    expect(world.logger.text()).toBe('');
    await waitUntil(() => answering.counters().answered === 1000);
    expect(asking.health().subscriptions).toHaveLength(1);
  });

  it('that nobody answers is over at its deadline, and a late answer is counted and dropped', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const late = gate<unknown>();
    const events = await manager([responder(() => late.promise)]);
    const failed = failureOf(events.request(new GetQuote(), Quote, { timeoutMs: 300 }));
    let over = false;
    void failed.then(() => (over = true));
    await clock.advance(299);
    expect(over).toBe(false);
    await clock.advance(30);
    expect(await failed).toMatchObject({ code: 'request-timeout', retryable: true });
    late.open(new Quote());
    await clock.advance(100);
    expect(events.counters()).toMatchObject({ lateReplies: 1, answered: 0 });
    expect(events.health().subscriptions.map(({ running }) => running)).toEqual([0, 0]);
  });

  it('REG-44: a thousand that time out leave nothing behind', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const never = gate<unknown>();
    const events = await manager([responder(() => never.promise, { concurrency: 10 })]);
    const before = clock.pending;
    const failures = Array.from({ length: 1000 }, () => failureOf(events.request(new GetQuote(), Quote, { timeoutMs: 1000 })));
    await clock.advance(500);
    expect(events.health().requests).toBe(1000);
    await clock.advance(1500);
    expect(events.health()).toMatchObject({ pending: 0, requests: 0 });
    const codes = new Set((await Promise.all(failures)).map((error) => (error as TidingsError).code));
    expect([...codes]).toEqual(['request-timeout']);
    never.open(undefined);
    await clock.advance(10_000);
    expect(clock.pending).toBeLessThanOrEqual(before + 1);
    await events.stop();
    // The broker forgets what nobody uses.
    await clock.advance(3_600_000);
    expect(clock.pending).toBe(0);
  });

  it('is given up by its signal, before and while it waits, and nothing of it is sent later', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    let calls = 0;
    const events = await manager([
      responder(() => {
        calls++;
      }),
    ]);
    const aborted = AbortSignal.abort(new Error('no more'));
    expect(await failureOf(events.request(new GetQuote(), Quote, { signal: aborted }))).toMatchObject({ code: 'request-aborted' });
    const controller = new AbortController();
    const failed = failureOf(events.request(new GetQuote(), Quote, { signal: controller.signal }));
    await clock.advance(10);
    controller.abort();
    expect(await failed).toMatchObject({ code: 'request-aborted' });
    expect(calls).toBe(1);
  });

  it('says when it could not even be sent in time, and why', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock, broker } = shop;
    const events = await manager([responder(() => new Quote())]);
    await events.request(new GetQuote(), Quote);
    broker.down();
    const failed = failureOf(events.request(new GetQuote(), Quote, { timeoutMs: 400 }));
    await clock.advance(1000);
    const error = (await failed) as TidingsError;
    expect(error).toMatchObject({ code: 'request-timeout' });
    expect(error.message).toContain('could not be asked');
    expect(error.cause).toBeInstanceOf(SendError);
    broker.up();
  });

  it('survives a reconnect of whoever asked: its answer waits for him', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock, broker } = shop;
    const answer = gate<unknown>();
    await manager([responder(() => answer.promise)]);
    const asking = await manager();
    const quote = asking.request(new GetQuote(), Quote, { timeoutMs: 60_000 });
    await clock.advance(100);
    broker.cut();
    answer.open(new Quote('survived', 1));
    await clock.advance(5000);
    await expect(quote).resolves.toMatchObject({ symbol: 'survived' });
  });

  it('at most maxPending wait at once', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, clock } = shop;
    const events = await manager([], { maxPending: 2, responderGraceMs: Infinity });
    const waiting = [1, 2].map(() => failureOf(events.request(new GetQuote(), Quote)));
    expect(await failureOf(events.request(new GetQuote(), Quote))).toMatchObject({ code: 'send-pending', outcome: 'not-sent' });
    await clock.advance(6000);
    expect(await Promise.all(waiting)).toMatchObject([{ code: 'request-timeout' }, { code: 'request-timeout' }]);
    const [one] = [failureOf(events.request(new GetQuote(), Quote))];
    await clock.advance(6000);
    expect(await one).toMatchObject({ code: 'request-timeout' });
  });

  it('refuses another type than the reply of its event, what is no event, and options that it has not', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager } = shop;
    const events = await manager();
    class Undecorated {
      readonly n = 1;
    }
    expect(await failureOf(events.request(new GetQuote(), GetQuote))).toMatchObject({ code: 'configuration' });
    expect(await failureOf(events.request(new GetQuote(), Undecorated))).toMatchObject({ code: 'not-an-event' });
    expect(await failureOf(events.request(new Undecorated(), Quote))).toMatchObject({ code: 'not-an-event' });
    expect(await failureOf(events.request(new GetQuote(), Quote, { timeoutMs: 0 }))).toMatchObject({ code: 'configuration' });
    expect(await failureOf(events.request(new GetQuote(), Quote, { delayMs: 5 } as object))).toMatchObject({ code: 'configuration' });
    expect(() => events.requestAll(new GetQuote(), Quote, { count: 0 })).toThrow(/count/);
  });

  it('goes through the pipelines on all four ways, so that it can be encrypted', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder } = shop;
    const key = 0x5a;
    const turned = (body: Uint8Array): Uint8Array => body.map((byte) => byte ^ key);
    const ways: string[] = [];
    const pipeline: EnvelopePipeline = {
      async send(envelope, { name }, next) {
        ways.push(`send ${name}`);
        envelope.setBody(turned(envelope.body), 'application/octet-stream');
        await next();
      },
      async handle(envelope, { hears }, next) {
        ways.push(`handle ${hears}`);
        envelope.setBody(turned(envelope.body), 'application/json');
        await next();
      },
    };
    await manager([responder(({ symbol }) => (symbol === 'bad' ? Promise.reject(new RangeError('no')) : new Quote(symbol, 9)))], {
      pipelines: [pipeline],
    });
    const asking = await manager([], { pipelines: [pipeline] });
    await expect(asking.request(new GetQuote('safe'), Quote)).resolves.toEqual(new Quote('safe', 9));
    expect(ways.map((way) => way.split(' ')[0])).toEqual(['send', 'handle', 'send', 'handle']);
    expect(ways.at(-1)).toBe('handle replies');
    expect(await failureOf(asking.request(new GetQuote('bad'), Quote))).toMatchObject({ remoteName: 'RangeError' });
    const without = await manager();
    expect(await failureOf(without.request(new GetQuote('plain'), Quote))).toBeInstanceOf(RemoteError);
  });

  it('that a pipeline stops is refused at once', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager } = shop;
    const events = await manager([], { pipelines: [{ send: () => Promise.resolve() }] });
    expect(await failureOf(events.request(new GetQuote(), Quote))).toMatchObject({ code: 'pipeline', outcome: 'not-sent' });
  });
});
