import { describe, expect, it } from '@jest/globals';
import { Container, inject, injectable } from 'inversify';
import { Type } from 'class-transformer';
import { IsInt, IsString } from 'class-validator';
import { z } from 'zod';
import { defineEvent, event, eventing, eventListener, EventManager, faultListener, MemoryProvider, upcaster } from '../../src/index.js';
import type { Class, EventClass, EventContext, EventOptions, Fault, Upcaster } from '../../src/index.js';
import { eventDescriptor } from '../../src/core/registry.js';
import { createHarness } from '../../src/testing/harness.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { KeptLogger, onceEach, unique, World } from '../support/world.js';

type Body = Record<string, unknown>;

/** A class of one version of an event, as one process knows it, with a listener that keeps what it is given. */
function process<E extends object>(target: EventClass<E>, options: EventOptions, listener: string) {
  event(options)(target);
  const seen: E[] = [];
  const versions: number[] = [];
  class L {
    on(received: E, { envelope }: EventContext): void {
      seen.push(received);
      versions.push(envelope.version);
    }
  }
  eventListener(target, listener)(L);
  return { event: target, L, seen, versions };
}

function step(of: EventClass, from: number, up: (body: Body) => Body): Class<Upcaster> {
  class Step implements Upcaster {
    up(body: Body): Body {
      return up(body);
    }
  }
  upcaster(of, from)(Step);
  return Step;
}

/** Whole names became a first and a last one; then they went into an object. */
function person(name: string, listener: string, options: EventOptions = {}) {
  class Name {
    readonly first: string = '';
    readonly last: string = '';
    full(): string {
      return `${this.first} ${this.last}`;
    }
  }
  class Person {
    readonly name: Name = new Name();
  }
  Type(() => Name)(Person.prototype, 'name');
  const third = process(Person, { ...options, name, version: 3 }, listener);
  step(Person, 1, ({ name: whole, ...rest }) => {
    const [first, last] = (whole as string).split(' ');
    return { ...rest, first, last };
  });
  step(Person, 2, ({ first, last, ...rest }) => ({ ...rest, name: { first, last } }));
  return third;
}

class First {
  readonly name: string = '';
}

class Fourth {
  readonly names: string[] = [];
}

function nameOf(target: EventClass): string {
  return eventDescriptor(target)?.name ?? '';
}

/** Every manager of this process would stumble over it. */
function forget(upcasting: Class): void {
  const shared = globalThis as unknown as Record<symbol, { readonly upcasters: Set<Class> }>;
  shared[Symbol.for('tidings.registry')]?.upcasters.delete(upcasting);
}

async function archiveOf(world: World, listener: string) {
  const found = [];
  for await (const message of (await world.queues()).browse(`archive.${listener}`)) found.push(message);
  return found;
}

async function sendBody(world: World, address: string, body: string, headers: Record<string, string> = {}): Promise<void> {
  const options = { address, routing: 'multicast', deadlineAt: Date.now() + 5_000 } as const;
  await (await world.provider()).send({ body, headers: new Map(Object.entries(headers)), durable: true }, options);
}

