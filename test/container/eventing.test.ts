import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Container, inject, injectable } from 'inversify';
import { envelopePipeline, event, EventManager, eventing, eventListener, MemoryBroker, MemoryProvider } from '../../src/index.js';
import type { Envelope, EnvelopePipeline, EventingOptions } from '../../src/index.js';
import { createHarness } from '../../src/testing/harness.js';
import { KeptLogger, unique } from '../support/world.js';

@event(unique('contained'))
class E {
  readonly n: number = 0;
}

@injectable()
class Store {
  readonly seen: string[] = [];
}

@eventListener(E, unique('l'))
class Listener {
  constructor(@inject(Store) private readonly store: Store) {}

  on({ n }: E): void {
    this.store.seen.push(`listener ${String(n)}`);
  }
}

@envelopePipeline()
class Noting implements EnvelopePipeline {
  constructor(@inject(Store) private readonly store: Store) {}

  handle(_envelope: Envelope, _listener: unknown, next: () => Promise<void>): Promise<void> {
    this.store.seen.push('pipeline');
    return next();
  }
}

function options(more: Partial<EventingOptions> = {}): EventingOptions {
  return {
    provider: new MemoryProvider(),
    serviceName: 'test',
    listeners: [Listener],
    pipelines: [Noting],
    logger: new KeptLogger(),
    ...more,
  };
}

async function handledOnce(container: Container, listener: new (...args: never[]) => object = Listener): Promise<void> {
  const manager = container.get(EventManager);
  await manager.start();
  const harness = createHarness(container);
  await manager.sendEvent(E, { n: 1 });
  await harness.waitFor.handled(listener);
  await manager.stop();
}

describe('the container module', () => {
  it('binds the manager alone, and makes listeners and pipelines with their dependencies at start', async () => {
    const container = new Container();
    container.bind(Store).toSelf().inSingletonScope();
    container.load(eventing(options()));
    expect(container.get(EventManager)).toBe(container.get(EventManager));
    expect(container.isBound(Listener)).toBe(false);
    await handledOnce(container);
    expect(container.get(Store).seen).toEqual(['pipeline', 'listener 1']);
    expect(container.isBound(Listener)).toBe(false);
  });

  it('takes every decorated class when no list is given', async () => {
    const container = new Container();
    container.bind(Store).toSelf().inSingletonScope();
    container.load(eventing({ provider: new MemoryProvider(), serviceName: 'test' }));
    await handledOnce(container);
    expect(container.get(Store).seen).toEqual(['pipeline', 'listener 1']);
  });

  it("lets a user's own binding win, made before or after the module was loaded", async () => {
    for (const when of ['before', 'after']) {
      const container = new Container();
      container.bind(Store).toSelf().inSingletonScope();
      const own = new Listener(new Store());
      const seen: number[] = [];
      own.on = ({ n }) => void seen.push(n);
      if (when === 'before') container.bind(Listener).toConstantValue(own);
      container.load(eventing(options()));
      if (when === 'after') container.bind(Listener).toConstantValue(own);
      await handledOnce(container);
      expect(seen).toEqual([1]);
    }
  });

  it('makes a listener once, and one that is bound as transient for each event', async () => {
    let made = 0;
    @injectable()
    @eventListener(E, unique('counted'))
    class Counted {
      constructor() {
        made++;
      }
      on(): void {
        // counted by its constructor
      }
    }
    for (const [bind, expected] of [
      [false, 1],
      [true, 4],
    ] as const) {
      made = 0;
      const container = new Container();
      if (bind) container.bind(Counted).toSelf().inTransientScope();
      container.load(eventing(options({ listeners: [Counted], pipelines: [] })));
      const manager = container.get(EventManager);
      const harness = createHarness(container);
      await manager.sendEvents([new E(), new E(), new E()].map((e) => e));
      await harness.waitFor.handled(Counted, { count: 3 });
      await manager.stop();
      // One more was made at start, to find out whether it can be.
      expect(made).toBe(expected);
    }
  });

  it('waits for dependencies that come asynchronously', async () => {
    const container = new Container();
    container
      .bind(Store)
      .toDynamicValue(async () => Promise.resolve(new Store()))
      .inSingletonScope();
    container.load(eventing(options()));
    await handledOnce(container);
    expect((await container.getAsync(Store)).seen).toEqual(['pipeline', 'listener 1']);
  });

  it('fails at start for a dependency that nobody has bound, naming who wants what', async () => {
    const container = new Container();
    container.load(eventing(options()));
    const error = await container
      .get(EventManager)
      .start()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'configuration',
      mistakes: [expect.stringMatching(/Noting cannot be made:[^]*Store/), expect.stringMatching(/Listener cannot be made:[^]*Store/)],
    });
  });

  it('refuses a second manager without a name, and keeps named ones apart', async () => {
    const container = new Container();
    container.bind(Store).toSelf().inSingletonScope();
    container.load(eventing(options()));
    expect(() => {
      container.load(eventing(options()));
    }).toThrow(expect.objectContaining({ code: 'configuration' }));
    container.load(eventing(options({ name: 'second', listeners: [] })));
    expect(() => {
      container.load(eventing(options({ name: 'second' })));
    }).toThrow(expect.objectContaining({ code: 'configuration' }));
    const second = container.get(EventManager, { name: 'second' });
    expect(second).not.toBe(container.get(EventManager));
    await second.start();
    expect(container.get(EventManager).state).toBe('idle');
    await second.stop();
  });

  it('stops the manager when it is unloaded', async () => {
    const container = new Container();
    container.bind(Store).toSelf().inSingletonScope();
    const module = eventing(options());
    container.load(module);
    const manager = container.get(EventManager);
    await manager.start();
    await container.unloadAsync(module);
    expect(manager.state).toBe('stopped');
  });

  it('lets a listener inject the manager', async () => {
    @event(unique('answer'))
    class Answer {
      readonly n: number = 0;
    }
    @eventListener(E, unique('asks'))
    class Asks {
      constructor(@inject(EventManager) private readonly events: EventManager) {}
      async on({ n }: E): Promise<void> {
        await this.events.sendEvent(Answer, { n });
      }
    }
    @eventListener(Answer, unique('answers'))
    class Answers {
      on(): void {
        // counted by the harness
      }
    }
    const container = new Container();
    container.load(eventing(options({ listeners: [Asks, Answers], pipelines: [] })));
    const manager = container.get(EventManager);
    const harness = createHarness(container);
    await manager.sendEvent(new E());
    await harness.waitFor.handled(Answers);
    await manager.stop();
  });

  it('keeps containers apart that share a broker', async () => {
    const broker = new MemoryBroker();
    const containers = [0, 1].map(() => {
      const container = new Container();
      container.bind(Store).toSelf().inSingletonScope();
      return container;
    });
    const [sending, listening] = containers as [Container, Container];
    sending.load(eventing(options({ provider: new MemoryProvider({ broker }), consume: false })));
    listening.load(eventing(options({ provider: new MemoryProvider({ broker }) })));
    await listening.get(EventManager).start();
    const harness = createHarness(listening);
    await sending.get(EventManager).sendEvent(E, { n: 9 });
    await harness.waitFor.handled(Listener);
    expect(listening.get(Store).seen).toEqual(['pipeline', 'listener 9']);
    expect(sending.get(Store).seen).toEqual([]);
    await Promise.all(containers.map((container) => container.get(EventManager).stop()));
  });
});
