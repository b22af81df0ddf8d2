import 'reflect-metadata';
import { expect } from '@jest/globals';
import { IsInt, IsString } from 'class-validator';
import { Container } from 'inversify';
import { cbor } from '../../src/codecs/cbor/index.js';
import { canPack } from '../../src/core/packing.js';
import {
  eventing,
  EventManager,
  MemoryBroker,
  MemoryProvider,
  type EnvelopePipeline,
  type EventingOptions,
  type RemoteError,
} from '../../src/index.js';
import { gate, range } from '../../src/testing/conformance/gate.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { failureOf, market } from '../patterns/asking.js';
import { KeptLogger, unique, World } from '../support/world.js';
import { eventOf, failing, listenerOf, note, optionEffects, queueOf, rejection, structured, wireOf } from './option-effects.js';
import { notingKind, type Noted } from '../support/rules-by-hand.js';
import { fateOf, notes } from './scenario.js';

/** What a listener's first call shows of what came. */
async function firstCall(world: World, options: Partial<EventingOptions>, senders: Partial<EventingOptions> = {}) {
  const event = eventOf();
  const listener = listenerOf(event);
  await world.started({ ...options, listeners: [listener.target] });
  const sender = await world.started(senders);
  const sent = await sender.sendEvent(event, note);
  await waitUntil(() => listener.calls.length > 0);
  return { sent, call: listener.calls[0] };
}

/** How an event of 1 000 bytes travels. */
async function packingOf(world: World, options: Partial<EventingOptions>): Promise<string | undefined> {
  const event = eventOf();
  const listener = failing(event, { onError: 'archive' });
  const manager = await world.started({ ...options, listeners: [listener.target] });
  await manager.sendEvent(event, { n: 1, text: 'x'.repeat(1000) });
  await waitUntil(() => manager.counters().archived === 1);
  for await (const { contentEncoding } of manager.archive(listener.target).browse()) return contentEncoding;
  throw new Error('nothing was archived');
}

function tagging(tag: string, seen: string[]): EnvelopePipeline {
  return {
    handle: (_envelope, _listener, next) => {
      seen.push(tag);
      return next();
    },
  };
}

