import { describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import { IsInt, IsString } from 'class-validator';
import { event, eventListener, SendError, Unrecoverable } from '../../src/index.js';
import type { Envelope, EnvelopePipeline, EventContext, WireMessage } from '../../src/index.js';
import { createHarness } from '../../src/testing/harness.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { gate, unique, World } from '../support/world.js';

describe('an event', () => {
  it('is handled once by each of three listeners in one process', async () => {
    const { E, calls, listeners } = threeListeners();
    await using world = new World();
    const manager = await world.started({ listeners });
    await Promise.all(Array.from({ length: 100 }, (_, n) => manager.sendEvent(E, { n })));
    await createHarness(manager).quiet();
    expect(calls.map((seen) => [...seen].sort((a, b) => a - b))).toEqual([0, 1, 2].map(() => Array.from({ length: 100 }, (_, n) => n)));
  });

  it('arrives as an instance of its class, with dates and methods', async () => {
    @event(unique('typed'))
    class Placed {
      readonly at: Date;
      constructor(at = new Date(0)) {
        this.at = at;
      }
      year(): number {
        return this.at.getUTCFullYear();
      }
    }
    Type(() => Date)(Placed.prototype, 'at');
    const seen: Placed[] = [];
    @eventListener(Placed, unique('l'))
    class L {
      on(placed: Placed): void {
        seen.push(placed);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    const harness = createHarness(manager);
    await manager.sendEvent(new Placed(new Date('2026-05-01T00:00:00Z')));
    await harness.waitFor.handled(L);
    expect(seen[0]).toBeInstanceOf(Placed);
    expect(seen[0]?.year()).toBe(2026);
  });

  it('shares the work of one listener between two managers, and goes to both with perProcess', async () => {
    @event(unique('shared'))
    class E {
      readonly n: number = 0;
    }
    const shared: string[] = [];
    const copies: string[] = [];
    @eventListener(E, unique('shared'))
    class Shared {
      on(_e: E, context: EventContext): void {
        shared.push(context.envelope.id);
      }
    }
    @eventListener(E, { name: unique('copy'), perProcess: true })
    class Copy {
      on(_e: E, context: EventContext): void {
        copies.push(context.envelope.id);
      }
    }
    await using world = new World();
    const one = await world.started({ listeners: [Shared, Copy], serverName: 'one' });
    const two = await world.started({ listeners: [Shared, Copy], serverName: 'two' });
    await Promise.all(Array.from({ length: 50 }, (_, n) => one.sendEvent(E, { n })));
    await waitUntil(() => copies.length >= 100 && shared.length >= 50);
    await stays(() => copies.length === 100 && shared.length === 50, { windowMs: 100 });
    expect(new Set(shared).size).toBe(50);
    expect(Math.min(one.counters().handled, two.counters().handled)).toBeGreaterThan(50);
  });

  it('carries correlation and causation through a chain of three', async () => {
    @event(unique('first'))
    class First {
      readonly x: number = 1;
    }
    @event(unique('second'))
    class Second {
      readonly x: number = 2;
    }
    @event(unique('third'))
    class Third {
      readonly x: number = 3;
    }
    const seen: Envelope[] = [];
    await using world = new World();
    let send: (e: object) => Promise<unknown> = () => Promise.resolve();
    @eventListener(First, unique('l1'))
    class L1 {
      async on(_e: First, { envelope }: EventContext): Promise<void> {
        seen.push(envelope);
        await send(new Second());
      }
    }
    @eventListener(Second, unique('l2'))
    class L2 {
      async on(_e: Second, { envelope, sendEvent }: EventContext): Promise<void> {
        seen.push(envelope);
        await sendEvent(new Third());
      }
    }
    @eventListener(Third, unique('l3'))
    class L3 {
      on(_e: Third, { envelope }: EventContext): void {
        seen.push(envelope);
      }
    }
    const manager = await world.started({ listeners: [L1, L2, L3] });
    send = (e) => manager.sendEvent(e as First);
    const sent = await manager.sendEvent(new First());
    await createHarness(manager).quiet();
    expect(seen.map(({ correlationId }) => correlationId)).toEqual([sent.id, sent.id, sent.id]);
    expect(seen.map(({ causationId }) => causationId)).toEqual([undefined, sent.id, seen[1]?.id]);
    expect(seen.map(({ source }) => source)).toEqual(['test-service', 'test-service', 'test-service']);
  });

  it('has no cause in explicit mode, but through the context', async () => {
    const { E, listener, seen } = relay();
    await using world = new World();
    const { L, Follow } = listener((context, send) => Promise.all([send(), context.sendEvent(E.follow, { how: 'context' })]));
    const manager = await world.started({ listeners: [L, Follow], context: 'explicit' });
    listener.send = () => manager.sendEvent(E.follow, { how: 'ambient' });
    const sent = await manager.sendEvent(new E.start());
    await createHarness(manager).quiet();
    expect(seen.map(({ how, causationId }) => [how, causationId]).sort()).toEqual([
      ['ambient', undefined],
      ['context', sent.id],
    ]);
  });

  it('left behind by a settled listener has no cause', async () => {
    const { E, listener, seen } = relay();
    await using world = new World();
    const later = gate();
    const sentLater = gate();
    const { L, Follow } = listener((_context, send) => {
      void later.promise.then(send).then(() => {
        sentLater.open();
      });
      return Promise.resolve();
    });
    const manager = await world.started({ listeners: [L, Follow] });
    listener.send = () => manager.sendEvent(E.follow, { how: 'later' });
    const harness = createHarness(manager);
    await manager.sendEvent(new E.start());
    await harness.waitFor.handled(L);
    later.open();
    await sentLater.promise;
    await harness.waitFor.handled(Follow);
    expect(seen).toEqual([expect.objectContaining({ how: 'later', causationId: undefined })]);
  });
});

describe('a listener that sends', () => {
  it('is settled only after the sends that it did not await', async () => {
    const { E, listener } = relay();
    await using world = new World();
    let called = false;
    const { L, name } = listener((_context, send) => {
      void send();
      called = true;
      return Promise.resolve();
    });
    const manager = await world.started({ listeners: [L] });
    listener.send = () => manager.sendEvent(E.follow, { how: 'unawaited' });
    const harness = createHarness(manager);
    const release = world.broker.holdConfirmations();
    const sending = manager.sendEvent(new E.start());
    await waitUntil(() => called);
    const queue = `${eventName(E.start)}::${name}`;
    await stays(async () => (await countOf(world, queue)) === 1, { windowMs: 100, what: 'the unsettled event' });
    release();
    await sending;
    await harness.waitFor.handled(L);
    await waitUntil(async () => (await countOf(world, queue)) === 0);
  });

  it('fails with a send that it did not await', async () => {
    const { E, listener } = relay();
    await using world = new World();
    const { L } = listener((_context, send) => {
      void send();
      return Promise.resolve();
    });
    const manager = await world.started({ listeners: [L], retry: false });
    listener.send = () => manager.sendEvent(E.follow, { how: 'x'.repeat(2 * 1024 * 1024) });
    const harness = createHarness(manager);
    await manager.sendEvent(new E.start());
    await harness.waitFor.archived(L);
    expect(harness.archived(L)[0]?.error).toMatchObject({ code: 'too-large' });
  });

  it('fails with a wrong send that it did not await, and not with one that it caught later', async () => {
    const { E, listener } = relay();
    await using world = new World();
    let round = 0;
    const { L } = listener(async (context) => {
      if (++round === 1) {
        void context.sendEvent({});
        return;
      }
      const sending = context.sendEvent({});
      await new Promise((wake) => setImmediate(wake));
      await sending.catch(() => undefined);
    });
    const manager = await world.started({ listeners: [L], retry: { initialDelayMs: 1 } });
    const harness = createHarness(manager);
    await manager.sendEvent(new E.start());
    await harness.waitFor.handled(L);
    expect(harness.failed(L).map(({ error }) => error)).toEqual([expect.objectContaining({ code: 'not-an-event' })]);
  });

  it('and does not await shows its pipelines how that ended, and they may deal with it', async () => {
    const { E, listener } = relay();
    await using world = new World();
    const { L } = listener((_context, send) => {
      void send();
      return Promise.resolve();
    });
    const seen: unknown[] = [];
    const watching: EnvelopePipeline = { handle: (_envelope, _listener, next) => next().catch((error: unknown) => void seen.push(error)) };
    const manager = await world.started({ listeners: [L], pipelines: [watching] });
    listener.send = () => manager.sendEvent(E.follow, { how: 'x'.repeat(2 * 1024 * 1024) });
    const harness = createHarness(manager);
    await manager.sendEvent(new E.start());
    await harness.waitFor.handled(L);
    expect(seen).toEqual([expect.objectContaining({ code: 'too-large' })]);
    expect(harness.failed(L)).toEqual([]);
  });

  it('in a pipeline, after next() and unawaited, is awaited and fails the attempt too', async () => {
    const { E, listener } = relay();
    await using world = new World();
    const { L } = listener(() => Promise.resolve());
    const sending: EnvelopePipeline = {
      handle: async (_envelope, _listener, next) => {
        await next();
        void listener.send();
      },
    };
    const manager = await world.started({ listeners: [L], pipelines: [sending], retry: false });
    listener.send = () => manager.sendEvent(E.follow, { how: 'x'.repeat(2 * 1024 * 1024) });
    const harness = createHarness(manager);
    await manager.sendEvent(new E.start());
    await harness.waitFor.archived(L);
    expect(harness.archived(L)[0]?.error).toMatchObject({ code: 'too-large' });
  });

  it('may catch the failure of a send itself', async () => {
    const { E, listener } = relay();
    await using world = new World();
    const caught: unknown[] = [];
    const { L } = listener(async (_context, send) => {
      await send().catch((error: unknown) => caught.push(error));
    });
    const manager = await world.started({ listeners: [L] });
    listener.send = () => manager.sendEvent(E.follow, { how: 'x'.repeat(2 * 1024 * 1024) });
    const harness = createHarness(manager);
    await manager.sendEvent(new E.start());
    await harness.waitFor.handled(L);
    expect(caught).toEqual([expect.objectContaining({ code: 'too-large' })]);
    expect(harness.failed(L)).toEqual([]);
  });
});

describe('a failing listener', () => {
  it('sees attempts 1, 2, 3 while its sibling runs once', async () => {
    @event(unique('fails'))
    class E {
      readonly n: number = 0;
    }
    const attempts: number[] = [];
    const firstFailures: (Date | undefined)[] = [];
    let siblings = 0;
    @eventListener(E, unique('failing'))
    class Failing {
      on(_e: E, { attempt, firstFailureAt }: EventContext): void {
        attempts.push(attempt);
        firstFailures.push(firstFailureAt);
        if (attempt < 3) throw new Error('not yet');
      }
    }
    @eventListener(E, unique('sibling'))
    class Sibling {
      on(): void {
        siblings++;
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [Failing, Sibling], retry: { initialDelayMs: 20, jitter: 'none' } });
    const harness = createHarness(manager);
    await manager.sendEvent(new E());
    await harness.waitFor.handled(Failing);
    expect(attempts).toEqual([1, 2, 3]);
    expect(siblings).toBe(1);
    expect(firstFailures[0]).toBeUndefined();
    expect(firstFailures[1]).toEqual(firstFailures[2]);
    expect(manager.counters()).toMatchObject({ handled: 2, failed: 2, retried: 2, archived: 0 });
  });

  it('has its event archived with the reason when its attempts are used up', async () => {
    @event(unique('poison'))
    class E {
      readonly n: number = 7;
    }
    const name = unique('poisoned');
    @eventListener(E, name)
    class Poisoned {
      on(): void {
        throw new TypeError('never works');
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [Poisoned], retry: { maxRetries: 2, initialDelayMs: 1, jitter: 'none' } });
    const harness = createHarness(manager);
    const { id } = await manager.sendEvent(E, { n: 7 }, { headers: { session_id: 's 1' } });
    await harness.waitFor.archived(Poisoned);
    const archived = await archiveOf(world, name);
    expect(archived).toHaveLength(1);
    expect(archived[0]?.body).toBe('{"n":7}');
    expect(Object.fromEntries(archived[0]?.headers ?? [])).toMatchObject({
      cloudEvents_id: id,
      session_id: 's 1',
      tidings_error_reason: 'failed',
      tidings_error_class: 'TypeError',
      tidings_error_message: 'never works',
      tidings_error_attempts: '3',
      tidings_error_listener: name,
    });
    expect(harness.failed(Poisoned).map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it('is settled whatever it throws', async () => {
    @event(unique('odd'))
    class E {
      readonly n: number = 0;
    }
    const odd: unknown[] = [
      Object.assign(new Error('x'), { message: { not: 'a text' }, stack: [1], name: 5 }),
      undefined,
      Object.create(null),
      new Proxy(new Error('x'), {
        get: () => {
          throw new Error('cannot even be looked at');
        },
      }),
    ];
    const name = unique('odd');
    @eventListener(E, name)
    class L {
      on({ n }: E): void {
        throw odd[n];
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L], retry: false });
    const harness = createHarness(manager);
    await manager.sendEvents(odd.map((_, n) => Object.assign(new E(), { n })));
    await harness.waitFor.archived(L, { count: odd.length });
    expect(await countOf(world, `archive.${name}`)).toBe(odd.length);
    expect(manager.health().subscriptions[0]?.running).toBe(0);
  });

  it('gets nothing of what a pipeline changed in a failed attempt', async () => {
    @event(unique('edited'))
    class E {
      readonly n: number = 0;
    }
    const marks: (string | undefined)[] = [];
    const editing: EnvelopePipeline = {
      handle: (envelope, _listener, next) => {
        marks.push(envelope.get('mark'));
        envelope.set('mark', 'edited');
        return next();
      },
    };
    @eventListener(E, unique('l'))
    class L {
      on(_e: E, { attempt, envelope }: EventContext): void {
        expect(envelope.get('mark')).toBe('edited');
        if (attempt === 1) throw new Error('once');
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L], pipelines: [editing], retry: { initialDelayMs: 1 } });
    const harness = createHarness(manager);
    await manager.sendEvent(E, { n: 1 }, { headers: { mark: 'sent' } });
    await harness.waitFor.handled(L);
    expect(marks).toEqual(['sent', 'sent']);
  });
});

describe('an archived event', () => {
  it('that an operator puts back begins a new round: attempts from 1, and archived again if it fails again', async () => {
    @event(unique('again'))
    class E {
      readonly n: number = 0;
    }
    const name = unique('again');
    const attempts: number[] = [];
    @eventListener(E, name)
    class L {
      on(_e: E, { attempt }: EventContext): void {
        attempts.push(attempt);
        throw new Error('still broken');
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L], retry: { maxRetries: 1, initialDelayMs: 1, jitter: 'none' } });
    const harness = createHarness(manager);
    await manager.sendEvent(new E());
    await harness.waitFor.archived(L);
    const [archived] = await archiveOf(world, name);
    const provider = await world.provider();
    await provider.send(archived as WireMessage, { address: eventName(E), routing: 'multicast', deadlineAt: Date.now() + 5000 });
    await harness.waitFor.archived(L, { count: 2 });
    expect(attempts).toEqual([1, 2, 1, 2]);
    const rounds = (await archiveOf(world, name)).map(({ headers }) => [headers.get('tidings_round'), headers.get('tidings_attempt')]);
    expect(rounds).toEqual([
      [undefined, '2'],
      ['1', '2'],
    ]);
  });
});

describe('a class with validated fields', () => {
  it('is warned about at start when it has others, which would be dropped', async () => {
    @event(unique('half'))
    class Half {
      readonly n: number = 0;
      readonly forgotten: string = '';
    }
    IsInt()(Half.prototype, 'n');
    @eventListener(Half, unique('l'))
    class L {
      on(): void {
        // never called
      }
    }
    await using world = new World();
    await world.started({ listeners: [L] });
    expect(world.logger.text()).toMatch(/warn .*dropped.*forgotten/);
  });
});

describe('what cannot be read', () => {
  it('goes to the archive at once, with the reason, and the next event is handled', async () => {
    const address = unique('unreadable');
    @event({ name: address, accepts: ['other.name'] })
    class E {
      readonly n: number = 0;
    }
    IsInt()(E.prototype, 'n');
    const name = unique('l');
    const seen: number[] = [];
    @eventListener(E, name)
    class L {
      on({ n }: E): void {
        seen.push(n);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L], maxBodyBytes: 1000 });
    const harness = createHarness(manager);
    const foreign = await foreignSender(world);
    await foreign(address, 'no json');
    await foreign(address, '{"n":"not a number"}');
    await foreign(address, '{"n":1}', { cloudEvents_type: 'something.else' });
    await foreign(address, `{"n":1,"s":"${'x'.repeat(1000)}"}`);
    await foreign(address, '{"n":2}', { cloudEvents_type: 'other.name' });
    await foreign(address, '{"n":3}');
    await harness.waitFor.handled(L, { count: 2 });
    await harness.waitFor.archived(L, { count: 4 });
    expect(seen).toEqual([2, 3]);
    const reasons = (await archiveOf(world, name)).map(({ headers }) => [
      headers.get('tidings_error_reason'),
      headers.get('tidings_error_attempts'),
    ]);
    expect(reasons.sort()).toEqual([
      ['invalid', '1'],
      ['too-large', '1'],
      ['undecodable', '1'],
      ['unknown-event', '1'],
    ]);
  });

  it('is refused on sending too, before anything leaves', async () => {
    @event(unique('invalid'))
    class E {
      readonly s: string = '';
    }
    IsString()(E.prototype, 's');
    await using world = new World();
    const manager = await world.started();
    await expect(manager.sendEvent(E, { s: 5 as unknown as string })).rejects.toMatchObject({
      code: 'invalid-event',
      faults: [expect.objectContaining({ path: 's' })],
    });
    await expect(manager.sendEvent(E, { s: 'x'.repeat(2 * 1024 * 1024) })).rejects.toMatchObject({ code: 'too-large' });
    await expect(manager.sendEvent(E, { s: '', constructor: 1 } as unknown as E)).rejects.toMatchObject({ code: 'not-an-event' });
    await expect(manager.sendEvent(E, JSON.parse('{"s":5,"__proto__":{}}') as E)).rejects.toMatchObject({ code: 'not-an-event' });
    await expect(manager.sendEvent(new (class Plain {})())).rejects.toMatchObject({
      code: 'not-an-event',
      message: expect.stringContaining('Plain'),
    });
    expect(manager.counters().sent).toBe(0);
  });

  it.each([undefined, null, 'text'])('is refused where its create() gives %p, which is none', async (given) => {
    const name = unique('uncreated');
    @event({ name, create: () => given as unknown as { s: string } })
    class E {
      readonly s: string = '';
    }
    await using world = new World();
    const manager = await world.started();
    const message = expect.stringContaining(`create() of @event('${name}') gave`);
    await expect(manager.sendEvent(E, { s: '' })).rejects.toMatchObject({ code: 'not-an-event', message });
  });

  it('is what a pipeline made invalid', async () => {
    @event(unique('spoilt'))
    class E {
      s = 'fine';
    }
    IsString()(E.prototype, 's');
    const spoiling: EnvelopePipeline = {
      send: (envelope, _event, next) => {
        (envelope.event as { s: unknown }).s = 1;
        return next();
      },
    };
    await using world = new World();
    const manager = await world.started({ pipelines: [spoiling] });
    await expect(manager.sendEvent(new E())).rejects.toMatchObject({ code: 'invalid-event' });
  });
});

describe('a pipeline', () => {
  it('wraps sending and handling, lower orders further out', async () => {
    @event(unique('piped'))
    class E {
      readonly n: number = 0;
    }
    const steps: string[] = [];
    const stage = (name: string, order: number): EnvelopePipeline & { order: number } => ({
      order,
      send: async (envelope, _event, next) => {
        steps.push(`${name} sends`);
        envelope.set(name, 'was here');
        await next();
        steps.push(`${name} sent`);
      },
      handle: async (envelope, _listener, next) => {
        steps.push(`${name} handles ${String(envelope.get(name))}`);
        await next();
        steps.push(`${name} handled`);
      },
    });
    @eventListener(E, unique('l'))
    class L {
      on(): void {
        steps.push('listener');
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L], pipelines: [stage('inner', 5)], addPipelines: [stage('outer', -5)] });
    await manager.sendEvent(new E());
    await waitUntil(() => steps.includes('outer handled') && steps.includes('outer sent'));
    expect(steps.filter((step) => step.includes('sen'))).toEqual(['outer sends', 'inner sends', 'inner sent', 'outer sent']);
    expect(steps.filter((step) => !step.includes('sen') || step === 'listener')).toEqual([
      'outer handles was here',
      'inner handles was here',
      'listener',
      'inner handled',
      'outer handled',
    ]);
  });

  it('may stop an event in either direction, which is counted', async () => {
    @event(unique('stopped'))
    class E {
      readonly n: number = 0;
    }
    const name = unique('l');
    @eventListener(E, name)
    class L {
      on(): void {
        throw new Error('must not be called');
      }
    }
    await using world = new World();
    const stopsSends = await world.started({ pipelines: [{ send: () => Promise.resolve() }] });
    await expect(stopsSends.sendEvent(new E())).resolves.toMatchObject({ sent: false });
    expect(stopsSends.counters()).toMatchObject({ stopped: 1, sent: 0 });
    const stopsHandling = await world.started({ listeners: [L], pipelines: [{ handle: () => Promise.resolve() }] });
    await stopsHandling.sendEvent(new E());
    await waitUntil(() => stopsHandling.counters().stopped === 1);
    await createHarness(stopsHandling).quiet();
    expect(await countOf(world, `${eventName(E)}::${name}`)).toBe(0);
  });

  it('that hangs is given up at the deadline, and the event never leaves', async () => {
    @event(unique('hung'))
    class E {
      readonly n: number = 0;
    }
    const hold = gate();
    await using world = new World();
    const manager = await world.started({ pipelines: [{ send: (_envelope, _event, next) => hold.promise.then(next) }] });
    await expect(manager.sendEvent(E, { n: 1 }, { timeoutMs: 40 })).rejects.toMatchObject({ code: 'send-timeout', outcome: 'not-sent' });
    hold.open();
    await stays(() => manager.counters().sent === 0, { windowMs: 50 });
    expect(manager.counters().unsent).toBe(1);
  });

  it('may replace the body on both sides', async () => {
    @event(unique('turned'))
    class E {
      readonly text: string = '';
    }
    const turn = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes, (byte) => byte ^ 0xff);
    const turning: EnvelopePipeline = {
      send: (envelope, _event, next) => {
        envelope.setBody(turn(envelope.body), 'application/x-turned');
        return next();
      },
      handle: (envelope, _listener, next) => {
        expect(envelope.contentType).toBe('application/x-turned');
        envelope.setBody(turn(envelope.body), 'application/json');
        return next();
      },
    };
    const seen: string[] = [];
    @eventListener(E, unique('l'))
    class L {
      on({ text }: E): void {
        seen.push(text);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L], pipelines: [turning] });
    const harness = createHarness(manager);
    await manager.sendEvent(E, { text: 'grüße' });
    await harness.waitFor.handled(L);
    expect(seen).toEqual(['grüße']);
  });
});

