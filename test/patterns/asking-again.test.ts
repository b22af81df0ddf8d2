import { describe, expect, it } from '@jest/globals';
import { MemoryProvider } from '../../src/index.js';
import type { BodyCodec, Capability, RemoteError, SendError, SubscriptionSpec, TidingsError } from '../../src/index.js';
import { KeptLogger } from '../support/world.js';
import { failureOf, market } from './asking.js';
import { stranger } from './stranger.js';

describe('a request', () => {
  it('that is repeated with its id is answered again', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const events = await manager([responder(({ symbol }) => new Quote(symbol, 1))]);
    for (const symbol of ['one', 'two']) {
      const quote = events.request(new GetQuote(symbol), Quote, { id: 'the same' }).catch((error: unknown) => error);
      await clock.advance(6000);
      expect(await quote).toEqual(new Quote(symbol, 1));
    }
  });

  it('that has left, and was not confirmed in its time, is not said to be unasked', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock, broker } = shop;
    const never = new Promise(() => undefined);
    let calls = 0;
    const events = await manager([
      responder(() => {
        calls++;
        return calls === 1 ? new Quote() : never;
      }),
    ]);
    await events.request(new GetQuote(), Quote);
    const release = broker.holdConfirmations();
    const failed = failureOf(events.request(new GetQuote(), Quote, { timeoutMs: 400 }));
    await clock.advance(1000);
    const error = (await failed) as TidingsError;
    expect(calls).toBe(2);
    expect(error).toMatchObject({ code: 'request-timeout', cause: { outcome: 'unknown' } satisfies Partial<SendError> });
    expect(error.message).toContain('whether it was handled is not known');
    expect(error.message).not.toContain('could not be asked');
    release();
  });

  it('that has left when the manager stops is not said to be unsent', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, clock, broker } = shop;
    const events = await manager([], { responderGraceMs: Infinity });
    void failureOf(events.request(new GetQuote(), Quote));
    await clock.advance(10);
    const release = broker.holdConfirmations();
    const failed = failureOf(events.request(new GetQuote(), Quote));
    await clock.advance(10);
    const stopping = events.stop({ deadlineMs: 500 });
    expect(((await failed) as Error).message).toContain('whether it was handled is not known');
    release();
    await clock.advance(2000);
    await stopping;
  });

  it('has no time that no date can say', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager } = shop;
    const events = await manager();
    expect(await failureOf(events.request(new GetQuote(), Quote, { timeoutMs: 1e18 }))).toMatchObject({ code: 'configuration' });
  });

  it('needs no broker that drops what is old: its time travels as a header', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, broker } = shop;
    const sends: (readonly [string | undefined, number | undefined])[] = [];
    class Lasting extends MemoryProvider {
      override readonly capabilities: ReadonlySet<Capability> = new Set(
        [...new MemoryProvider().capabilities].filter((each) => each !== 'ttl'),
      );

      override send(...[message, options]: Parameters<MemoryProvider['send']>): Promise<void> {
        sends.push([message.headers.get('tidings_expires_at'), options.expiresAt]);
        return super.send(message, options);
      }
    }
    const events = await manager([responder(({ symbol }) => new Quote(symbol, 1))], { provider: new Lasting({ broker }) });
    await expect(events.request(new GetQuote('lasting'), Quote)).resolves.toMatchObject({ symbol: 'lasting' });
    const expiry: unknown = expect.stringMatching(/Z$/);
    expect(sends).toEqual([1, 2].map(() => [expiry, undefined]));
  });

  it('is not given up for want of a responder while a program has a queue of its own at the address', async () => {
    await using shop = market();
    const { GetQuote, Quote, name, manager, clock, broker } = shop;
    await using other = await foreign(broker, { event: name, queue: `${name}.workers` });
    const events = await manager();
    const failed = failureOf(events.request(new GetQuote(), Quote, { timeoutMs: 3000 }));
    await clock.advance(2900);
    expect(events.health().requests).toBe(1);
    await clock.advance(200);
    expect(await failed).toMatchObject({ code: 'request-timeout' });
    expect(other.name).toBe('memory');
  });
});

