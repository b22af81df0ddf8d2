import 'reflect-metadata';
import { expect, it } from '@jest/globals';
import { dedupe, MemoryBroker, MemoryDedupeStore, MemoryProvider, stopOnSignals } from '../../src/index.js';
import type { DedupeOptions, EventManager, SendOptions, StopOnSignalsOptions } from '../../src/index.js';
import { gate, range } from '../../src/testing/conformance/gate.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { unique, World } from '../support/world.js';
import { eventOf, expiryOf, listenerOf, note, optionEffects, queueOf, rejection, tablesOfOptions, wireOf } from './option-effects.js';
import { fateOf } from './scenario.js';

optionEffects('SendOptions', {
  id: async () => {
    await using world = new World();
    const made = eventOf();
    const listener = listenerOf(made);
    const manager = await world.started({ listeners: [listener.target] });
    const id = unique('id');
    for (const n of range(2)) await manager.sendEvent(made, { n, text: '' }, { id });
    await manager.sendEvent(made, { n: 2, text: '' });
    await waitUntil(() => listener.numbers.includes(2));
    expect(listener.numbers).toEqual([0, 2]);
    expect(listener.calls[0]?.id).toBe(id);
  },
  headers: async () => {
    await using world = new World();
    const made = eventOf();
    const listener = listenerOf(made);
    const manager = await world.started({ listeners: [listener.target] });
    await manager.sendEvent(made, note);
    await manager.sendEvent(made, note, { headers: { tenant: 'acme' } });
    await waitUntil(() => listener.calls.length === 2);
    expect(listener.calls.map(({ context }) => context.envelope.get('tenant'))).toEqual([undefined, 'acme']);
  },
  correlationId: async () => {
    await using world = new World();
    const manager = await world.started();
    const own = await manager.sendEvent(eventOf(), note);
    expect(own.correlationId).toBe(own.id);
    expect((await manager.sendEvent(eventOf(), note, { correlationId: 'visit 17' })).correlationId).toBe('visit 17');
  },
  key: async () => {
    await using world = new World();
    const made = eventOf();
    const listener = listenerOf(made);
    const manager = await world.started({ listeners: [listener.target] });
    await manager.sendEvent(made, note);
    await manager.sendEvent(made, note, { key: 'order 7' });
    await waitUntil(() => listener.calls.length === 2);
    expect(listener.calls.map(({ context }) => context.envelope.subject)).toEqual([undefined, 'order 7']);
  },
  delayMs: async () => {
    expect(await heldFor({})).toBe(0);
    expect(await heldFor({ delayMs: 60_000 })).toBeGreaterThanOrEqual(60_000);
  },
  deliverAt: async () => {
    expect(await heldFor({ deliverAt: new Date(Date.UTC(2019, 0)) })).toBe(0);
    expect(await heldFor({ deliverAt: new Date(Date.UTC(2020, 0, 1, 0, 2)) })).toBeGreaterThanOrEqual(120_000);
  },
  ttlMs: async () => {
    expect([await expiryOf({}), await expiryOf({}, { ttlMs: 30_000 })]).toEqual([undefined, 30_000]);
    expect(await expiryOf({ ttlMs: 60_000 }, { ttlMs: 30_000 })).toBe(30_000);
  },
  priority: async () => {
    expect((await wireOf({ priority: 7 }, {}, { priority: 2 })).priority).toBe(2);
    await using world = new World();
    const made = eventOf();
    const listener = listenerOf(made, undefined, { concurrency: 1 });
    const manager = await world.started({ listeners: [listener.target] });
    await manager.listener(listener.target).pause();
    for (const [n, priority] of [undefined, 9, 1].entries()) await manager.sendEvent(made, { n, text: '' }, { priority });
    manager.listener(listener.target).resume();
    await waitUntil(() => listener.calls.length === 3);
    expect(listener.numbers).toEqual([1, 0, 2]);
  },
  timeoutMs: async () => {
    await using world = new World();
    const name = unique('blocked');
    const made = eventOf({}, name);
    world.broker.block(name);
    const manager = await world.started();
    const patient = fateOf(manager.sendEvent(made, note));
    const since = Date.now();
    expect(await rejection(manager.sendEvent(made, note, { timeoutMs: 150 }))).toMatchObject({ code: 'send-timeout' });
    expect(Date.now() - since).toBeGreaterThanOrEqual(150);
    expect(patient.over).toBe(false);
  },
  signal: async () => {
    await using world = new World();
    const name = unique('blocked');
    const made = eventOf({}, name);
    world.broker.block(name);
    const manager = await world.started();
    const patient = fateOf(manager.sendEvent(made, note));
    const abort = new AbortController();
    const sending = rejection(manager.sendEvent(made, note, { signal: abort.signal }));
    abort.abort();
    expect(await sending).toMatchObject({ code: 'send-aborted' });
    expect(patient.over).toBe(false);
  },
});