describe('an event of several versions', () => {
  it('comes from version 1 into a class of version 3 through two upcasters; version 4 goes to the archive and says why', async () => {
    const [address, listener] = [unique('person'), unique('l')];
    const third = person(address, listener);
    event({ name: address })(First);
    event({ name: address, version: 4 })(Fourth);
    await using world = new World();
    const manager = await world.started({ listeners: [third.L] });
    const harness = createHarness(manager);
    const sender = await world.started();
    await sender.sendEvent(First, { name: 'Ada Lovelace' });
    await sender.sendEvent(Fourth, { names: ['Ada', 'Lovelace'] }, { headers: { tenant: 'acme' } });
    await harness.waitFor.handled(third.L);
    await harness.waitFor.archived(third.L);
    expect([third.seen.map(({ name }) => name.full()), third.versions]).toEqual([['Ada Lovelace'], [1]]);
    expect(third.seen[0]).toBeInstanceOf(third.event);
    const [archived] = await archiveOf(world, listener);
    expect(archived?.body).toBe('{"names":["Ada","Lovelace"]}');
    expect(Object.fromEntries(archived?.headers ?? [])).toMatchObject({
      tidings_error_reason: 'unsupported-version',
      tidings_error_message: expect.stringMatching(/has version 4, and this process knows 3: bring it up to date and replay the event/),
      tidings_error_attempts: '1',
      tidings_version: '4',
      cloudEvents_dataschema: `urn:tidings:${address}:4`,
      tenant: 'acme',
    });
    expect(harness.failed(third.L).map(({ error }) => error)).toEqual([expect.objectContaining({ code: 'unsupported-version' })]);
    expect(manager.counters()).toMatchObject({ handled: 1, archived: 1, retried: 0 });
  });

  it('is replayed and handled by a process of the newer version, which the older one had archived', async () => {
    const [address, listener] = [unique('upgraded'), unique('l')];
    class Third {
      readonly n: number = 0;
    }
    class Newer {
      readonly m: number = 0;
    }
    const third = process(Third, { name: address, version: 3 }, listener);
    const fourth = process(Newer, { name: address, version: 4 }, listener);
    step(Newer, 3, ({ n }) => ({ m: n }));
    await using world = new World();
    const old = await world.started({ listeners: [third.L] });
    const sender = await world.started();
    await sender.sendEvent(Newer, { m: 4 });
    await waitUntil(() => old.counters().archived === 1);
    await old.stop();
    await sender.sendEvent(Third, { n: 3 });
    const manager = await world.started({ listeners: [fourth.L] });
    expect(await manager.archive(fourth.L).replay()).toBe(1);
    await waitUntil(() => manager.counters().handled === 2);
    expect([third.seen, fourth.seen.map(({ m }) => m).sort()]).toEqual([[], [3, 4]]);
    expect(await archiveOf(world, listener)).toEqual([]);
  });

  it('is taken though it is newer where the event says so, and its unknown fields are as ever', async () => {
    const [address, listener] = [unique('accepting'), unique('l')];
    class Lenient {
      readonly n: number = 0;
    }
    const lenient = process(Lenient, { name: address, version: 2, newerVersions: 'accept' }, listener);
    step(Lenient, 1, ({ old }) => ({ n: old }));
    await using world = new World();
    const manager = await world.started({ listeners: [lenient.L] });
    await sendBody(world, address, '{"n":9,"more":true}', { tidings_version: '9' });
    await sendBody(world, address, '{"old":1}');
    await waitUntil(() => manager.counters().handled === 2);
    expect([lenient.seen, lenient.versions]).toEqual([
      [{ n: 9, more: true }, { n: 1 }],
      [9, 1],
    ]);
  });

  it('is of version 1 when it says nothing, or something of somebody else, and of that in a dataschema of ours', async () => {
    const [address, listener] = [unique('foreign'), unique('l')];
    class Plain {
      readonly steps: number[] = [];
    }
    const plain = process(Plain, { name: address, version: 3 }, listener);
    for (const from of [1, 2]) step(Plain, from, (body) => ({ steps: [...((body['steps'] as number[] | undefined) ?? []), from] }));
    await using world = new World();
    const manager = await world.started({ listeners: [plain.L] });
    await sendBody(world, address, '{}');
    await sendBody(world, address, '{}', { cloudEvents_dataschema: 'https://schemas.test/plain/2' });
    await sendBody(world, address, '{}', { cloudEvents_dataschema: `urn:tidings:${address}:2` });
    await sendBody(world, address, '{"steps":[0]}', { 'cloudEvents:dataschema': `urn:tidings:${address}:3` });
    await waitUntil(() => manager.counters().handled === 4);
    expect(plain.seen.map(({ steps }) => steps)).toEqual([[1, 2], [1, 2], [2], [0]]);
  });

  it('keeps its version over retries, and each attempt goes through the upcasters anew', async () => {
    const [address, listener] = [unique('retried'), unique('l')];
    class Second {
      readonly n: number = 0;
    }
    event({ name: address, version: 2 })(Second);
    step(Second, 1, (body) => ({ n: (body['n'] as number) + 100 }));
    const seen: string[] = [];
    @eventListener(Second, listener)
    class Failing {
      on({ n }: Second, { attempt, envelope }: EventContext): void {
        seen.push(`${String(attempt)}: ${String(n)} of version ${String(envelope.version)}`);
        if (seen.length < 4) throw new Error('not yet');
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [Failing], retry: { maxRetries: 2, initialDelayMs: 1, jitter: 'none' } });
    await sendBody(world, address, '{"n":1}', { tidings_version: '1' });
    await waitUntil(() => manager.counters().archived === 1);
    const [archived] = await archiveOf(world, listener);
    expect([archived?.body, archived?.headers.get('tidings_version'), archived?.headers.get('tidings_error_reason')]).toEqual([
      '{"n":1}',
      '1',
      'failed',
    ]);
    await manager.archive(Failing).replay();
    await waitUntil(() => manager.counters().handled === 1);
    expect(seen).toEqual([1, 2, 3, 1].map((attempt) => `${String(attempt)}: 101 of version 1`));
  });

  it('is validated as its upcasters made it', async () => {
    const [address, listener] = [unique('validated'), unique('l')];
    class Checked {
      readonly total: number = 0;
    }
    IsInt()(Checked.prototype, 'total');
    const checked = process(Checked, { name: address, version: 2 }, listener);
    step(Checked, 1, ({ sum }) => ({ total: sum }));
    await using world = new World();
    const manager = await world.started({ listeners: [checked.L] });
    await sendBody(world, address, '{"sum":7}');
    await sendBody(world, address, '{"sum":"seven"}');
    await waitUntil(() => manager.counters().handled === 1 && manager.counters().archived === 1);
    expect(checked.seen).toEqual([{ total: 7 }]);
    expect((await archiveOf(world, listener)).map(({ headers }) => headers.get('tidings_error_reason'))).toEqual(['invalid']);
  });

  it('that no upcaster brings up is archived as undecodable after one attempt, with the reason, and the next is handled', async () => {
    const [address, listener] = [unique('stuck'), unique('l')];
    class Stuck {
      readonly n: number = 0;
    }
    const stuck = process(Stuck, { name: address, version: 5 }, listener);
    step(Stuck, 2, () => {
      throw new RangeError('no such state');
    });
    step(Stuck, 3, () => 'rubbish' as unknown as Body);
    step(Stuck, 4, () => Promise.reject(new Error('late')) as unknown as Body);
    await using world = new World();
    const manager = await world.started({ listeners: [stuck.L] });
    for (const version of ['1', '2', '3', '4', 'x', '5']) await sendBody(world, address, '{"n":5}', { tidings_version: version });
    await waitUntil(() => manager.counters().handled === 1 && manager.counters().archived === 5);
    expect(stuck.versions).toEqual([5]);
    const told = (await archiveOf(world, listener)).map(({ headers }) => [
      headers.get('tidings_version'),
      headers.get('tidings_error_reason'),
      headers.get('tidings_error_attempts'),
      headers.get('tidings_error_message'),
    ]);
    expect(told.sort()).toEqual([
      ['1', 'undecodable', '1', expect.stringContaining('there is no upcaster: write one, @upcaster(Stuck, 1)')],
      ['2', 'undecodable', '1', expect.stringContaining('from version 2 to 3: Step failed: no such state')],
      ['3', 'undecodable', '1', expect.stringContaining('Step returned no object')],
      ['4', 'undecodable', '1', expect.stringContaining('Step returned a promise')],
      ['x', 'undecodable', '1', expect.stringContaining('it says version "x"')],
    ]);
  });

  it('is told to fault listeners: of a newer version without the event, of an old one brought up', async () => {
    const [address, listener] = [unique('told'), unique('l')];
    class Told {
      readonly n: number = 0;
    }
    event({ name: address, version: 2 })(Told);
    step(Told, 1, ({ old }) => ({ n: old }));
    @eventListener(Told, listener)
    class Failing {
      on(): void {
        throw new Error('never works');
      }
    }
    const faults: string[] = [];
    @faultListener(Told, unique('alerts'))
    class Alerts {
      on(told: Told | undefined, { reason }: Fault): void {
        faults.push(`${reason}: ${String(told?.n)}`);
      }
    }
    await using world = new World();
    await world.started({ listeners: [Failing, Alerts], retry: false });
    await sendBody(world, address, '{"old":1}');
    await sendBody(world, address, '{"n":3}', { tidings_version: '3' });
    await waitUntil(() => faults.length === 2);
    expect(faults.sort()).toEqual(['failed: 1', 'unsupported-version: undefined']);
  });

  it('says its version in envelope and headers where its class does, also 1, and nothing where it does not', async () => {
    const seen: unknown[] = [];
    await using world = new World();
    for (const version of [undefined, 1, 7]) {
      class Said {
        readonly n: number = 0;
      }
      const { L, versions } = process(Said, { name: unique('said-ü'), version }, unique('l'));
      const manager = await world.started({
        listeners: [L],
        pipelines: [
          {
            send: (envelope, _event, next) => {
              seen.push(envelope.version);
              return next();
            },
          },
        ],
      });
      await manager.sendEvent(new Said());
      await waitUntil(() => versions.length === 1);
      expect(versions).toEqual([version ?? 1]);
    }
    expect(seen).toEqual([1, 1, 7]);
  });

  it('that a pipeline asks for a version that is none is archived as undecodable, not retried', async () => {
    const [address, listener] = [unique('asked'), unique('l')];
    class Asked {
      readonly n: number = 0;
    }
    const asked = process(Asked, { name: address }, listener);
    await using world = new World();
    const manager = await world.started({
      listeners: [asked.L],
      pipelines: [{ handle: (envelope, _listener, next) => (envelope.version > 0 ? next() : Promise.resolve()) }],
    });
    await sendBody(world, address, '{}', { tidings_version: 'latest' });
    await waitUntil(() => manager.counters().archived === 1);
    expect(manager.counters().retried).toBe(0);
    expect((await archiveOf(world, listener)).map(({ headers }) => headers.get('tidings_error_reason'))).toEqual(['undecodable']);
  });
});