optionEffects('EventingOptions', {
  provider: async () => {
    await using world = new World();
    const event = eventOf();
    const listener = listenerOf(event);
    const elsewhere = new MemoryBroker();
    await world.started({ provider: new MemoryProvider({ broker: elsewhere }), listeners: [listener.target] });
    const [here, there] = [await world.started(), await world.started({ provider: new MemoryProvider({ broker: elsewhere }) })];
    await here.sendEvent(event, { n: 1, text: '' });
    await there.sendEvent(event, { n: 2, text: '' });
    await waitUntil(() => listener.calls.length > 0);
    expect(listener.numbers).toEqual([2]);
  },
  serviceName: async () => {
    await using world = new World();
    expect((await firstCall(world, {})).call?.context.envelope.source).toBe('test-service');
    expect((await firstCall(world, {}, { serviceName: 'billing' })).call?.context.envelope.source).toBe('billing');
  },
  serverName: async () => {
    await using world = new World();
    const listeners = [listenerOf(eventOf(), undefined, { perProcess: true }).target];
    expect(queueOf(await world.started({ listeners, serverName: 'one' }))).toMatch(/-one$/);
    expect(queueOf(await world.started({ listeners, serverName: 'two' }))).toMatch(/-two$/);
  },
  listeners: async () => {
    await using world = new World();
    expect((await world.started({ listeners: [] })).health().subscriptions).toHaveLength(0);
    expect((await world.started({ listeners: [listenerOf(eventOf()).target] })).health().subscriptions).toHaveLength(1);
  },
  pipelines: async () => {
    await using world = new World();
    const seen: string[] = [];
    await firstCall(world, { pipelines: [] });
    expect(seen).toEqual([]);
    await firstCall(world, { pipelines: [tagging('given', seen)] });
    expect(seen).toEqual(['given']);
  },
  addPipelines: async () => {
    await using world = new World();
    const seen: string[] = [];
    await firstCall(world, { pipelines: [tagging('given', seen)], addPipelines: [tagging('added', seen)] });
    expect(seen).toEqual(['given', 'added']);
  },
  name: () => {
    const options = { provider: new MemoryProvider(), serviceName: 'test-service', listeners: [] };
    const container = new Container();
    container.load(eventing(options));
    expect(() => {
      container.load(eventing(options));
    }).toThrow(/already/);
    container.load(eventing({ ...options, name: 'second' }));
    expect(container.get(EventManager, { name: 'second' })).not.toBe(container.get(EventManager));
  },
  consume: async () => {
    await using world = new World();
    const listeners = [listenerOf(eventOf()).target];
    expect((await world.started({ listeners })).health().subscriptions).toHaveLength(1);
    expect((await world.started({ listeners, consume: false })).health().subscriptions).toHaveLength(0);
  },
  concurrency: async () => {
    await using world = new World();
    for (const [most, options] of [
      [10, {}],
      [2, { concurrency: 2 }],
    ] as const) {
      const event = eventOf();
      const hold = gate();
      const listener = listenerOf(event, () => hold.passed);
      const manager = await world.started({ ...options, listeners: [listener.target] });
      await manager.sendEvents(notes(event, 12));
      await waitUntil(() => listener.running === most);
      await stays(() => listener.running === most, { windowMs: 50 });
      hold.open();
    }
  },
  retry: async () => {
    await using world = new World();
    const archived = async (options: Partial<EventingOptions>): Promise<number> => {
      const event = eventOf();
      const manager = await world.started({ ...options, listeners: [failing(event).target] });
      await manager.sendEvent(event, note);
      await waitUntil(() => manager.counters().archived + manager.counters().retried > 0);
      return manager.counters().archived;
    };
    expect([await archived({}), await archived({ retry: false })]).toEqual([0, 1]);
  },
  archive: async () => {
    const kept = async (options: Partial<EventingOptions>): Promise<number> => {
      await using world = new World();
      const event = eventOf();
      const listener = failing(event);
      const manager = await world.started({ ...options, listeners: [listener.target], retry: false });
      await manager.sendEvents(notes(event, 5));
      await waitUntil(() => manager.counters().archived === 5);
      return await manager.archive(listener.target).count();
    };
    expect([await kept({}), await kept({ archive: { maxCount: 2 } })]).toEqual([5, 2]);
  },
  'validate.send': async () => {
    await using world = new World();
    const event = eventOf();
    IsInt()(event.prototype as object, 'n');
    const strict = await world.started();
    expect(await rejection(strict.sendEvent(event, { n: 1.5, text: '' }))).toMatchObject({ code: 'invalid-event' });
    const lenient = await world.started({ validate: { send: false } });
    await lenient.sendEvent(event, { n: 1.5, text: '' });
  },
  'validate.receive': async () => {
    await using world = new World();
    const event = eventOf();
    IsInt()(event.prototype as object, 'n');
    const [strict, lenient] = [listenerOf(event), listenerOf(event)];
    const refusing = await world.started({ listeners: [strict.target] });
    await world.started({ listeners: [lenient.target], validate: { receive: false } });
    const sender = await world.started({ validate: { send: false } });
    await sender.sendEvent(event, { n: 1.5, text: '' });
    await waitUntil(() => lenient.calls.length === 1 && refusing.counters().archived === 1);
    expect(strict.calls).toHaveLength(0);
  },
  contentMode: async () => {
    const typeOf = async (options: Partial<EventingOptions>): Promise<string | undefined> => (await wireOf({}, options)).contentType;
    expect([await typeOf({}), await typeOf({ contentMode: 'structured' })]).toEqual([undefined, structured]);
  },
  codecs: async () => {
    await using world = new World();
    const event = eventOf();
    const [knows, knowsNot] = [listenerOf(event), listenerOf(event)];
    await world.started({ listeners: [knows.target], codecs: [cbor()] });
    const refusing = await world.started({ listeners: [knowsNot.target] });
    const sender = await world.started({ codecs: [cbor()], contentType: 'application/cbor' });
    await sender.sendEvent(event, note);
    await waitUntil(() => knows.calls.length === 1 && refusing.counters().archived === 1);
    expect(knowsNot.calls).toHaveLength(0);
  },
  contentType: async () => {
    await using world = new World();
    const typeOf = async (options: Partial<EventingOptions>) =>
      (await firstCall(world, { codecs: [cbor()] }, { codecs: [cbor()], ...options })).call?.context.envelope.contentType;
    expect([await typeOf({}), await typeOf({ contentType: 'application/cbor' })]).toEqual(['application/json', 'application/cbor']);
  },
  'compression.encoding': async () => {
    await using world = new World();
    const zstd = world.started({ compression: { encoding: 'zstd' } });
    if (canPack('zstd')) expect(await packingOf(world, { compression: { encoding: 'zstd', minBytes: 0 } })).toBe('zstd');
    else expect(await rejection(zstd)).toMatchObject({ code: 'configuration' });
    await zstd.catch(() => undefined);
    expect(await packingOf(world, { compression: { encoding: 'gzip', minBytes: 0 } })).toBe('gzip');
    expect(await packingOf(world, {})).toBeUndefined();
  },
  'compression.minBytes': async () => {
    await using world = new World();
    const found = [await packingOf(world, { compression: {} }), await packingOf(world, { compression: { minBytes: 100 } })];
    expect(found).toEqual([undefined, 'gzip']);
  },
  'validate.strict': async () => {
    await using world = new World();
    const event = eventOf();
    IsInt()(event.prototype as object, 'n');
    IsString()(event.prototype as object, 'text');
    const more = { ...note, slip: 1 } as typeof note;
    const [strict, lenient] = [listenerOf(event), listenerOf(event)];
    const refusing = await world.started({ listeners: [strict.target], validate: { strict: true } });
    const sender = await world.started({ listeners: [lenient.target] });
    expect(await rejection(refusing.sendEvent(event, more))).toMatchObject({ code: 'invalid-event' });
    await sender.sendEvent(event, more);
    await waitUntil(() => lenient.calls.length === 1 && refusing.counters().archived === 1);
    expect(strict.calls).toHaveLength(0);
  },
  maxBodyBytes: async () => {
    await using world = new World();
    const long = { n: 1, text: 'x'.repeat(100) };
    await (await world.started()).sendEvent(eventOf(), long);
    expect(await rejection((await world.started({ maxBodyBytes: 50 })).sendEvent(eventOf(), long))).toMatchObject({ code: 'too-large' });
  },
  maxPending: async () => {
    await using world = new World();
    const name = unique('blocked');
    const event = eventOf({}, name);
    world.broker.block(name);
    const manager = await world.started({ maxPending: 2 });
    const sends = range(2).map(() => fateOf(manager.sendEvent(event, note)));
    expect(await rejection(manager.sendEvent(event, note))).toMatchObject({ code: 'send-pending' });
    world.broker.block(name, false);
    await waitUntil(() => sends.every(({ over }) => over));
  },
  whenOffline: async () => {
    await using world = new World();
    const [patient, hasty] = [await world.started({ whenOffline: 'wait' }), await world.started({ whenOffline: 'fail' })];
    world.broker.down();
    const waiting = fateOf(patient.sendEvent(eventOf(), note));
    expect(await rejection(hasty.sendEvent(eventOf(), note))).toMatchObject({ outcome: 'not-sent' });
    expect(waiting.over).toBe(false);
    world.broker.up();
    await waitUntil(() => waiting.over && waiting.error === undefined);
  },
  replyStacks: async () => {
    const stackOf = async (options: Partial<EventingOptions>): Promise<string | undefined> => {
      await using shop = market();
      const events = await shop.manager([shop.responder(() => Promise.reject(new Error('no')))], options);
      return ((await failureOf(events.request(new shop.GetQuote(), shop.Quote))) as RemoteError).remoteStack;
    };
    expect(await stackOf({})).toBeUndefined();
    expect(await stackOf({ replyStacks: true })).toContain('Error: no');
  },
  responderGraceMs: async () => {
    const codeAfter = async (options: Partial<EventingOptions>, ms: number): Promise<unknown> => {
      await using shop = market();
      const events = await shop.manager([], options);
      const failed = failureOf(events.request(new shop.GetQuote(), shop.Quote, { timeoutMs: 3000 }));
      await shop.clock.advance(ms);
      return events.health().requests === 0 ? await failed : undefined;
    };
    expect(await codeAfter({}, 900)).toBeUndefined();
    expect(await codeAfter({}, 1100)).toMatchObject({ code: 'no-responder' });
    expect(await codeAfter({ responderGraceMs: 100 }, 150)).toMatchObject({ code: 'no-responder' });
    expect(await codeAfter({ responderGraceMs: Infinity }, 3100)).toMatchObject({ code: 'request-timeout' });
  },
  startTimeoutMs: async () => {
    await using world = new World();
    world.broker.down();
    const patient = fateOf(world.manager().start());
    const since = Date.now();
    expect(await rejection(world.manager({ startTimeoutMs: 200 }).start())).toMatchObject({ code: 'start-timeout' });
    expect(Date.now() - since).toBeGreaterThanOrEqual(200);
    expect(patient.over).toBe(false);
  },
  namePrefix: async () => {
    await using world = new World();
    const listeners = [listenerOf(eventOf()).target];
    expect(queueOf(await world.started({ listeners }))).not.toMatch(/acme/);
    expect(queueOf(await world.started({ listeners, namePrefix: 'acme.' }))).toMatch(/^acme\..+::acme\./);
  },
  context: async () => {
    const causation = async (options: Partial<EventingOptions>): Promise<boolean> => {
      await using world = new World();
      const [first, second] = [eventOf(), eventOf()];
      const relay = listenerOf(first, async () => {
        await manager.sendEvent(second, note);
      });
      const follower = listenerOf(second);
      const manager: EventManager = await world.started({ ...options, listeners: [relay.target, follower.target] });
      const { id } = await manager.sendEvent(first, note);
      await waitUntil(() => follower.calls.length > 0);
      return follower.calls[0]?.context.envelope.causationId === id;
    };
    expect([await causation({}), await causation({ context: 'explicit' })]).toEqual([true, false]);
  },
  rules: async () => {
    await using world = new World();
    const [event, name] = [unique('event'), unique('rule')];
    const rules = { rules: [{ name, event, kind: 'queue', queue: unique('queue') }] };
    expect((await world.started()).health().subscriptions).toEqual([]);
    expect(queueOf(await world.started({ rules }))).toBe(`${event}::${name}`);
  },
  targets: async () => {
    await using world = new World();
    const [event, seen]: [string, Noted[]] = [unique('event'), []];
    const rules = { rules: [{ name: unique('rule'), event, kind: 'noting' }] };
    await expect(world.manager({ rules }).start()).rejects.toThrow("there is no kind 'noting'");
    const manager = await world.started({ rules, targets: { noting: () => notingKind(seen) } });
    await manager.send(event, { n: 1 });
    await waitUntil(() => seen.length === 1);
  },
  hooks: async () => {
    await using world = new World();
    const called: string[] = [];
    const hook = (name: string) => () => void called.push(name);
    const names = ['beforeStart', 'afterStart', 'beforeStop', 'afterStop'];
    const manager = await world.started({ hooks: Object.fromEntries(names.map((name) => [name, hook(name)])) });
    await manager.stop();
    expect(called).toEqual(names);
  },
  logger: async () => {
    await using world = new World();
    const logger = new KeptLogger();
    const event = eventOf();
    const listener = listenerOf(event, () => {
      throw new Error('told to the logger');
    });
    const manager = await world.started({ listeners: [listener.target], logger });
    await manager.sendEvent(event, note);
    await waitUntil(() => logger.text().includes('told to the logger'));
    expect(world.logger.text()).not.toContain('told to the logger');
  },
});
