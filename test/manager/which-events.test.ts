import { describe, expect, it } from '@jest/globals';
import { IsInt } from 'class-validator';
import { event, EventManager, eventListener, MemoryProvider, upcaster } from '../../src/index.js';
import type { EventContext, Provider } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { onceEach, unique, World } from '../support/world.js';

const root = unique('which');

/** Undecorated. */
abstract class Shape {
  readonly n: number = 0;
}

@event(`${root}.circle`)
class Circle extends Shape {
  override readonly n: number;
  constructor(n = 0) {
    super();
    this.n = n;
  }
}

@event(`${root}.square`)
class Square extends Shape {
  @IsInt() override readonly n: number;
  constructor(n = 0) {
    super();
    this.n = n;
  }
}

@event({ name: `${root}.animal`, version: 2 })
class Animal {
  readonly name: string = '';
}

@upcaster(Animal, 1)
export class AnimalOne {
  up({ called, ...rest }: { called?: string }): object {
    return { ...rest, name: called };
  }
}

describe('a listener of a base class', () => {
  it('gets the events of every class derived from it, as instances of it, also of one that is declared later', async () => {
    const seen: object[] = [];
    const name = unique('base');
    @eventListener(Shape, name)
    class L {
      on(shape: Shape): void {
        seen.push(shape);
      }
    }
    @event(`${root}.later`)
    class Later extends Circle {}
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    expect(
      manager
        .health()
        .subscriptions.map(({ queue }) => queue)
        .sort(),
    ).toEqual(
      [`${root}.circle::${root}.circle.${name}`, `${root}.later::${root}.later.${name}`, `${root}.square::${root}.square.${name}`].sort(),
    );
    await manager.sendEvents([new Circle(1), new Square(2), new Later(3)]);
    await waitUntil(() => seen.length === 3);
    expect(seen).toEqual(expect.arrayContaining([new Circle(1), new Square(2), new Later(3)]));
    expect(seen.map((shape) => shape.constructor.name).sort()).toEqual(['Circle', 'Later', 'Square']);
  });

  it('that is an event itself keeps its plain queue, and has an archive and a control for each of its events', async () => {
    @event(`${root}.base`)
    class Base {
      readonly n: number;
      constructor(n = 0) {
        this.n = n;
      }
    }
    @event(`${root}.derived`)
    class Derived extends Base {
      @IsInt() declare readonly n: number;
    }
    const name = unique('base');
    @eventListener(Base, { name, retry: false })
    class L {
      on(one: Base): void {
        throw new Error(one.constructor.name);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    expect(manager.health().subscriptions.map(({ queue }) => queue)).toEqual([
      `${root}.base::${name}`,
      `${root}.derived::${root}.derived.${name}`,
    ]);
    await manager.sendEvents([new Base(1), new Derived(2)]);
    await waitUntil(async () => (await manager.archive(L).count()) === 1 && (await manager.archive(L, Derived).count()) === 1);
    await manager.send(`${root}.derived`, { n: 'x' });
    await waitUntil(async () => (await manager.archive(L, Derived).count()) === 2);
    const reasons: string[] = [];
    for await (const { reason } of manager.archive(L, Derived).browse()) reasons.push(reason);
    expect(reasons.sort()).toEqual(['failed', 'invalid']);
    await manager.listener(L, Derived).pause();
    expect([manager.listener(L).paused, manager.listener(L, Derived).paused]).toEqual([false, true]);
    expect(() => manager.archive(L, Circle)).toThrow(/does not listen to Circle/);
  });

  it('leaves to an explicit or nearer listener of the same class what that hears', async () => {
    class Top {
      readonly n = 1;
    }
    @event(`${root}.middle`)
    class Middle extends Top {}
    @event(`${root}.bottom`)
    class Bottom extends Middle {}
    @event(`${root}.beside`)
    class Beside extends Top {}
    const seen: string[] = [];
    @eventListener(Top, unique('top'))
    @eventListener(Middle, unique('middle'))
    class L {
      on(one: Top, { listener }: EventContext): void {
        seen.push(`${one.constructor.name} by ${listener.event.name}`);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    await manager.sendEvents([new Middle(), new Bottom(), new Beside()]);
    await waitUntil(() => seen.length >= 3);
    await waitUntil(() => manager.counters().handled === 3);
    expect(seen.sort()).toEqual(['Beside by Top', 'Bottom by Middle', 'Middle by Middle']);
    expect(manager.health().subscriptions).toHaveLength(3);
  });

  it('that nothing is derived from is a mistake', async () => {
    abstract class Lonely {
      readonly n = 1;
    }
    @eventListener(Lonely, unique('lonely'))
    class L {
      on(_one: Lonely): void {
        // nothing comes
      }
    }
    await using world = new World();
    await expect(world.started({ listeners: [L] })).rejects.toMatchObject({
      mistakes: [expect.stringMatching(/Lonely, which L listens to, is no event/)],
    });
  });
});

describe('a listener of a pattern', () => {
  it('gets instances of what is declared and plain data of the rest, brought up and validated, under whatever name', async () => {
    const seen: [string, unknown][] = [];
    const name = unique('all');
    @eventListener(`${root}.*`, { name, retry: false })
    class L {
      on(one: object, { envelope }: EventContext): void {
        seen.push([envelope.type.slice(root.length + 1), one]);
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L] });
    await manager.sendEvent(new Circle(1));
    await manager.send(`${root}.unheard`, { of: true });
    await manager.send(`${root}.square`, { n: 'not a number' });
    await manager.send(`${root}.two.words`, { never: true });
    const foreign = await world.provider();
    const headers = new Map([
      ['cloudEvents_type', 'com.other'],
      ['tidings_version', '1'],
    ]);
    const animal = `${root}.animal`;
    await foreign.send(
      { body: '{"called":"Rex"}', headers, durable: true },
      { address: animal, routing: 'multicast', deadlineAt: Date.now() + 5000 },
    );
    await waitUntil(() => seen.length === 3 && manager.counters().archived === 1);
    const byType = new Map(seen);
    expect(byType.get('circle')).toEqual(new Circle(1));
    expect(byType.get('circle')).toBeInstanceOf(Circle);
    expect(byType.get('unheard')).toEqual({ of: true });
    const rex = seen.map(([, one]) => one).find((one) => one instanceof Animal);
    expect(rex).toMatchObject({ name: 'Rex' });
    const archive = manager.archive(L);
    for await (const { reason, origin } of archive.browse()) {
      expect(reason).toBe('invalid');
      expect(origin).toBe(`${root}.square::${name}`);
    }
  });

  it('is retried and replayed alone, by the name that the event came by', async () => {
    const attempts: string[] = [];
    const others: string[] = [];
    const name = unique('some');
    let fails = true;
    @eventListener(`${root}.#`, { name, retry: { maxRetries: 1, initialDelayMs: 1 } })
    class L {
      on(_one: object, { envelope, attempt }: EventContext): void {
        attempts.push(`${envelope.type.slice(root.length + 1)} ${String(attempt)}`);
        if (fails) throw new Error('not yet');
      }
    }
    @eventListener(Circle, unique('other'))
    class Other {
      on(_one: Circle, { attempt }: EventContext): void {
        others.push(String(attempt));
      }
    }
    await using world = new World();
    const manager = await world.started({ listeners: [L, Other], namePrefix: `${unique('p')}.` });
    await manager.sendEvent(new Circle(1));
    await manager.send(`${root}.a.b`, {});
    const archive = manager.archive(L);
    await waitUntil(async () => (await archive.count()) === 2);
    expect([...attempts].sort()).toEqual(['a.b 1', 'a.b 2', 'circle 1', 'circle 2']);
    fails = false;
    expect(await archive.replay()).toBe(2);
    await waitUntil(() => attempts.length === 6);
    expect(attempts.slice(4).sort()).toEqual(['a.b 1', 'circle 1']);
    await waitUntil(() => manager.counters().handled === 3);
    expect(others).toEqual(['1']);
  });

  it('may be a function or a stream', async () => {
    await using world = new World();
    const manager = await world.started();
    const seen: string[] = [];
    await manager.listen(`${root}.*`, { name: unique('f') }, (_one, { envelope }) => void seen.push(envelope.type)).ready;
    const stream = manager.stream(`${root}.#`);
    await stream.ready;
    await manager.sendEvent(new Circle(1));
    const { value } = await stream.next();
    expect(value?.event).toBeInstanceOf(Circle);
    await stream.return();
    await waitUntil(() => seen.length === 1);
  });

  it.each([
    ['*', /begins with a wildcard/],
    ['#.x', /begins with a wildcard/],
    ['archive.#', /reserved/],
    ['replies.*', /reserved/],
    ['DLQ.*', /reserved/],
    ['shop.ord*', /inside a word/],
    ['shop..*', /empty word/],
    ['shop. x.*', /blank/],
  ])('may not be %s', async (pattern, message) => {
    @eventListener(pattern as 'x.*', unique('bad'))
    class L {
      on(_one: object): void {
        // never
      }
    }
    await using world = new World();
    await expect(world.started({ listeners: [L] })).rejects.toMatchObject({ mistakes: [expect.stringMatching(message)] });
  });

  it('is a mistake where the provider knows no patterns', async () => {
    @eventListener(`${root}.*`, unique('bad'))
    class L {
      on(_one: object): void {
        // never
      }
    }
    await using world = new World();
    const real = new MemoryProvider({ broker: world.broker });
    const provider: Provider = Object.create(real, { capabilities: { value: new Set(['delay']) } }) as Provider;
    const manager = new EventManager({
      provider,
      serviceName: 's',
      listeners: [L],
      pipelines: [],
      resolve: onceEach(),
      logger: world.logger,
    });
    await expect(manager.start()).rejects.toMatchObject({ mistakes: [expect.stringMatching(/knows no patterns/)] });
  });
});