describe('a queue of answers', () => {
  it('that the user may not have is the error of each request, and made when he may', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock, broker } = shop;
    const events = await manager([responder(({ symbol }) => new Quote(symbol, 1))], { serverName: 'poor' });
    broker.forbid('replies.poor');
    for (const _ of [1, 2]) {
      const failed = failureOf(events.request(new GetQuote(), Quote));
      await clock.advance(100);
      expect(await failed).toMatchObject({ code: 'permission' });
      expect(events.health().subscriptions).toHaveLength(1);
    }
    broker.forbid('replies.poor', false);
    const quote = events.request(new GetQuote('again'), Quote);
    await clock.advance(1000);
    await expect(quote).resolves.toMatchObject({ symbol: 'again' });
  });

  it('that is being made when the manager stops is left, at whatever moment that is, and the next start makes it', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock, broker } = shop;
    const events = await manager([responder(({ symbol }) => new Quote(symbol, 1))]);
    await using other = await stranger(broker);
    for (let turns = 0; turns < 12; turns++) {
      const asked = events.request(new GetQuote(), Quote).catch((error: unknown) => error);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const stopping = events.stop({ deadlineMs: 500 });
      await clock.advance(3000);
      await stopping;
      expect([new Quote('ABC', 1), expect.objectContaining({ code: 'not-running' })]).toContainEqual(await asked);
      expect(await other.queues.list('replies.')).toEqual([]);
      await events.start();
    }
    const quote = events.request(new GetQuote('again'), Quote);
    await clock.advance(1000);
    await expect(quote).resolves.toMatchObject({ symbol: 'again' });
    expect(events.health().subscriptions).toHaveLength(2);
  });
});

describe('a listener', () => {
  it('that waits for itself has its answer, or none, by its deadline', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const failures: unknown[] = [];
    const Own = responder(
      async ({ symbol }, { request }) => {
        if (symbol === 'outer') failures.push(await failureOf(request(new GetQuote('inner'), Quote, { timeoutMs: 1000 })));
        return new Quote(symbol, 1);
      },
      { concurrency: 1 },
    );
    const events = await manager([Own]);
    const quote = events.request(new GetQuote('outer'), Quote);
    await clock.advance(1500);
    await expect(quote).resolves.toMatchObject({ symbol: 'outer' });
    expect(failures).toMatchObject([{ code: 'request-timeout' }]);
    await clock.advance(100);
    expect(events.counters()).toMatchObject({ handled: 1, expired: 1 });
  });
});

describe('an answer', () => {
  it('tells of no success where a send that the listener left behind has failed', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const events = await manager([
      responder((_ask, { sendEvent }) => {
        void sendEvent(new Quote('invalid', -1));
        return new Quote('done', 1);
      }),
    ]);
    const failed = failureOf(events.request(new GetQuote(), Quote));
    await clock.advance(6000);
    expect(await failed).toMatchObject({ remoteName: 'InvalidEventError' });
    expect(events.counters()).toMatchObject({ answered: 1, failed: 1 });
  });

  it('that comes twice, as its connection was lost, is one answer', async () => {
    await using shop = market({ routing: 'multicast' });
    const { GetQuote, Quote, name, manager, clock, broker } = shop;
    const events = await manager();
    await using other = await stranger(broker);
    await using queue = await foreign(broker, { event: name, queue: `${name}.one`, routing: 'multicast' });
    expect(queue.name).toBe('memory');
    const cents: number[] = [];
    const loop = (async () => {
      for await (const quote of events.requestAll(new GetQuote(), Quote, { count: 2, timeoutMs: 5000 })) cents.push(quote.cents);
    })();
    await clock.advance(10);
    const [request] = await other.received(`${name}::${name}.one`, 1);
    const answer = (amount: number, id: string): Promise<void> => {
      const native = { correlationId: request?.correlationId ?? '' };
      return other.send(request?.replyTo ?? '', JSON.stringify({ symbol: 'S', cents: amount }), native, { tidings_id: id });
    };
    await answer(1, 'first');
    await clock.advance(10);
    expect(cents).toEqual([1]);
    await answer(1, 'first');
    await answer(2, 'second');
    await clock.advance(6000);
    await loop;
    expect(cents).toEqual([1, 2]);
    expect(events.counters().lateReplies).toBe(1);
  });

  it('that is an error needs no format but JSON', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    const picky: BodyCodec = {
      contentTypes: ['application/picky'],
      encode: (fields) => {
        if (!('symbol' in fields)) throw new Error('no schema has no symbol');
        return Buffer.from(JSON.stringify(fields));
      },
      decode: (bytes) => JSON.parse(Buffer.from(bytes as Uint8Array).toString()) as object,
    };
    const events = await manager([responder(() => Promise.reject(new RangeError('no quote')))], {
      codecs: [picky],
      contentType: 'application/picky',
    });
    const failed = failureOf(events.request(new GetQuote(), Quote));
    await clock.advance(6000);
    expect((await failed) as RemoteError).toMatchObject({ remoteName: 'RangeError', message: 'no quote' });
  });
});

