import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { ValidateBy } from 'class-validator';
import { event, EventManager, eventListener, MemoryBroker, MemoryProvider } from '../../src/index.js';
import type { EnvelopePipeline, EventContext, EventingOptions, EventManagerOptions, SendOptions, StateChange } from '../../src/index.js';
import { createHarness } from '../../src/testing/harness.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { gate, onceEach, unique, World } from '../support/world.js';

@event(unique('lifecycle'))
class E {
  readonly n: number = 0;
}

describe('starting', () => {
  it('happens by itself with the first send', async () => {
    await using world = new World();
    const manager = world.manager();
    expect(manager.state).toBe('idle');
    await expect(manager.sendEvent(new E())).resolves.toMatchObject({ sent: true });
    expect(manager.state).toBe('running');
  });

  it('reports five mistakes and an undecorated class in one error', async () => {
    class Undecorated {
      on(): void {
        // not decorated
      }
    }
    @eventListener(E, 'bad name')
    class BadName {
      on(): void {
        // badly named
      }
    }
    @eventListener(E, { name: unique('l'), concurency: 3 } as object)
    class Misspelt {
      on(): void {
        // misspelt
      }
    }
    // @ts-expect-error -- no on(): plain JavaScript would not notice
    @eventListener(E, unique('l'))
    class NoOn {}
    @eventListener(E, unique('l'))
    class Unmakable {
      constructor() {
        throw new Error('no database');
      }
      on(): void {
        // never made
      }
    }
    await using world = new World();
    const manager = world.manager({
      listeners: [Undecorated, BadName, Misspelt, NoOn, Unmakable],
      concurrency: 0,
      maxpending: 3,
    } as Partial<EventingOptions>);
    const error = await manager.start().catch((thrown: unknown) => thrown as { code: string; mistakes: string[]; message: string });
    expect(error).toMatchObject({ code: 'configuration' });
    const { mistakes } = error as { mistakes: string[] };
    expect(mistakes).toHaveLength(7);
    for (const mistake of [
      /Undecorated .*not decorated/,
      /'bad name' of BadName/,
      /Misspelt .*unknown option 'concurency': did you mean 'concurrency'\?/,
      /NoOn is a listener without a method on/,
      /Unmakable cannot be made: no database/,
      /option 'concurrency'/,
      /unknown option 'maxpending': did you mean 'maxPending'\?/,
    ]) {
      expect(mistakes).toContainEqual(expect.stringMatching(mistake));
    }
    expect(manager.state).toBe('failed');
    await expect(manager.sendEvent(new E())).rejects.toMatchObject({ code: 'configuration', outcome: 'not-sent', cause: error });
  });

  it('reports options that are not at all what they should be', async () => {
    await using world = new World();
    for (const options of [
      { provider: undefined },
      { listeners: class {} },
      { addPipelines: {} },
      { pipelines: [null] },
      { hooks: { beforeStart: 'x' } },
    ]) {
      const manager = world.manager(options as unknown as Partial<EventingOptions>);
      await expect(manager.start()).rejects.toMatchObject({
        code: 'configuration',
        mistakes: [expect.stringContaining(Object.keys(options)[0] as string)],
      });
      expect(manager.health().ready).toBe(false);
    }
  });

  it('goes on for one caller when another, who began it, gives up', async () => {
    await using world = new World();
    world.broker.down();
    const manager = world.manager();
    const controller = new AbortController();
    const first = manager.start({ signal: controller.signal });
    const second = manager.start();
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: 'start-timeout' });
    world.broker.up();
    await second;
    expect(manager.state).toBe('running');
  });

  it('is begun once, also by whoever is told of it', async () => {
    await using world = new World();
    const manager = world.manager();
    const sends: Promise<unknown>[] = [];
    manager.onStateChange(({ state }) => {
      if (state === 'starting' && sends.length === 0) sends.push(manager.sendEvent(new E()));
    });
    await manager.start();
    expect(await Promise.all(sends)).toEqual([expect.objectContaining({ sent: true })]);
  });

  it('that is refused leaves a provider alone which somebody else uses', async () => {
    await using world = new World();
    const provider = new MemoryProvider({ broker: world.broker });
    const owner = await world.started({ provider });
    await expect(world.manager({ provider }).start()).rejects.toMatchObject({ code: 'configuration' });
    await expect(owner.sendEvent(new E())).resolves.toMatchObject({ sent: true });
  });

  it('does no I/O before it, and makes nothing', () => {
    const provider = new MemoryProvider();
    const made: unknown[] = [];
    const manager = new EventManager({ provider, resolve: (target) => made.push(target) });
    expect(manager.state).toBe('idle');
    expect(manager.health().provider.state).toBe('stopped');
    expect(made).toEqual([]);
  });

  it('tries an absent broker until startTimeoutMs, and may be tried again', async () => {
    await using world = new World();
    world.broker.down();
    const manager = world.manager({ startTimeoutMs: 60 });
    await expect(manager.start()).rejects.toMatchObject({ code: 'start-timeout', retryable: true });
    expect(manager.state).toBe('failed');
    world.broker.up();
    await manager.start();
    expect(manager.state).toBe('running');
  });

  it('tries once with startTimeoutMs 0', async () => {
    await using world = new World();
    world.broker.down();
    await expect(world.manager({ startTimeoutMs: 0 }).start()).rejects.toMatchObject({ code: 'connection', retryable: true });
  });

  it('begun by a send tries on, each send to its own deadline', async () => {
    await using world = new World();
    world.broker.down();
    const manager = world.manager({ startTimeoutMs: 1 });
    await expect(manager.sendEvent(E, { n: 1 }, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'send-timeout', outcome: 'not-sent' });
    const patient = manager.sendEvent(new E());
    world.broker.up();
    await expect(patient).resolves.toMatchObject({ sent: true });
  });

  it('is idempotent', async () => {
    await using world = new World();
    const manager = world.manager();
    await Promise.all([manager.start(), manager.start()]);
    await manager.start();
    expect(manager.state).toBe('running');
  });

  it('without a service name says how to give one', async () => {
    await using world = new World();
    const [script] = [process.argv[1]];
    process.argv[1] = '/nowhere/main.js';
    try {
      const options: EventManagerOptions = {
        provider: new MemoryProvider({ broker: world.broker }),
        listeners: [],
        pipelines: [],
        resolve: onceEach(),
      };
      await expect(new EventManager(options).start()).rejects.toMatchObject({ mistakes: [expect.stringContaining('serviceName')] });
    } finally {
      process.argv[1] = script as string;
    }
  });

  it('takes an option that is undefined for one that is not given', async () => {
    @eventListener(E, unique('l'))
    class L {
      on(): void {
        throw new Error('always');
      }
    }
    await using world = new World();
    const retry = { maxRetries: undefined, initialDelayMs: undefined, jitter: 'none' } as unknown as EventingOptions['retry'];
    const manager = await world.started({ listeners: [L], retry, serverName: undefined });
    const harness = createHarness(manager);
    await manager.sendEvent(new E());
    await harness.waitFor.failed(L);
    await stays(() => harness.failed(L).length === 1, { windowMs: 300, what: 'one attempt, as the default delay is a second' });
  });

  it('calls its hooks, and fails with them', async () => {
    await using world = new World();
    const steps: string[] = [];
    const note = (step: string) => () => void steps.push(step);
    const hooks = {
      beforeStart: note('beforeStart'),
      afterStart: note('afterStart'),
      beforeStop: note('beforeStop'),
      afterStop: note('afterStop'),
    };
    const manager = world.manager({ hooks });
    await manager.start();
    await manager.stop();
    expect(steps).toEqual(['beforeStart', 'afterStart', 'beforeStop', 'afterStop']);
    const failing = world.manager({ hooks: { beforeStart: () => Promise.reject(new Error('hook')) } });
    await expect(failing.start()).rejects.toThrow('hook');
    const failingLater = world.manager({ hooks: { afterStart: () => Promise.reject(new Error('hook')) } });
    await expect(failingLater.start()).rejects.toThrow('hook');
    expect(failingLater.state).toBe('stopped');
  });

  it('opens no receiver in a process that only sends', async () => {
    @eventListener(E, unique('l'))
    class L {
      on(): void {
        // never subscribed
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L], consume: false });
    expect(manager.health().subscriptions).toEqual([]);
    await expect(manager.sendEvent(new E())).resolves.toMatchObject({ sent: true });
  });
});

