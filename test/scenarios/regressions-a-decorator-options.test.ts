import 'reflect-metadata';
import { expect } from '@jest/globals';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { z } from 'zod';
import { event, envelopePipeline, eventListener } from '../../src/index.js';
import { cbor } from '../../src/codecs/cbor/index.js';
import type { Class, CounterName, EventListenerOptions, EventOptions } from '../../src/index.js';
import { eventDescriptor } from '../../src/core/registry.js';
import { Bench } from '../../src/testing/conformance/bench.js';
import { gate } from '../../src/testing/conformance/gate.js';
import type { Handle, Note } from '../../src/testing/conformance/made-classes.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { memoryConformance } from '../support/memory-conformance.js';
import { unique, World } from '../support/world.js';
import {
  eventOf,
  expiryOf,
  failing,
  listenerOf,
  note,
  optionEffects,
  pausedAfter,
  queueOf,
  rejection,
  structured,
  wireOf,
} from './option-effects.js';
import { notes } from './scenario.js';

optionEffects('EventOptions', {
  name: async () => {
    await using world = new World();
    const name = unique('said');
    expect(queueOf(await world.started({ listeners: [listenerOf(eventOf({}, name)).target] }))).toContain(`${name}::`);
  },
  durable: async () => {
    const kept = async (durable: boolean): Promise<number> => {
      await using world = new World();
      const made = eventOf({ durable });
      const listener = listenerOf(made);
      const manager = await world.started({ listeners: [listener.target] });
      const queue = queueOf(manager) ?? '';
      await manager.stop();
      await (await world.started()).sendEvent(made, note);
      world.broker.restart();
      return await (await world.queues()).count(queue);
    };
    expect([await kept(true), await kept(false)]).toEqual([1, 0]);
  },
  accepts: async () => {
    const calls = async (accepts: string[]): Promise<number> => {
      await using world = new World();
      const name = unique('event');
      const listener = listenerOf(eventOf({ accepts }, name));
      const manager = await world.started({ listeners: [listener.target] });
      const foreign = await world.provider();
      const headers = new Map([['cloudEvents_type', 'other.type']]);
      const options = { address: name, routing: 'multicast', deadlineAt: Date.now() + 5_000 } as const;
      await foreign.send({ body: '{"n":1}', headers, durable: true }, options);
      await waitUntil(() => manager.counters().handled + manager.counters().archived > 0);
      return listener.calls.length;
    };
    expect([await calls([]), await calls(['other.type'])]).toEqual([0, 1]);
  },
  contentType: async () => {
    await using world = new World();
    const typeOf = async (options: EventOptions): Promise<string | undefined> => {
      const made = eventOf(options);
      const listener = listenerOf(made);
      const manager = await world.started({ listeners: [listener.target], codecs: [cbor()] });
      await manager.sendEvent(made, note);
      await waitUntil(() => listener.calls.length === 1);
      return listener.calls[0]?.context.envelope.contentType;
    };
    expect([await typeOf({}), await typeOf({ contentType: 'application/cbor' })]).toEqual(['application/json', 'application/cbor']);
  },
  create: async () => {
    await using world = new World();
    class Picky {
      readonly n: number;
      constructor(n: number | undefined) {
        if (n === undefined) throw new Error('never without a number');
        this.n = n;
      }
    }
    const listener = (): { target: Class; seen: Picky[] } => {
      const seen: Picky[] = [];
      class L {
        on(picky: Picky): void {
          seen.push(picky);
        }
      }
      eventListener(Picky, unique('l'))(L);
      return { target: L, seen };
    };
    event(unique('picky'))(Picky);
    expect(await rejection(world.manager({ listeners: [listener().target] }).start())).toMatchObject({ code: 'configuration' });
    event({ name: unique('picky'), create: ({ n }: Partial<Picky>) => new Picky((n ?? 0) + 100) })(Picky);
    const { target, seen } = listener();
    const manager = await world.started({ listeners: [target] });
    await manager.sendEvent(new Picky(1));
    await waitUntil(() => seen.length > 0);
    expect(seen[0]?.n).toBe(1);
    expect(seen[0]).toBeInstanceOf(Picky);
  },
  key: async () => {
    await using world = new World();
    const made = [eventOf(), eventOf({ key: ({ n }: Note) => `number ${String(n)}` })];
    const listeners = made.map((each) => listenerOf(each));
    const manager = await world.started({ listeners: listeners.map(({ target }) => target) });
    for (const each of made) await manager.sendEvent(each, note);
    await waitUntil(() => listeners.every(({ calls }) => calls.length > 0));
    expect(listeners.map(({ calls }) => calls[0]?.context.envelope.subject)).toEqual([undefined, 'number 1']);
  },
  ttlMs: async () => {
    expect([await expiryOf({}), await expiryOf({ ttlMs: 60_000 })]).toEqual([undefined, 60_000]);
  },
  priority: async () => {
    expect((await wireOf({})).priority).toBeUndefined();
    expect((await wireOf({ priority: 7 })).priority).toBe(7);
  },
  reply: async () => {
    await using world = new World();
    const made = eventOf();
    const asked = [eventOf(), eventOf({ reply: made })];
    const listeners = asked.map((each) => listenerOf(each));
    const manager = await world.started({ listeners: listeners.map(({ target }) => target) });
    const queues = manager.health().subscriptions.map(({ queue }) => queue.split('::'));
    expect(queues.map(([address, queue]) => address === queue)).toEqual([false, true]);
  },
  routing: async () => {
    const copies = async (routing?: 'anycast'): Promise<number> => {
      await using world = new World();
      const made = eventOf({ routing });
      const managers = [listenerOf(made), listenerOf(made)].map(({ target }) => world.manager({ listeners: [target] }));
      await Promise.all(managers.map((manager) => manager.start()));
      await managers[0]?.sendEvent(made, note);
      const handled = (): number => managers.reduce((sum, manager) => sum + manager.counters().handled, 0);
      await waitUntil(() => handled() === (routing === undefined ? 2 : 1));
      await stays(() => handled() < (routing === undefined ? 3 : 2), { windowMs: 50 });
      return handled();
    };
    expect([await copies(), await copies('anycast')]).toEqual([2, 1]);
  },
  contentMode: async () => {
    const typeOf = async (options: EventOptions): Promise<string | undefined> => (await wireOf(options)).contentType;
    expect([await typeOf({}), await typeOf({ contentMode: 'structured' })]).toEqual([undefined, structured]);
    expect((await wireOf({ contentMode: 'binary' }, { contentMode: 'structured' })).contentType).toBeUndefined();
  },
  schema: async () => {
    const handled = async (options: { schema?: StandardSchemaV1 }): Promise<unknown> => {
      await using world = new World();
      const made = eventOf(options);
      const listener = listenerOf(made);
      const manager = await world.started({ listeners: [listener.target] });
      await manager.sendEvent(made, note);
      await waitUntil(() => listener.calls.length === 1);
      return listener.calls[0]?.note;
    };
    expect(await handled({})).toMatchObject({ n: 1 });
    expect(await handled({ schema: z.object({ n: z.number().transform((n) => n + 1) }) })).toMatchObject({ n: 2 });
    await expect(handled({ schema: z.object({ n: z.string() }) })).rejects.toMatchObject({ code: 'invalid-event' });
  },
  version: async () => {
    const reason = async (version: number | undefined): Promise<string | undefined> => {
      const name = unique('event');
      return await archivedAs(eventOf({ version: 2 }, name), eventOf({ version }, name));
    };
    expect([await reason(undefined), await reason(2)]).toEqual(['unsupported-version', undefined]);
  },
  newerVersions: async () => {
    const reason = async (newerVersions: 'archive' | 'accept'): Promise<string | undefined> => {
      const name = unique('event');
      return await archivedAs(eventOf({ version: 2 }, name), eventOf({ newerVersions }, name));
    };
    expect([await reason('archive'), await reason('accept')]).toEqual(['unsupported-version', undefined]);
  },
  description: () => {
    expect(eventDescriptor(eventOf())?.options.description).toBeUndefined();
    expect(eventDescriptor(eventOf({ description: 'An order' }))?.options.description).toBe('An order');
  },
});