/** How long the broker holds an event that is sent at the beginning of 2020. */
async function heldFor(options: SendOptions): Promise<number> {
  const clock = new VirtualClock();
  const provider = new MemoryProvider({ broker: new MemoryBroker({ clock }) });
  const world = new World();
  const made = eventOf();
  const since = clock.now();
  let handledAt: number | undefined;
  const listener = listenerOf(made, () => (handledAt = clock.now()));
  const manager = await world.started({ provider, listeners: [listener.target] });
  await manager.sendEvent(made, note, options);
  for (let second = 0; second < 200 && handledAt === undefined; second++) await clock.advance(1_000);
  const ended = world[Symbol.asyncDispose]();
  await clock.advance(5_000);
  await ended;
  // Deliveries are a moment's work.
  return Math.floor(((handledAt ?? Infinity) - since) / 1_000) * 1_000;
}

optionEffects('EventManager.start', {
  signal: async () => {
    await using world = new World();
    world.broker.down();
    const patient = fateOf(world.manager().start());
    const abort = new AbortController();
    const starting = rejection(world.manager().start({ signal: abort.signal }));
    abort.abort();
    expect(await starting).toMatchObject({ code: 'start-timeout' });
    expect(patient.over).toBe(false);
  },
});

optionEffects('EventManager.stop', {
  deadlineMs: async () => {
    await using world = new World();
    const hold = gate();
    const hanging = async (): Promise<EventManager> => {
      const made = eventOf();
      const listener = listenerOf(made, () => hold.passed);
      const manager = await world.started({ listeners: [listener.target] });
      await manager.sendEvent(made, note);
      await waitUntil(() => listener.running === 1);
      return manager;
    };
    const [patient, hasty] = [await hanging(), await hanging()];
    const stopping = fateOf(patient.stop());
    const since = Date.now();
    await hasty.stop({ deadlineMs: 200 });
    expect(Date.now() - since).toBeGreaterThanOrEqual(200);
    expect(stopping.over).toBe(false);
    hold.open();
  },
});

/** Which of the runs of two repeats of one event are seen when the second comes so many milliseconds after the first. */
async function repeats(store: MemoryDedupeStore, options: DedupeOptions, between: () => Promise<void>): Promise<number> {
  await using world = new World();
  const made = eventOf();
  const listener = listenerOf(made);
  const manager = await world.started({ listeners: [listener.target], addPipelines: [dedupe(store, options)] });
  const foreign = await world.provider();
  const send = async (id: string): Promise<void> => {
    const before = manager.counters().handled + manager.counters().stopped;
    const headers = new Map([
      ['cloudEvents_id', id],
      ['cloudEvents_source', 'elsewhere'],
    ]);
    const address = queueOf(manager)?.split('::')[0] ?? '';
    await foreign.send({ body: '{"n":1}', headers, durable: true }, { address, routing: 'multicast', deadlineAt: Date.now() + 5_000 });
    await waitUntil(() => manager.counters().handled + manager.counters().stopped > before);
  };
  await send('the same');
  await between();
  await send('another');
  await send('the same');
  return listener.calls.length;
}

optionEffects('DedupeOptions', {
  ttlMs: async () => {
    const clock = new VirtualClock();
    const later = (): Promise<void> => clock.advance(2_000);
    expect(await repeats(new MemoryDedupeStore({ clock }), {}, later)).toBe(2);
    expect(await repeats(new MemoryDedupeStore({ clock }), { ttlMs: 1_000 }, later)).toBe(3);
  },
});

optionEffects('MemoryDedupeStoreOptions', {
  maxEntries: async () => {
    expect(await repeats(new MemoryDedupeStore(), {}, () => Promise.resolve())).toBe(2);
    expect(await repeats(new MemoryDedupeStore({ maxEntries: 1 }), {}, () => Promise.resolve())).toBe(3);
  },
  clock: async () => {
    const clock = new VirtualClock();
    const later = (): Promise<void> => clock.advance(2 * 24 * 3_600_000);
    expect(await repeats(new MemoryDedupeStore(), {}, later)).toBe(2);
    expect(await repeats(new MemoryDedupeStore({ clock }), {}, later)).toBe(3);
  },
});