describe('sending', () => {
  it('rejects at once beyond maxPending', async () => {
    await using world = new World();
    const manager = await world.started({ maxPending: 2 });
    const release = world.broker.holdConfirmations();
    const waiting = [manager.sendEvent(new E()), manager.sendEvent(new E())];
    await expect(manager.sendEvent(new E())).rejects.toMatchObject({ code: 'send-pending', outcome: 'not-sent' });
    expect(manager.health().pending).toBe(2);
    release();
    await Promise.all(waiting);
  });

  it('is pending until the broker confirms, and unknown when it does not by the deadline', async () => {
    await using world = new World();
    const manager = await world.started();
    const release = world.broker.holdConfirmations();
    let confirmed = false;
    const sending = manager.sendEvent(new E()).then(() => (confirmed = true));
    await expect(manager.sendEvent(E, { n: 1 }, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'send-timeout', outcome: 'unknown' });
    expect(confirmed).toBe(false);
    release();
    await sending;
    expect(manager.counters()).toMatchObject({ sent: 1, unknown: 1 });
  });

  it('can be given up by a signal', async () => {
    await using world = new World();
    const manager = await world.started();
    world.broker.holdConfirmations();
    const controller = new AbortController();
    const sending = manager.sendEvent(E, { n: 1 }, { signal: controller.signal });
    controller.abort();
    await expect(sending).rejects.toMatchObject({ code: 'send-aborted' });
    await expect(manager.sendEvent(E, { n: 1 }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'send-aborted',
      outcome: 'not-sent',
    });
  });

  it('many times with one signal listens to it a few times only: Node warns of a leak from the eleventh on', async () => {
    await using world = new World();
    const manager = await world.started({ pipelines: [{ send: (_envelope, _event, next) => next() }] });
    const release = world.broker.holdConfirmations();
    const { signal } = new AbortController();
    const sending = Promise.all(Array.from({ length: 100 }, (_, n) => manager.sendEvent(E, { n }, { signal })));
    expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(3);
    release();
    await sending;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('of many tells each', async () => {
    await using world = new World();
    const manager = await world.started();
    const results = await manager.sendEvents(Array.from({ length: 3000 }, () => new E()));
    expect(new Set(results.map(({ id }) => id)).size).toBe(3000);
    const error = await manager.sendEvents([new E(), new (class NoEvent {})(), new E()]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'send-many', results: [{ status: 'fulfilled' }, { status: 'rejected' }, { status: 'fulfilled' }] });
  });

  it('by name needs no class', async () => {
    const address = unique('by.name');
    @event(address)
    class Named {
      readonly x: number = 0;
    }
    const seen: Named[] = [];
    @eventListener(Named, unique('l'))
    class L {
      on(named: Named): void {
        seen.push(named);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    const harness = createHarness(manager);
    await manager.send(address, { x: 5 });
    await harness.waitFor.handled(L);
    expect(seen).toEqual([Object.assign(new Named(), { x: 5 })]);
    await expect(manager.send('a::b', {})).rejects.toMatchObject({ code: 'configuration' });
  });

  it('is checked for its name and options, though nobody listens', async () => {
    @event({ name: 'a::b', durabel: true } as object)
    class Wrong {
      readonly n: number = 0;
    }
    await using world = new World();
    const manager = await world.started();
    const error = await manager.sendEvent(new Wrong()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'configuration',
      mistakes: [expect.stringContaining("'::'"), expect.stringContaining("'durable'")],
    });
  });

  it('ends at its deadline when a rule of validation hangs', async () => {
    @event(unique('slow'))
    class Slow {
      readonly n: number = 0;
    }
    ValidateBy({ name: 'hangs', async: true, validator: { validate: () => new Promise<boolean>(() => undefined) } })(Slow.prototype, 'n');
    await using world = new World();
    const manager = await world.started();
    await expect(manager.sendEvent(Slow, { n: 1 }, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'send-timeout', outcome: 'not-sent' });
    expect(manager.health().pending).toBe(0);
  });

  it('refuses options that would lose it', async () => {
    await using world = new World();
    const manager = await world.started();
    await expect(manager.sendEvent(E, { n: 1 }, { timeoutMs: Number.NaN })).rejects.toMatchObject({ code: 'configuration' });
    const options: SendOptions = { id: 'one for all' };
    await expect(manager.sendEvents([new E(), new E()], options)).rejects.toMatchObject({ code: 'configuration' });
    await expect(manager.sendEvent(E, { n: 1 }, { timeoutMs: Infinity })).rejects.toMatchObject({ code: 'configuration' });
    await expect(manager.sendEvent(E, { n: 1 }, { id: 5 as unknown as string })).rejects.toMatchObject({ code: 'configuration' });
    await expect(manager.sendEvent(E, { n: 1 }, { headers: { destination: 'x' } })).rejects.toMatchObject({ code: 'invalid-header' });
  });

  it('of the same id arrives once', async () => {
    @event(unique('once'))
    class Once {
      readonly x: number = 0;
    }
    @eventListener(Once, unique('l'))
    class L {
      on(): void {
        // counted by the harness
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    const harness = createHarness(manager);
    const id = unique('id');
    await manager.sendEvent(Once, { x: 1 }, { id });
    await manager.sendEvent(Once, { x: 1 }, { id });
    await harness.waitFor.handled(L);
    await stays(() => harness.handled(L).length === 1, { windowMs: 50 });
  });
});

describe('sending with whenOffline', () => {
  const refused = { name: 'SendError', outcome: 'not-sent', code: 'connection', retryable: true };

  it("'wait', the default, waits for the broker to come back", async () => {
    await using world = new World();
    const manager = await world.started();
    world.broker.down();
    const sending = manager.sendEvent(new E());
    await stays(() => manager.health().pending === 1, { windowMs: 100 });
    world.broker.up();
    await expect(sending).resolves.toMatchObject({ sent: true });
  });

  it("'fail' rejects at once while the connection is away, before any pipeline, and sends again when it is back", async () => {
    let passed = 0;
    const counting: EnvelopePipeline = {
      send: (_envelope, _event, next) => {
        passed++;
        return next();
      },
    };
    await using world = new World();
    const manager = await world.started({ whenOffline: 'fail', pipelines: [counting] });
    world.broker.down();
    await waitUntil(() => !manager.health().ready);
    const { error: why } = manager.health().provider;
    const error = await manager.sendEvent(E, { n: 1 }, { id: 'known' }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ ...refused, id: 'known', message: expect.stringContaining(String(why)) });
    await expect(manager.sendEvents([new E(), new E()])).rejects.toMatchObject({ code: 'send-many', retryable: true });
    expect([passed, manager.counters().unsent, manager.health().pending]).toEqual([0, 3, 0]);
    world.broker.up();
    await waitUntil(() => manager.health().ready);
    await expect(manager.sendEvent(new E())).resolves.toMatchObject({ sent: true });
  });

  it("'fail' rejects the first send of an idle manager when the first attempt to connect has failed, and goes on starting", async () => {
    await using world = new World();
    world.broker.down();
    const manager = world.manager({ whenOffline: 'fail' });
    const changes: StateChange[] = [];
    manager.onStateChange((change) => changes.push(change));
    await expect(manager.sendEvent(E, { n: 1 }, { timeoutMs: 600_000 })).rejects.toMatchObject(refused);
    expect(manager.state).toBe('starting');
    const { error: why } = manager.health().provider;
    await expect(manager.sendEvent(new E())).rejects.toMatchObject({ ...refused, message: expect.stringContaining(String(why)) });
    world.broker.up();
    await waitUntil(() => manager.state === 'running');
    expect(changes.filter(({ state }) => state === 'failed')).toEqual([]);
    await expect(manager.sendEvent(new E())).resolves.toMatchObject({ sent: true });
  });

  it("'fail' starts an idle manager whose broker is there", async () => {
    await using world = new World();
    await expect(world.manager({ whenOffline: 'fail' }).sendEvent(new E())).resolves.toMatchObject({ sent: true });
  });

  it("'fail' does not go by the failure of an earlier start", async () => {
    await using world = new World();
    world.broker.down();
    const manager = world.manager({ whenOffline: 'fail', startTimeoutMs: 0 });
    await expect(manager.start()).rejects.toMatchObject({ code: 'connection' });
    world.broker.up();
    await expect(manager.sendEvent(new E())).resolves.toMatchObject({ sent: true });
  });

  it("'fail' tells a wrong start as it is, and a stopped manager as stopped", async () => {
    await using world = new World();
    const wrong = world.manager({ whenOffline: 'fail', concurrency: 0 });
    await expect(wrong.sendEvent(new E())).rejects.toMatchObject({ code: 'configuration', outcome: 'not-sent' });
    const stopped = await world.started({ whenOffline: 'fail' });
    await stopped.stop();
    world.broker.down();
    await expect(stopped.sendEvent(new E())).rejects.toMatchObject({ code: 'not-running' });
  });

  it("'fail' repeats a send that was under way when the connection went, until it is confirmed or its deadline has passed", async () => {
    await using world = new World();
    const manager = await world.started({ whenOffline: 'fail' });
    const release = world.broker.holdConfirmations();
    const patient = manager.sendEvent(new E());
    const brief = manager.sendEvent(E, { n: 1 }, { timeoutMs: 100 });
    world.broker.down();
    await waitUntil(() => !manager.health().ready);
    await expect(manager.sendEvent(new E())).rejects.toMatchObject(refused);
    await expect(brief).rejects.toMatchObject({ outcome: 'unknown' });
    release();
    world.broker.up();
    await expect(patient).resolves.toMatchObject({ sent: true });
  });

  it("'fail' refuses what a pipeline held until the connection was gone", async () => {
    const [inside, hold] = [gate(), gate()];
    const holding: EnvelopePipeline = {
      send: async (_envelope, _event, next) => {
        inside.open();
        await hold.promise;
        await next();
      },
    };
    await using world = new World();
    const manager = await world.started({ whenOffline: 'fail', pipelines: [holding] });
    const sending = manager.sendEvent(new E());
    await inside.promise;
    world.broker.down();
    await waitUntil(() => !manager.health().ready);
    hold.open();
    await expect(sending).rejects.toMatchObject(refused);
  });
});

describe('stopping', () => {
  function hanging() {
    @event(unique('hang'))
    class Hang {
      readonly n: number = 0;
    }
    const inside = gate();
    const hold = gate();
    const seen: { attempt: number; signal: AbortSignal }[] = [];
    @eventListener(Hang, { name: unique('l'), concurrency: 1 })
    class L {
      async on(_e: Hang, { attempt, signal }: EventContext): Promise<void> {
        seen.push({ attempt, signal });
        inside.open();
        await hold.promise;
        if (signal.aborted) throw new Error('because of the signal');
      }
    }
    return { Hang, L, inside, hold, seen };
  }

  it('lets running listeners finish and returns the rest', async () => {
    const { Hang, L, inside, hold, seen } = hanging();
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    await manager.sendEvents([new Hang(), new Hang(), new Hang()]);
    await inside.promise;
    const stopped = manager.stop();
    expect(manager.state).toBe('stopping');
    await expect(manager.sendEvent(new Hang())).rejects.toMatchObject({ code: 'not-running', outcome: 'not-sent' });
    hold.open();
    await stopped;
    expect(manager.counters()).toMatchObject({ handled: 1, failed: 0, late: 0 });
    const next = await world.started({ listeners: [L] });
    await waitUntil(() => next.counters().handled === 2);
    expect(seen.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
  });

  it('aborts at the deadline and gives the event to the next, uncounted', async () => {
    const { Hang, L, inside, hold, seen } = hanging();
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    await manager.sendEvent(new Hang());
    await inside.promise;
    const before = Date.now();
    await manager.stop({ deadlineMs: 50 });
    expect(Date.now() - before).toBeGreaterThanOrEqual(50);
    expect(seen[0]?.signal.aborted).toBe(true);
    hold.open();
    await waitUntil(() => manager.counters().late === 1);
    expect(manager.counters()).toMatchObject({ failed: 0, retried: 0, handled: 0 });
    expect(world.logger.text()).not.toContain('because of the signal');
    const next = await world.started({ listeners: [L] });
    await waitUntil(() => next.counters().handled === 1);
    expect(seen.map(({ attempt }) => attempt)).toEqual([1, 1]);
  });

  it('inside two listeners at once waits for neither', async () => {
    @event(unique('both'))
    class Last {
      readonly n: number = 0;
    }
    await using world = new World();
    const inside = gate();
    let calls = 0;
    let stop: () => Promise<void> = () => Promise.resolve();
    @eventListener(Last, unique('l'))
    class L {
      async on(): Promise<void> {
        if (++calls === 2) inside.open();
        await inside.promise;
        await stop();
      }
    }
    const manager = await world.started({ listeners: [L] });
    stop = () => manager.stop();
    await manager.sendEvents([new Last(), new Last()]);
    await waitUntil(() => manager.state === 'stopped', { timeoutMs: 5000 });
    expect(manager.counters()).toMatchObject({ handled: 2, late: 0, returned: 0 });
  });

  it('inside a listener waits for the others, not for itself', async () => {
    @event(unique('suicide'))
    class Last {
      readonly n: number = 0;
    }
    const name = unique('l');
    await using world = new World();
    let stop: () => Promise<void> = () => Promise.resolve();
    @eventListener(Last, name)
    class L {
      async on(): Promise<void> {
        await stop();
      }
    }
    const manager = await world.started({ listeners: [L] });
    stop = () => manager.stop();
    await manager.sendEvent(new Last());
    await waitUntil(() => manager.state === 'stopped');
    expect(manager.counters()).toMatchObject({ handled: 1, late: 0 });
  });

  it('inside a listener, at the first event of a queue that was full at the start, settles that event', async () => {
    const world = new World();
    await using _ = world;
    class L {
      async on(): Promise<void> {
        await manager.stop();
      }
    }
    eventListener(E, { name: unique('l'), concurrency: 1 })(L);
    const before = await world.started({ listeners: [L] });
    const queue = before.health().subscriptions[0]?.queue ?? '';
    await before.listener(L).pause();
    for (let n = 0; n < 3; n++) await before.sendEvent(new E());
    await before.stop();
    const manager = world.manager({ listeners: [L] });
    await manager.start();
    await waitUntil(() => manager.state === 'stopped');
    expect(manager.counters()).toMatchObject({ handled: 1, stale: 0 });
    expect(await (await world.queues()).count(queue)).toBe(2);
  });

  it('by who is told that it runs leaves no timer, and begins nothing', async () => {
    const clock = new VirtualClock();
    await using world = new World();
    class L {
      on(): void {
        // never called
      }
    }
    eventListener(E, unique('l'))(L);
    const manager = world.manager({ listeners: [L], provider: new MemoryProvider({ broker: new MemoryBroker({ clock }) }) });
    let stopped: Promise<void> | undefined;
    manager.onStateChange(({ state }) => {
      if (state === 'running') stopped ??= manager.stop();
    });
    const started = manager.start();
    await clock.advance(1_000);
    await started;
    await stopped;
    await clock.advance(0);
    expect([manager.state, clock.pending]).toEqual(['stopped', 0]);
  });

  it('lets a running listener send, until it has ended', async () => {
    @event(unique('farewell'))
    class Farewell {
      readonly n: number = 0;
    }
    const { Hang, inside, hold } = hanging();
    await using world = new World();
    const outcomes: unknown[] = [];
    @eventListener(Hang, unique('l'))
    class L {
      async on(_e: unknown, { sendEvent }: EventContext): Promise<void> {
        inside.open();
        await hold.promise;
        outcomes.push(await sendEvent(new Farewell()));
      }
    }
    const manager = await world.started({ listeners: [L] });
    await manager.sendEvent(new Hang());
    await inside.promise;
    const stopped = manager.stop();
    hold.open();
    await stopped;
    expect(outcomes).toEqual([expect.objectContaining({ sent: true })]);
  });

  it('twice, at once, while starting, while the broker is away, resolves', async () => {
    await using world = new World();
    const twice = await world.started();
    await Promise.all([twice.stop(), twice.stop()]);
    await twice.stop();
    expect(twice.state).toBe('stopped');
    const idle = world.manager();
    await idle.stop();
    expect(idle.state).toBe('stopped');
    world.broker.down();
    const starting = world.manager();
    const start = starting.start();
    await Promise.all([starting.stop(), expect(start).rejects.toMatchObject({ code: 'not-running' })]);
    world.broker.up();
    const reconnecting = await world.started();
    world.broker.down();
    await waitUntil(() => reconnecting.health().provider.state === 'reconnecting');
    await reconnecting.stop();
    expect(reconnecting.state).toBe('stopped');
  });

  it('can be followed by another start', async () => {
    @eventListener(E, unique('l'))
    class L {
      on(): void {
        // counted by the harness
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    await manager.stop();
    await expect(manager.sendEvent(new E())).rejects.toMatchObject({ code: 'not-running' });
    await manager.start();
    const harness = createHarness(manager);
    await manager.sendEvent(new E());
    await harness.waitFor.handled(L);
  });

  it('rejects a send that is still unconfirmed at the deadline', async () => {
    await using world = new World();
    const manager = await world.started();
    world.broker.holdConfirmations();
    const outcome = expect(manager.sendEvent(new E())).rejects.toMatchObject({ outcome: 'unknown' });
    await manager.stop({ deadlineMs: 30 });
    await outcome;
  });

  it('is not held up by hooks that hang, nor by a start that hangs', async () => {
    await using world = new World();
    const never = (): Promise<void> => new Promise(() => undefined);
    const hanging = await world.started({ hooks: { beforeStop: never, afterStop: never } });
    await hanging.stop({ deadlineMs: 30 });
    expect(hanging.state).toBe('stopped');
    const starting = world.manager({ hooks: { beforeStart: never } });
    const start = starting.start();
    await Promise.all([starting.stop({ deadlineMs: 30 }), expect(start).rejects.toMatchObject({ code: 'not-running' })]);
    await expect(world.manager({ hooks: { beforeStart: never }, startTimeoutMs: 30 }).start()).rejects.toMatchObject({
      code: 'start-timeout',
    });
  });

  it('while starting is no failure', async () => {
    await using world = new World();
    world.broker.down();
    const manager = world.manager();
    const states: string[] = [];
    manager.onStateChange(({ state }) => states.push(state));
    const start = manager.start();
    await Promise.all([manager.stop(), expect(start).rejects.toMatchObject({ code: 'not-running' })]);
    expect([...new Set(states)]).toEqual(['starting', 'stopped']);
  });

  it('works by `await using`', async () => {
    const broker = new MemoryBroker();
    let kept: EventManager;
    {
      await using manager = new EventManager({
        provider: new MemoryProvider({ broker }),
        serviceName: 's',
        listeners: [],
        pipelines: [],
        resolve: onceEach(),
      });
      await manager.start();
      kept = manager;
    }
    expect(kept.state).toBe('stopped');
  });
});

describe('health', () => {
  it('follows connect, cut, restore and stop, and tells it', async () => {
    @eventListener(E, unique('l'))
    class L {
      on(): void {
        // nothing to do
      }
    }
    await using world = new World();
    const manager = world.manager({ listeners: [L] });
    const changes: StateChange[] = [];
    const end = manager.onStateChange((change) => changes.push(change));
    expect(manager.health()).toMatchObject({ state: 'idle', ready: false });
    await manager.start();
    expect(manager.health()).toMatchObject({
      state: 'running',
      ready: true,
      degraded: [],
      subscriptions: [{ ready: true, running: 0, held: 0 }],
    });
    world.broker.down();
    await waitUntil(() => !manager.health().ready);
    expect(manager.health()).toMatchObject({
      state: 'running',
      degraded: expect.arrayContaining([expect.stringContaining('reconnecting')]),
    });
    world.broker.up();
    await waitUntil(() => manager.health().ready);
    await manager.stop();
    end();
    expect(manager.health()).toMatchObject({ state: 'stopped', ready: false });
    expect(changes.map(({ state }) => state)).toEqual(expect.arrayContaining(['starting', 'running', 'stopping', 'stopped']));
    expect(changes.map(({ provider }) => provider)).toEqual(expect.arrayContaining(['connected', 'reconnecting']));
  });

  it('survives callbacks, observers and loggers that throw', async () => {
    @eventListener(E, unique('l'))
    class L {
      on(): void {
        // counted by the harness
      }
    }
    const broken = (): never => {
      throw new Error('broken');
    };
    await using world = new World();
    const manager = world.manager({ listeners: [L], logger: { debug: broken, info: broken, warn: broken, error: broken } });
    manager.onStateChange(broken);
    manager.observe({ sent: broken, handled: broken });
    await manager.start();
    const harness = createHarness(manager);
    await manager.sendEvent(new E());
    await harness.waitFor.handled(L);
  });
});