/** Why what is sent by one class is archived by a listener of the other; undefined where it is handled. */
async function archivedAs(sent: Class<Note>, heard: Class<Note>): Promise<string | undefined> {
  await using world = new World();
  const listener = listenerOf(heard);
  const manager = await world.started({ listeners: [listener.target] });
  await manager.sendEvent(sent, note);
  await waitUntil(() => manager.counters().handled + manager.counters().archived > 0);
  for await (const { reason } of manager.archive(listener.target).browse()) return reason;
  return undefined;
}

/** None of twenty events ends: so many run then, and so many more are held. */
async function takes(options: EventListenerOptions, wanted: { readonly running: number; readonly held: number }): Promise<void> {
  await using world = new World();
  const made = eventOf();
  const hold = gate();
  const listener = listenerOf(made, () => hold.passed, options);
  const manager = await world.started({ listeners: [listener.target] });
  await manager.sendEvents(notes(made, 20));
  const asWanted = (): boolean => {
    const [subscription] = manager.health().subscriptions;
    return subscription?.running === wanted.running && subscription.held === wanted.held;
  };
  await waitUntil(asWanted, { what: () => JSON.stringify(manager.health()) });
  await stays(asWanted, { windowMs: 50 });
  hold.open();
}

/** What is counted when the first attempt of a listener with these options has failed. */
async function afterOneFailure(options: EventListenerOptions): Promise<Readonly<Record<CounterName, number>>> {
  await using world = new World();
  const made = eventOf();
  const manager = await world.started({ listeners: [failing(made, options).target] });
  await manager.sendEvent(made, note);
  const ended = (): boolean => manager.counters().retried + manager.counters().archived + manager.counters().discarded > 0;
  await waitUntil(ended);
  return manager.counters();
}