/** A manager with a run that does not end, which stops when it is signalled. */
async function signalled(world: World, options: StopOnSignalsOptions): Promise<EventManager> {
  const made = eventOf();
  const listener = listenerOf(made, () => gate().passed);
  const manager = await world.started({ listeners: [listener.target] });
  await manager.sendEvent(made, note);
  await waitUntil(() => listener.running === 1);
  stopOnSignals(manager, options);
  return manager;
}

optionEffects('StopOnSignalsOptions', {
  signals: async () => {
    await using world = new World();
    const [plain, other] = [await signalled(world, { deadlineMs: 10 }), await signalled(world, { deadlineMs: 10, signals: ['SIGUSR2'] })];
    process.emit('SIGUSR2', 'SIGUSR2');
    await waitUntil(() => other.state === 'stopped');
    expect(plain.state).toBe('running');
    process.emit('SIGTERM', 'SIGTERM');
    await waitUntil(() => plain.state === 'stopped');
  },
  deadlineMs: async () => {
    await using world = new World();
    const signals = ['SIGUSR2'] as const;
    const [patient, hasty] = [await signalled(world, { signals, deadlineMs: 1_000 }), await signalled(world, { signals, deadlineMs: 200 })];
    const since = Date.now();
    process.emit('SIGUSR2', 'SIGUSR2');
    await waitUntil(() => hasty.state === 'stopped');
    expect(Date.now() - since).toBeGreaterThanOrEqual(200);
    expect(patient.state).toBe('stopping');
    await waitUntil(() => patient.state === 'stopped');
    expect(Date.now() - since).toBeGreaterThanOrEqual(1_000);
  },
});

/** Whether a retry that waits for a second comes when that clock is moved. */
async function follows(clock: VirtualClock, provider: MemoryProvider): Promise<boolean> {
  await using world = new World();
  const made = eventOf();
  const listener = listenerOf(made, ({ attempt }) => {
    if (attempt === 1) throw new Error('once');
  });
  const retry = { initialDelayMs: 3_600_000, jitter: 'none' } as const;
  const manager = await world.started({ provider, listeners: [listener.target], retry });
  await manager.sendEvent(made, note);
  await waitUntil(() => manager.counters().retried === 1);
  await clock.advance(3_700_000);
  return listener.attempts.includes(2);
}

optionEffects('MemoryProviderOptions', {
  broker: async () => {
    await using world = new World();
    const made = eventOf();
    const listener = listenerOf(made);
    const broker = new MemoryBroker();
    await world.started({ provider: new MemoryProvider({ broker }), listeners: [listener.target] });
    await (await world.started({ provider: new MemoryProvider() })).sendEvent(made, { n: 1, text: '' });
    await (await world.started({ provider: new MemoryProvider({ broker }) })).sendEvent(made, { n: 2, text: '' });
    await waitUntil(() => listener.calls.length > 0);
    expect(listener.numbers).toEqual([2]);
  },
  clock: async () => {
    const clock = new VirtualClock();
    expect([await follows(clock, new MemoryProvider()), await follows(clock, new MemoryProvider({ clock }))]).toEqual([false, true]);
  },
  queueNaming: async () => {
    await using world = new World();
    const name = unique('event');
    const listeners = [listenerOf(eventOf({}, name)).target];
    expect(queueOf(await world.started({ listeners }))).not.toContain(`::${name}`);
    expect(queueOf(await world.started({ listeners, provider: new MemoryProvider({ queueNaming: 'qualified' }) }))).toContain(`::${name}.`);
  },
});

optionEffects('MemoryBrokerOptions', {
  clock: async () => {
    const clock = new VirtualClock();
    const onBroker = (broker: MemoryBroker): MemoryProvider => new MemoryProvider({ broker });
    expect(await follows(clock, onBroker(new MemoryBroker()))).toBe(false);
    expect(await follows(clock, onBroker(new MemoryBroker({ clock })))).toBe(true);
  },
});

it('REG-21: no table of options in the README is left out', () => {
  const { documented, lookedAt } = tablesOfOptions();
  expect(lookedAt.sort()).toEqual(documented.sort());
});