describe('two processes of one serverName', () => {
  it('get each their own answers, and are told of it; one that stops takes nothing from the other', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock, world, broker } = shop;
    await manager([responder(({ symbol }) => new Quote(symbol, 1))]);
    const twins = [await manager([], { serverName: 'twin' }), await manager([], { serverName: 'twin' })];
    const ask = async (count: number, one = twins): Promise<unknown[]> => {
      const asked = one.flatMap((twin, n) =>
        Array.from({ length: count }, (_, at) =>
          twin.request(new GetQuote(`${String(n)}.${String(at)}`), Quote).then(
            ({ symbol }) => symbol,
            (error: unknown) => error,
          ),
        ),
      );
      await clock.advance(6000);
      return Promise.all(asked);
    };
    expect(await ask(1, twins.slice(0, 1))).toEqual(['0.0']);
    expect(world.logger.text()).not.toContain('serverName');
    expect(await ask(2)).toEqual(['0.0', '0.1', '1.0', '1.1']);
    expect(world.logger.text()).toContain('another process has the same serverName');
    await using other = await stranger(broker);
    expect((await other.queues.list('replies.twin')).sort()).toEqual([
      expect.stringMatching(/^replies\.twin\.[0-9a-f]{8}::replies\.twin\.[0-9a-f]{8}$/),
      'replies.twin::replies.twin',
    ]);
    const stopping = twins[1]?.stop();
    await clock.advance(1000);
    await stopping;
    expect(await ask(2, twins.slice(0, 1))).toEqual(['0.0', '0.1']);
    expect(await other.queues.list('replies.twin')).toEqual(['replies.twin::replies.twin']);
  });

  it('that begin to ask in the same moment do not share a queue either', async () => {
    await using shop = market();
    const { GetQuote, Quote, manager, responder, clock } = shop;
    await manager([responder(({ symbol }) => new Quote(symbol, 1))]);
    const twins = await Promise.all([1, 2, 3].map(() => manager([], { serverName: 'triplet' })));
    const symbols = twins.flatMap((twin, n) => Array.from({ length: 10 }, (_, at) => ({ twin, symbol: `${String(n)}.${String(at)}` })));
    const asked = symbols.map(({ twin, symbol }) => twin.request(new GetQuote(symbol), Quote).catch((error: unknown) => error));
    await clock.advance(6000);
    expect(await Promise.all(asked)).toEqual(symbols.map(({ symbol }) => new Quote(symbol, 1)));
  });
});

/** A program with a queue of its own at an address, which it does not read. */
async function foreign(
  broker: ReturnType<typeof market>['broker'],
  { event, queue, routing = 'anycast' }: Pick<SubscriptionSpec, 'event' | 'queue'> & Partial<SubscriptionSpec>,
): Promise<AsyncDisposable & Pick<MemoryProvider, 'name'>> {
  const provider = new MemoryProvider({ broker });
  const host = { serviceName: 'foreign', serverName: 'foreign', logger: new KeptLogger(), clock: provider.clock, onState: () => undefined };
  const spec: SubscriptionSpec = {
    event,
    queue,
    routing,
    listener: 'foreign',
    archive: `archive.${queue}`,
    temporary: false,
    shared: true,
    concurrency: 1,
    prefetch: 0,
    archiveBounds: { maxAgeMs: 1000, maxCount: 10 },
    maxCrashes: 8,
  };
  await provider.start(host, { specs: [spec], signal: new AbortController().signal });
  return { name: provider.name, [Symbol.asyncDispose]: () => provider.stop({ deadlineMs: 1000 }) };
}