describe('concurrency', () => {
  it('is reached and never exceeded', async () => {
    @event(unique('many'))
    class E {
      readonly n: number = 0;
    }
    let running = 0;
    let most = 0;
    const enough = gate();
    @eventListener(E, { name: unique('l'), concurrency: 4 })
    class L {
      async on(): Promise<void> {
        most = Math.max(most, ++running);
        if (running === 4) enough.open();
        await enough.promise;
        await Promise.resolve();
        running--;
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    const harness = createHarness(manager);
    await manager.sendEvents(Array.from({ length: 100 }, () => new E()));
    await harness.waitFor.handled(L, { count: 100 });
    expect(most).toBe(4);
  });

  it('of one starts the second event after the first is settled, in order', async () => {
    @event(unique('one'))
    class E {
      readonly n: number = 0;
    }
    const seen: number[] = [];
    @eventListener(E, { name: unique('l'), concurrency: 1 })
    class L {
      async on({ n }: E): Promise<void> {
        await Promise.resolve();
        seen.push(n);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    const harness = createHarness(manager);
    await manager.sendEvents(Array.from({ length: 1000 }, (_, n) => Object.assign(new E(), { n })));
    await harness.waitFor.handled(L, { count: 1000 });
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, n) => n));
  });
});

describe('a connection that is lost under a running listener', () => {
  it('does not make it run twice in this process: the redelivery takes over the result', async () => {
    @event(unique('cut'))
    class E {
      readonly n: number = 0;
    }
    const name = unique('l');
    let calls = 0;
    const inside = gate();
    const hold = gate();
    @eventListener(E, { name, concurrency: 1, prefetch: 0 })
    class L {
      async on(): Promise<void> {
        calls++;
        inside.open();
        await hold.promise;
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    await manager.sendEvent(new E());
    await inside.promise;
    world.broker.cut();
    await waitUntil(() => manager.health().ready);
    hold.open();
    await waitUntil(() => manager.counters().adopted === 1);
    await waitUntil(async () => (await countOf(world, `${eventName(E)}::${name}`)) === 0);
    expect(calls).toBe(1);
    expect(manager.counters()).toMatchObject({ stale: 1, adopted: 1, handled: 1 });
  });

  it('counts its event as archived when that is done at last', async () => {
    @event(unique('cut'))
    class E {
      readonly n: number = 0;
    }
    const inside = gate();
    const hold = gate();
    @eventListener(E, { name: unique('l'), concurrency: 1, prefetch: 0 })
    class L {
      async on(): Promise<void> {
        inside.open();
        await hold.promise;
        throw new Unrecoverable('no way');
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    await manager.sendEvent(new E());
    await inside.promise;
    world.broker.down();
    hold.open();
    await waitUntil(() => manager.counters().stale === 1);
    expect(manager.counters().archived).toBe(0);
    world.broker.up();
    await waitUntil(() => manager.health().ready);
    await waitUntil(async () => (await manager.archive(L).count()) === 1);
    await waitUntil(() => manager.counters().archived === 1);
    expect(manager.counters()).toMatchObject({ stale: 1, adopted: 1, failed: 1, archived: 1 });
  });
});

// --- small worlds ------------------------------------------------------------------------------------------------------

function threeListeners() {
  @event(unique('three'))
  class E {
    readonly n: number = 0;
  }
  const calls: number[][] = [[], [], []];
  const listeners = calls.map((seen, index) => {
    @eventListener(E, unique(`l${String(index)}`))
    class L {
      on({ n }: E): void {
        seen.push(n);
      }
    }
    return L;
  });
  return { E, calls, listeners };
}

/** A listener L of `start` that does what it is told, and a listener of `follow` that notes what came. */
function relay() {
  @event(unique('start'))
  class Start {
    readonly x: number = 0;
  }
  @event(unique('follow'))
  class FollowUp {
    readonly how: string = '';
  }
  const seen: { how: string; causationId: string | undefined }[] = [];
  const listener = Object.assign(
    (act: (context: EventContext, send: () => Promise<unknown>) => Promise<unknown>) => {
      const name = unique('l');
      @eventListener(Start, name)
      class L {
        async on(_e: Start, context: EventContext): Promise<void> {
          await act(context, () => listener.send());
        }
      }
      @eventListener(FollowUp, unique('follow'))
      class Follow {
        on({ how }: FollowUp, { envelope }: EventContext): void {
          seen.push({ how, causationId: envelope.causationId });
        }
      }
      return { L, Follow, name };
    },
    { send: (): Promise<unknown> => Promise.reject(new SendError('not-sent', 'not-running', 'no manager yet')) },
  );
  return { E: { start: Start, follow: FollowUp }, listener, seen };
}

function eventName(target: object): string {
  return (Reflect.getOwnMetadata('tidings:event', target) as { name: string }).name;
}

async function countOf(world: World, queue: string): Promise<number> {
  return (await world.queues()).count(queue);
}

async function archiveOf(world: World, listener: string) {
  const found = [];
  for await (const message of (await world.queues()).browse(`archive.${listener}`)) found.push(message);
  return found;
}

async function foreignSender(world: World) {
  const provider = await world.provider();
  return (address: string, body: string, headers: Record<string, string> = {}): Promise<void> =>
    provider.send(
      { body, headers: new Map(Object.entries(headers)), durable: true },
      { address, routing: 'multicast', deadlineAt: Date.now() + 5000 },
    );
}
