import { describe, expect, it } from '@jest/globals';
import { envelopePipeline, errorHandler, event, eventListener, RetryLater, Unrecoverable } from '../../src/index.js';
import type { EnvelopePipeline, EventContext, EventingOptions, HandledError } from '../../src/index.js';
import { createHarness } from '../../src/testing/harness.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { gate, unique, World } from '../support/world.js';

class StorageError extends Error {}
class DatabaseError extends StorageError {}
class DeadlockError extends DatabaseError {}

/** An event, and a listener of it that does what it is told and notes its attempts. */
function eventAndListener(act: (context: EventContext) => unknown) {
  const address = unique('handled');
  @event(address)
  class E {
    readonly n: number = 0;
  }
  const name = unique('l');
  const attempts: number[] = [];
  @eventListener(E, name)
  class L {
    async on(_e: E, context: EventContext): Promise<void> {
      attempts.push(context.attempt);
      await act(context);
    }
  }
  return { address, E, L, name, attempts };
}

const quick: Partial<EventingOptions> = { retry: { maxRetries: 2, initialDelayMs: 1, factor: 1, jitter: 'none' } };

function throws(error: unknown): () => never {
  return () => {
    throw error;
  };
}

describe('an error handler', () => {
  const failures: [string, Error, string][] = [
    ['DeadlockError', new DeadlockError('x'), 'deadlock'],
    ['DatabaseError', new DatabaseError('x'), 'database, outer'],
    ['StorageError', new StorageError('x'), 'storage, inner'],
    ['RangeError', new RangeError('x'), 'any'],
  ];
  it.each(failures)(
    'for a %s is the one of the nearest class, of all pipelines, and it alone is called, once',
    async (_class, error, expected) => {
      const { E, L } = eventAndListener(throws(error));
      const called: string[] = [];
      const noting = (what: string) => () => void called.push(what);
      await using world = new World();
      const manager = await world.started({
        listeners: [L],
        retry: false,
        pipelines: [
          { errors: [errorHandler(DatabaseError, noting('database, outer')), errorHandler(StorageError, noting('storage, outer'))] },
          {
            errors: [
              errorHandler(Error, noting('any')),
              errorHandler(DeadlockError, noting('deadlock')),
              errorHandler(StorageError, noting('storage, inner')),
              errorHandler(StorageError, noting('storage, inner, again')),
            ],
          },
        ],
      });
      await manager.sendEvent(new E());
      await waitUntil(() => manager.counters().archived === 1);
      expect(called).toEqual([expected]);
    },
  );

  const makers: [string, (error: Error) => HandledError][] = [
    ['at once', (cause) => new Unrecoverable('no use', { cause })],
    ['later', (cause) => Promise.resolve(new Unrecoverable('no use', { cause }))],
  ];
  it.each(makers)('may replace the error, %s: what it returns decides what becomes of the event', async (_when, make) => {
    const first = new DeadlockError('the first');
    const { E, L, attempts } = eventAndListener(throws(first));
    await using world = new World();
    const manager = await world.started({ listeners: [L], pipelines: [{ errors: [errorHandler(DatabaseError, make)] }], ...quick });
    const harness = createHarness(manager);
    await manager.sendEvent(new E());
    await harness.waitFor.archived(L);
    expect(attempts).toEqual([1]);
    expect(harness.failed(L).map(({ error }) => error)).toEqual([expect.objectContaining({ code: 'unrecoverable', cause: first })]);
  });

  it('may ask for another attempt at a time of its own', async () => {
    const { E, L, attempts } = eventAndListener(({ attempt }) => {
      if (attempt === 1) throw new DatabaseError('busy');
    });
    await using world = new World();
    const retry = { initialDelayMs: 3_600_000, jitter: 'none' as const };
    const manager = await world.started({ listeners: [L], pipelines: [{ errors: [errorHandler(Error, () => new RetryLater(1))] }], retry });
    await manager.sendEvent(new E());
    await waitUntil(() => manager.counters().handled === 1);
    expect(attempts).toEqual([1, 2]);
  });

  it('that returns nothing, or no error, leaves the error as it is', async () => {
    const first = new Error('the first');
    const { E, L, attempts } = eventAndListener(throws(first));
    await using world = new World();
    const odd = errorHandler(Error, (() => 'a text') as unknown as () => void);
    const manager = await world.started({ listeners: [L], pipelines: [{ errors: [odd] }], ...quick });
    const harness = createHarness(manager);
    await manager.sendEvent(new E());
    await harness.waitFor.archived(L);
    expect(attempts).toEqual([1, 2, 3]);
    expect(harness.failed(L).map(({ error }) => error)).toEqual([first, first, first]);
  });

  it('sees the error, the envelope with what pipelines set on receipt, and the listener', async () => {
    const first = new DatabaseError('the first');
    const { E, L, name } = eventAndListener(throws(first));
    const seen: unknown[] = [];
    const pipeline: EnvelopePipeline = {
      handle: (envelope, _listener, next) => {
        envelope.set('tenant', 'acme');
        return next();
      },
      errors: [errorHandler(DatabaseError, (error, envelope, listener) => void seen.push([error, envelope.get('tenant'), listener.name]))],
    };
    await using world = new World();
    const manager = await world.started({ listeners: [L], pipelines: [pipeline], retry: false });
    await manager.sendEvent(new E());
    await waitUntil(() => manager.counters().archived === 1);
    expect(seen).toEqual([[first, 'acme', name]]);
  });

  it('of a decorated pipeline has what was injected into it', async () => {
    const { E, L } = eventAndListener(throws(new DatabaseError('the first')));
    const seen: string[] = [];
    @envelopePipeline()
    class Alarms implements EnvelopePipeline {
      readonly #pager = (text: string) => void seen.push(text);
      readonly errors = [
        errorHandler(DatabaseError, ({ message }) => {
          this.#pager(message);
        }),
      ];
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L], pipelines: [Alarms], retry: false });
    await manager.sendEvent(new E());
    await waitUntil(() => manager.counters().archived === 1);
    expect(seen).toEqual(['the first']);
  });

  it.each([
    ['throws', throws(new Error('of the handler'))],
    ['rejects', () => Promise.reject(new Error('of the handler'))],
  ])('that %s is logged once, the error stays and the event is not lost', async (_how, handle) => {
    const first = new DatabaseError('the first');
    const { E, L, attempts } = eventAndListener(({ attempt }) => {
      if (attempt === 1) throw first;
    });
    await using world = new World();
    const manager = await world.started({ listeners: [L], pipelines: [{ errors: [errorHandler(Error, handle)] }], ...quick });
    const harness = createHarness(manager);
    await manager.sendEvent(new E());
    await harness.waitFor.handled(L);
    expect([attempts, harness.failed(L).map(({ error }) => error)]).toEqual([[1, 2], [first]]);
    expect(world.logger.lines.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({
        message: expect.stringContaining('error handler'),
        fields: expect.objectContaining({ error: 'of the handler' }),
      }),
    ]);
  });

  it('that hangs keeps its event until the deadline of stop(), and no longer: another one handles it as the same attempt', async () => {
    const { E, L, attempts } = eventAndListener(() => {
      if (attempts.length === 1) throw new DatabaseError('the first');
    });
    const [inside, hold] = [gate(), gate()];
    const hanging = errorHandler(Error, () => {
      inside.open();
      return hold.promise;
    });
    await using world = new World();
    const manager = await world.started({ listeners: [L], pipelines: [{ errors: [hanging] }] });
    await manager.sendEvent(new E());
    await inside.promise;
    await manager.stop({ deadlineMs: 30 });
    expect(manager.state).toBe('stopped');
    const next = await world.started({ listeners: [L] });
    await waitUntil(() => next.counters().handled === 1);
    expect(attempts).toEqual([1, 1]);
    hold.open();
    await waitUntil(() => manager.counters().late === 1);
    expect(manager.counters()).toMatchObject({ failed: 0, retried: 0 });
  });

  it('that hangs at the deadline of stop(), after the timeout of its listener, leaves one late result', async () => {
    class E {
      readonly n: number = 0;
    }
    event(unique('handled'))(E);
    const [inside, hold, end] = [gate(), gate(), gate()];
    class L {
      on(): Promise<void> {
        return end.promise;
      }
    }
    eventListener(E, { name: unique('l'), timeoutMs: 10 })(L);
    const hanging = errorHandler(Error, () => {
      inside.open();
      return hold.promise;
    });
    await using world = new World();
    const manager = await world.started({ listeners: [L], pipelines: [{ errors: [hanging] }] });
    await manager.sendEvent(new E());
    await inside.promise;
    await manager.stop({ deadlineMs: 30 });
    hold.open();
    end.open();
    await waitUntil(() => manager.counters().late > 0);
    await stays(() => manager.counters().late === 1, { windowMs: 100, what: 'one late result' });
  });

  it('is not called for an attempt that succeeds, nor for one that was given up', async () => {
    const inside = gate();
    const { E, L, attempts } = eventAndListener(async ({ signal }) => {
      if (attempts.length === 1) return;
      inside.open();
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('because of the signal'));
        });
      });
    });
    const called: unknown[] = [];
    await using world = new World();
    const manager = await world.started({
      listeners: [L],
      pipelines: [{ errors: [errorHandler(Error, (error) => void called.push(error))] }],
    });
    await manager.sendEvent(new E());
    await waitUntil(() => manager.counters().handled === 1);
    await manager.sendEvent(new E());
    await inside.promise;
    await manager.stop({ deadlineMs: 30 });
    await waitUntil(() => manager.counters().late === 1);
    expect(called).toEqual([]);
  });

  it('may send: that is awaited before the event is settled, and a failure of it is logged', async () => {
    const follow = eventAndListener(() => undefined);
    const { address, name, E, L } = eventAndListener(throws(new DatabaseError('the first')));
    await using world = new World();
    let inside = false;
    let big = false;
    const manager = world.manager({
      listeners: [L],
      retry: false,
      pipelines: [
        {
          errors: [
            errorHandler(Error, () => {
              inside = true;
              void manager.sendEvent(follow.E, { n: (big ? 'x'.repeat(2 * 1024 * 1024) : 1) as number });
            }),
          ],
        },
      ],
    });
    await manager.start();
    const queues = await world.queues();
    await manager.sendEvent(new E(), { headers: { which: 'first' } });
    await waitUntil(() => manager.counters().sent === 2);
    await waitUntil(() => manager.counters().archived === 1);
    inside = false;
    const release = world.broker.holdConfirmations();
    const sending = manager.sendEvent(new E());
    await waitUntil(() => inside);
    await stays(async () => (await queues.count(`${address}::${name}`)) === 1, { windowMs: 100, what: 'the unsettled event' });
    release();
    await sending;
    await waitUntil(() => manager.counters().archived === 2);
    big = true;
    await manager.sendEvent(new E());
    await waitUntil(() => manager.counters().archived === 3);
    expect(world.logger.text()).toMatch(/an error handler threw.*maxBodyBytes/);
  });

  it('is called for what pipelines throw and for what cannot be read, which is archived all the same', async () => {
    const { E, L, address } = eventAndListener(() => undefined);
    const seen: string[] = [];
    const pipeline: EnvelopePipeline = {
      handle: (envelope, _listener, next) => (envelope.has('spoilt') ? Promise.reject(new DatabaseError('of a pipeline')) : next()),
      errors: [
        errorHandler(Error, ({ constructor }) => {
          seen.push(constructor.name);
          return new RetryLater(0);
        }),
      ],
    };
    await using world = new World();
    const manager = await world.started({ listeners: [L], pipelines: [pipeline], retry: false });
    await manager.sendEvent(new E(), { headers: { spoilt: 'yes' } });
    await waitUntil(() => manager.counters().archived === 1);
    const foreign = await world.provider();
    const message = { body: 'no JSON', headers: new Map<string, string>(), durable: true };
    await foreign.send(message, { address, routing: 'multicast', deadlineAt: Date.now() + 5000 });
    await waitUntil(() => manager.counters().archived === 2);
    expect(seen).toEqual(['DatabaseError', 'TidingsError']);
  });

  it('is not asked about what is no error, and a thing that cannot even be looked at is kept as it is', async () => {
    const hostile: object = new Proxy({}, { getPrototypeOf: throws(new Error('do not look')) });
    const things = ['a text', undefined, hostile];
    const { E, L } = eventAndListener(({ attempt }) => throws(things[attempt - 1])());
    const called: unknown[] = [];
    await using world = new World();
    const handler = errorHandler(Error, (error) => void called.push(error));
    const manager = await world.started({ listeners: [L], pipelines: [{ errors: [handler] }], ...quick });
    await manager.sendEvent(new E());
    await waitUntil(() => manager.counters().archived === 1);
    expect([called, manager.counters().failed]).toEqual([[], 3]);
  });

  it('that is none is a mistake at start', async () => {
    class Careless implements EnvelopePipeline {
      readonly errors = [{ of: DatabaseError, handle: 'x' }] as never;
    }
    await using world = new World();
    const none = { errors: errorHandler(DatabaseError, () => undefined) } as unknown as EnvelopePipeline;
    for (const [pipeline, mistake] of [
      [new Careless(), /pipeline Careless must be a list of errorHandler/],
      [none, /must be a list of errorHandler/],
    ] as const) {
      await expect(world.manager({ pipelines: [pipeline] }).start()).rejects.toMatchObject({ mistakes: [expect.stringMatching(mistake)] });
    }
  });
});