describe('an event without a class', () => {
  it('is brought up before its schema sees it', async () => {
    const Defined = defineEvent(unique('defined'), z.object({ total: z.number(), at: z.iso.datetime() }), { version: 2 });
    step(Defined, 1, ({ sum, at }) => ({ total: sum, at: new Date(at as number).toISOString() }));
    const seen: unknown[] = [];
    @eventListener(Defined, unique('l'))
    class L {
      on(received: { total: number; at: string }): void {
        seen.push(received);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    await sendBody(world, nameOf(Defined), '{"sum":7,"at":0}');
    await manager.sendEvent(Defined, { total: 8, at: '2026-05-01T00:00:00.000Z' });
    await waitUntil(() => manager.counters().handled === 2);
    expect(seen).toEqual([
      { total: 7, at: '1970-01-01T00:00:00.000Z' },
      { total: 8, at: '2026-05-01T00:00:00.000Z' },
    ]);
  });
});

describe('upcasters', () => {
  @injectable()
  class Currencies {
    constructor(readonly home = 'EUR') {}
  }

  /** An event of version 2 whose upcaster wants a currency of somebody else. */
  function priced() {
    const made: unknown[] = [];
    class Priced {
      readonly price: string = '';
    }
    IsString()(Priced.prototype, 'price');
    const { L, seen } = process(Priced, { name: unique('priced'), version: 2 }, unique('l'));
    @upcaster(Priced, 1)
    class WithCurrency implements Upcaster {
      constructor(@inject(Currencies) private readonly currencies: Currencies) {
        made.push(this);
      }
      up({ amount }: Body): Body {
        return { price: `${String(amount)} ${this.currencies.home}` };
      }
    }
    return { Priced, WithCurrency, L, seen, made };
  }

  async function handled(container: Container, { Priced, L }: ReturnType<typeof priced>): Promise<void> {
    const { sent } = versionOne(Priced);
    container.load(
      eventing({ provider: new MemoryProvider(), serviceName: 'test', listeners: [L], pipelines: [], logger: new KeptLogger() }),
    );
    const manager = container.get(EventManager);
    const harness = createHarness(container);
    await manager.sendEvents([new sent(), new sent()]);
    await harness.waitFor.handled(L, { count: 2 });
    await manager.stop();
  }

  /** The same event as its senders knew it before. */
  function versionOne(of: EventClass): { sent: new () => object } {
    class Old {
      readonly amount: number = 5;
    }
    event({ name: nameOf(of) })(Old);
    return { sent: Old };
  }

  it('are made once at start, with what they inject, and are bound by nobody', async () => {
    const container = new Container();
    container.bind(Currencies).toSelf().inSingletonScope();
    const parts = priced();
    await handled(container, parts);
    expect(parts.seen.map(({ price }) => price)).toEqual(['5 EUR', '5 EUR']);
    expect([parts.made.length, container.isBound(parts.WithCurrency)]).toEqual([1, false]);
  });

  it('are those that the user has bound, also as transient, and with what comes asynchronously', async () => {
    const own = new Container();
    const constant = priced();
    own.bind(constant.WithCurrency).toConstantValue(new constant.WithCurrency(new Currencies('CHF')));
    await handled(own, constant);
    expect([constant.seen.map(({ price }) => price), constant.made.length]).toEqual([['5 CHF', '5 CHF'], 1]);

    const each = new Container();
    const transient = priced();
    each.bind(Currencies).toConstantValue(new Currencies('SEK'));
    each.bind(transient.WithCurrency).toSelf().inTransientScope();
    await handled(each, transient);
    expect([transient.seen.map(({ price }) => price), transient.made.length]).toEqual([['5 SEK', '5 SEK'], 1]);

    const later = new Container();
    const waiting = priced();
    later
      .bind(Currencies)
      .toDynamicValue(async () => Promise.resolve(new Currencies('NOK')))
      .inSingletonScope();
    later.bind(waiting.WithCurrency).toSelf().inSingletonScope();
    await handled(later, waiting);
    expect([waiting.seen.map(({ price }) => price), waiting.made.length]).toEqual([['5 NOK', '5 NOK'], 1]);
  });

  it('of one class are made once, though it takes several steps', async () => {
    let made = 0;
    class Stepped {
      readonly n: number = 0;
    }
    const { L, seen } = process(Stepped, { name: unique('stepped'), version: 3 }, unique('l'));
    @upcaster(Stepped, 1)
    @upcaster(Stepped, 2)
    class Both implements Upcaster {
      constructor() {
        made++;
      }
      up({ n = 0 }: Body): Body {
        return { n: (n as number) + 1 };
      }
    }
    await using world = new World();
    const manager = world.manager({ listeners: [L] }, (target) => new target() as unknown);
    await manager.start();
    expect([made, new Both() instanceof Both]).toEqual([1, true]);
    await sendBody(world, nameOf(Stepped), '{}');
    await waitUntil(() => seen.length === 1);
    expect(seen).toEqual([{ n: 2 }]);
  });

  it('are made only for the events that a manager listens to, and by each that does', async () => {
    const made: string[] = [];
    const versioned = (name: string) => {
      class Versioned {
        readonly n: number = 0;
      }
      const { L, seen } = process(Versioned, { name: unique(name), version: 2 }, unique('l'));
      upcaster(
        Versioned,
        1,
      )(
        class implements Upcaster {
          constructor() {
            made.push(name);
          }
          up(body: Body): Body {
            return body;
          }
        },
      );
      return { L, seen, address: nameOf(Versioned) };
    };
    const [one, two] = [versioned('one'), versioned('two')];
    await using world = new World();
    await world.started();
    await world.started({ listeners: [one.L], consume: false });
    expect(made).toEqual([]);
    await world.started({ listeners: [one.L] });
    expect(made).toEqual(['one']);
    await world.started({ listeners: [two.L, one.L] });
    expect([...made].sort()).toEqual(['one', 'one', 'two']);
    await sendBody(world, two.address, '{"n":2}');
    await waitUntil(() => two.seen.length === 1);
    expect(one.seen).toEqual([]);
  });

  it('that are wrong are told at start, each with the other mistakes', async () => {
    class Wrong {
      readonly n: number = 0;
    }
    const { L } = process(Wrong, { name: unique('wrong'), version: 3 }, unique('l'));
    step(Wrong, 1, (body) => body);
    step(Wrong, 1, (body) => body);
    step(Wrong, 3, (body) => body);
    step(Wrong, 0, (body) => body);
    class Nothing {}
    upcaster(Wrong, 2)(Nothing as Class<Upcaster>);
    const unmade = step(Wrong, 2, (body) => body);
    const plain = step(class Plain {}, 1, (body) => body);
    class NoListener {}
    await using world = new World();
    const resolve = (target: Class): unknown => {
      if (target === unmade) throw new Error('nobody has bound its clock');
      return onceEach()(target);
    };
    const failure: unknown = await world
      .manager({ listeners: [L, NoListener] }, resolve)
      .start()
      .catch((error: unknown) => error)
      .finally(() => {
        forget(plain);
      });
    expect(failure).toMatchObject({
      code: 'configuration',
      mistakes: [
        expect.stringContaining('NoListener is in the list of listeners but is not decorated'),
        expect.stringMatching(/@upcaster\(Wrong, 1\) on Step: Step takes the same step: remove one/),
        expect.stringMatching(/@upcaster\(Wrong, 3\) on Step: Wrong has version 3, so this step is never taken/),
        expect.stringMatching(/@upcaster\(Wrong, 0\) on Step: the version must be a whole number from 1 on/),
        expect.stringMatching(/@upcaster\(Wrong, 2\) on Step: Nothing takes the same step/),
        expect.stringMatching(/@upcaster\(Plain, 1\) on Step: Plain is no event/),
        expect.stringContaining('Nothing is an upcaster without a method up(body)'),
        expect.stringContaining('Step cannot be made: nobody has bound its clock'),
      ],
    });
  });

  it('that wait are told at start', async () => {
    class Slow {
      readonly n: number = 0;
    }
    const { L } = process(Slow, { name: unique('slow'), version: 2 }, unique('l'));
    class Waiting {
      async up(body: Body): Promise<Body> {
        return Promise.resolve(body);
      }
    }
    upcaster(Slow, 1)(Waiting as unknown as Class<Upcaster>);
    await using world = new World();
    await expect(world.started({ listeners: [L] })).rejects.toMatchObject({
      mistakes: [expect.stringContaining('up() of Waiting is async')],
    });
  });

  it('that lead nowhere are warned of at start', async () => {
    class Gap {
      readonly n: number = 0;
    }
    const { L } = process(Gap, { name: unique('gap'), version: 4 }, unique('l'));
    step(Gap, 1, (body) => body);
    await using world = new World();
    await world.started({ listeners: [L] });
    expect(world.logger.text()).toMatch(/warn no upcaster leads on from these versions.*"versions":\[2\]/);
  });

  it.each([0, -1, 1.5, '2', Number.MAX_SAFE_INTEGER])(
    'are for versions that are whole numbers from 1 on, which %p is not',
    async (version) => {
      class Odd {
        readonly n: number = 0;
      }
      const { L } = process(Odd, { name: unique('odd'), version: version as number }, unique('l'));
      await using world = new World();
      await expect(world.started({ listeners: [L] })).rejects.toMatchObject({ mistakes: [expect.stringContaining("option 'version'")] });
      await expect((await world.started()).sendEvent(new Odd())).rejects.toMatchObject({ code: 'configuration' });
    },
  );
});