/** Whether an event is archived unhandled that was lost three times with the connection of another process. */
async function isArchivedAfterThree(maxCrashes: number): Promise<boolean> {
  const bench = new Bench(memoryConformance());
  try {
    const listener = listenerOf(eventOf(), undefined, { maxCrashes });
    const { address, archive } = await bench.names(listener);
    const spec = bench.spec(address, listener.name);
    const other = await bench.startedPeer([spec]);
    const inbox = await other.listen(spec);
    await other.send(address, '{"n":1}');
    for (const deliveries of [1, 2, 3]) {
      await bench.time.until('it is delivered there', () => inbox.count === deliveries);
      await bench.given.cut?.();
    }
    await bench.time.until('it is delivered there once more', () => inbox.count === 4);
    await other.stop();
    await bench.started({ listeners: [listener] });
    await bench.time.until('it is handled or archived', async () => listener.calls.length + (await bench.count(archive)) > 0);
    return listener.calls.length === 0;
  } finally {
    await bench.end();
  }
}

optionEffects('EventListenerOptions', {
  name: async () => {
    await using world = new World();
    const name = unique('said');
    expect(queueOf(await world.started({ listeners: [listenerOf(eventOf(), undefined, { name }).target] }))).toContain(`::${name}`);
  },
  perProcess: async () => {
    await using world = new World();
    const queue = async (perProcess: boolean): Promise<string | undefined> =>
      queueOf(await world.started({ listeners: [listenerOf(eventOf(), undefined, { perProcess }).target], serverName: 'server7' }));
    expect(await queue(false)).not.toContain('server7');
    expect(await queue(true)).toContain('server7');
  },
  concurrency: async () => {
    await takes({ prefetch: 0 }, { running: 10, held: 0 });
    await takes({ prefetch: 0, concurrency: 3 }, { running: 3, held: 0 });
  },
  prefetch: async () => {
    await takes({ concurrency: 2 }, { running: 2, held: 2 });
    await takes({ concurrency: 2, prefetch: 5 }, { running: 2, held: 5 });
  },
  sharedQueue: async () => {
    await using world = new World();
    const start = async (sharedQueue: boolean): Promise<void> => {
      const listeners = [listenerOf(eventOf(), undefined, { sharedQueue }).target];
      await world.started({ listeners, serviceName: 'one' });
      await world.started({ listeners, serviceName: 'two' });
    };
    expect(await rejection(start(false))).toMatchObject({ code: 'queue-conflict' });
    await start(true);
  },
  retry: async () => {
    expect(await afterOneFailure({})).toMatchObject({ retried: 1, archived: 0 });
    expect(await afterOneFailure({ retry: false })).toMatchObject({ retried: 0, archived: 1 });
  },
  onError: async () => {
    expect(await afterOneFailure({ onError: 'retry' })).toMatchObject({ retried: 1, archived: 0, discarded: 0 });
    expect(await afterOneFailure({ onError: 'archive' })).toMatchObject({ retried: 0, archived: 1, discarded: 0 });
    expect(await afterOneFailure({ onError: 'discard' })).toMatchObject({ retried: 0, archived: 0, discarded: 1 });
    await using world = new World();
    const made = eventOf();
    const manager = await world.started({ listeners: [failing(made, { onError: 'stop' }).target] });
    const queue = queueOf(manager) ?? '';
    await manager.sendEvent(made, note);
    await waitUntil(() => manager.state === 'failed');
    expect(await (await world.queues()).count(queue)).toBe(1);
  },
  unrecoverable: async () => {
    expect(await afterOneFailure({})).toMatchObject({ retried: 1, archived: 0 });
    expect(await afterOneFailure({ unrecoverable: [Error] })).toMatchObject({ retried: 0, archived: 1 });
  },
  timeoutMs: async () => {
    await using world = new World();
    const made = eventOf();
    const hold = gate();
    const [patient, hasty] = [{}, { timeoutMs: 50 }].map((options) => listenerOf(made, () => hold.passed, { ...options, retry: false }));
    const manager = await world.started({ listeners: [patient, hasty].map((listener) => listener?.target as Class) });
    await manager.sendEvent(made, note);
    await waitUntil(() => manager.counters().archived === 1);
    hold.open();
    await waitUntil(() => manager.counters().handled === 1 && manager.counters().late === 1);
    expect(manager.counters().failed).toBe(1);
  },
  breaker: async () => {
    expect(await pausedAfter({ breaker: { failures: 3 } })).toBe(3);
    expect(await pausedAfter({})).toBe(20);
    expect(await pausedAfter({ breaker: false })).toBe(30);
  },
  order: async () => {
    const order = async (options: EventListenerOptions): Promise<number[]> => {
      await using world = new World();
      const made = eventOf({ key: () => 'one key' });
      const handled: number[] = [];
      const handle: Handle = ({ note: { n }, attempt }) => {
        if (n === 0 && attempt === 1) throw new Error('not yet');
        handled.push(n);
      };
      const listener = listenerOf(made, handle, { ...options, retry: { initialDelayMs: 100, jitter: 'none' } });
      const manager = await world.started({ listeners: [listener.target] });
      await manager.sendEvents(notes(made, 3));
      await waitUntil(() => handled.length === 3);
      return handled;
    };
    expect(await order({})).toEqual([0, 1, 2]);
    expect(await order({ order: 'loose' })).toEqual([1, 2, 0]);
  },
  filter: async () => {
    await using world = new World();
    const made = eventOf();
    const listener = listenerOf(made, undefined, { filter: (envelope) => (envelope.event as Note).n % 2 === 0 });
    const manager = await world.started({ listeners: [listener.target] });
    await manager.sendEvents(notes(made, 4));
    await waitUntil(() => manager.counters().handled + manager.counters().filtered === 4);
    expect(listener.numbers).toEqual([0, 2]);
  },
  batch: async () => {
    await using world = new World();
    const made = eventOf();
    const batches: number[] = [];
    class L {
      on(events: Note[]): void {
        batches.push(events.length);
      }
    }
    eventListener(made, { name: unique('l'), batch: { size: 3, maxAgeMs: 20 } })(L);
    const manager = await world.started({ listeners: [L] });
    await manager.sendEvents(notes(made, 4));
    await waitUntil(() => manager.counters().handled === 4);
    expect(batches).toEqual([3, 1]);
  },
  maxCrashes: async () => {
    expect([await isArchivedAfterThree(4), await isArchivedAfterThree(3)]).toEqual([false, true]);
  },
});

optionEffects('PipelineOptions', {
  order: async () => {
    const first = async (order: number): Promise<string | undefined> => {
      await using world = new World();
      const seen: string[] = [];
      const passing = (name: string): Class => {
        class Passing {
          send(_envelope: unknown, _event: unknown, next: () => Promise<void>): Promise<void> {
            seen.push(name);
            return next();
          }
        }
        return Passing;
      };
      const [early, late] = [passing('early'), passing('late')];
      envelopePipeline()(early);
      envelopePipeline({ order })(late);
      await (await world.started({ pipelines: [early, late] })).sendEvent(eventOf(), note);
      return seen[0];
    };
    expect([await first(1), await first(-1)]).toEqual(['early', 'late']);
  },
});
