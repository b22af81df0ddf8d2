import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { addressOf, type Bench } from '../../src/testing/conformance/bench.js';
import { gate, range } from '../../src/testing/conformance/gate.js';
import type { Call, MadeListener } from '../../src/testing/conformance/made-classes.js';
import { describeOwnBroker } from '../setup/own-broker.js';
import { ownBrokerVariable } from '../setup/run-state.js';
import type { ArtemisWays } from '../support/artemis-conformance.js';
import { IdleBroker } from '../support/idle-broker.js';
import { cutUnder, notes, onArtemis, onEachProvider } from '../support/scenarios.js';
import { KeptLogger, unique } from '../support/world.js';

/** Longer than two looks of the broker at what is idle. */
const idleMs = 150_000;
let idle: Promise<IdleBroker> | undefined;

// Begun before the rest, which passes the time.
beforeAll(() => {
  if (process.env[ownBrokerVariable] !== undefined) idle = IdleBroker.start();
  idle?.catch(() => undefined);
});

afterAll(async () => {
  await (await idle)?.end();
}, idleMs);

onEachProvider((scenario) => {
  scenario('TRP-1: ten retries, archive, put back, and all again: no copy is swallowed as a double', async (bench, ways) => {
    const event = bench.event();
    const handle = (): never => {
      throw new Error('always');
    };
    const listener = bench.listener(event, handle, { breaker: false });
    const manager = await bench.started({ listeners: [listener], retry: { maxRetries: 10, initialDelayMs: 1, factor: 1, jitter: 'none' } });
    await manager.sendEvent(event, { n: 1, text: '' });
    for (const round of range(3)) {
      await bench.time.until('it is archived', () => manager.counters().archived === round + 1);
      if (round < 2) await putBack(bench, ways, listener);
    }
    expect(listener.attempts).toEqual(range(3).flatMap(() => range(11).map((index) => index + 1)));
    const { archive, queue } = await bench.names(listener);
    await bench.holds(queue, 0);
    const last = (await bench.browse(archive)).at(-1);
    expect([last?.headers.get('tidings_round'), last?.headers.get('tidings_error_attempts')]).toEqual(['2', '11']);
  });

  scenario('TRP-4: a listener whose queue belongs to another event is refused, with both names and the remedy', async (bench) => {
    const [one, two] = [bench.event(), bench.event()];
    const name = bench.unique('same');
    await bench.started({ listeners: [bench.listener(one, undefined, { name })] });
    const manager = await bench.manager({ listeners: [bench.listener(two, undefined, { name })] });
    const refused = expect.objectContaining({ code: 'queue-conflict' });
    const error = await manager.start().catch((thrown: unknown) => thrown);
    expect(error).toEqual(refused);
    for (const part of [addressOf(one), addressOf(two), name, "queueNaming: 'qualified'"]) expect(String(error)).toContain(part);
  });

  scenario('TRP-10: after twenty cuts under one long listener its event is handled or archived, never gone', async (bench, ways) => {
    await cutsUnderOneRun(bench, 20, ways);
  });

  scenario('TRP-10: a run that outlives connections keeps one place, and no second one', async (bench) => {
    const event = bench.event();
    const hold = gate();
    const handle = ({ note }: Call): unknown => (note.n === 1 ? hold.passed : undefined);
    const listener = bench.listener(event, handle, { concurrency: 2, prefetch: 0 });
    const manager = await bench.started({ listeners: [listener] });
    const { queue } = await bench.names(listener);
    await manager.sendEvent(event, { n: 1, text: '' });
    await bench.time.until('it runs', () => listener.running === 1);
    for (const _cut of range(3)) {
      await cutUnder(bench, manager);
      await bench.time.until('it is delivered again', async () => (await bench.browse(queue)).length === 0);
    }
    await manager.sendEvent(event, { n: 2, text: '' });
    await bench.time.until('the second is handled beside it', () => listener.numbers.includes(2));
    expect(listener.running).toBe(1);
    hold.open();
    await bench.holds(queue, 0);
    expect(listener.numbers).toEqual([1, 2]);
  });

  scenario('REG-37: one bound of an archive works alone, and can be changed without a failure or a loss', async (bench) => {
    const event = bench.event();
    const handle = (): never => {
      throw new Error('to the archive');
    };
    // One after another, so that the order in the archive is known.
    const listener = bench.listener(event, handle, { concurrency: 1, prefetch: 0 });
    const { archive } = await bench.names(listener);
    const keeps = async (numbers: number[]): Promise<boolean> => {
      const bodies = (await bench.browse(archive)).map(({ body }) => JSON.parse(String(body)) as { n: number });
      return bodies.map(({ n }) => n).join() === numbers.join();
    };
    const first = await bench.started({ listeners: [listener], retry: false, archive: { maxCount: 3 } });
    for (const note of notes(event, 5)) await first.sendEvent(note);
    await bench.time.until('all are archived', () => first.counters().archived === 5);
    await bench.time.until('the newest three are left', () => keeps([2, 3, 4]));
    await bench.stop(first);
    const second = await bench.started({ listeners: [listener], retry: false, archive: { maxCount: 4, maxAgeMs: 600_000 } });
    expect(await keeps([2, 3, 4])).toBe(true);
    for (const note of notes(event, 2, 5)) await second.sendEvent(note);
    await bench.time.until('the newest four are left', () => keeps([3, 4, 5, 6]));
  });
});

onArtemis((scenario) => {
  scenario('TRP-2: no retry is swallowed for a foreign duplicate id, nor for message ids that are not unique', async (bench) => {
    const event = bench.event();
    const listener = bench.listener(event, ({ attempt }) => {
      if (attempt < 3) throw new Error('not yet');
    });
    const manager = await bench.started({ listeners: [listener] });
    const address = addressOf(event);
    const body = (n: number): string => JSON.stringify({ n, text: '' });
    await bench.given.foreign?.send(address, { body: body(0), id: 'one for all', headers: { _AMQ_DUPL_ID: bench.unique('theirs') } });
    for (const n of [1, 2, 3]) await bench.given.foreign?.send(address, { body: body(n), id: 'one for all' });
    await bench.time.until('all four have succeeded', () => manager.counters().handled === 4);
    await bench.holds((await bench.names(listener)).queue, 0);
    const attempts = range(4).map((n) => listener.calls.filter(({ note }) => note.n === n).map(({ attempt }) => attempt));
    expect(attempts).toEqual(range(4).map(() => [1, 2, 3]));
  });

  scenario('TRP-5: a filter put on a queue stops its own listener alone, and start says how to mend it', async (bench, ways) => {
    const event = bench.event();
    const [filtered, other] = [bench.listener(event), bench.listener(event)];
    const logger = new KeptLogger();
    const manager = await bench.started({ listeners: [filtered, other], logger });
    const filter = (text: string): Promise<unknown> =>
      ways.operator.management.operation('broker', 'updateQueue', JSON.stringify({ name: filtered.name, 'filter-string': text }));
    await filter("color = 'red'");
    await bench.given.cut?.();
    const ready = (of: MadeListener): boolean =>
      manager.health().subscriptions.some(({ listener, ready: is }) => listener === of.name && is);
    await bench.time.until('the other is back', () => manager.health().provider.state === 'connected' && ready(other) && !ready(filtered));
    await manager.sendEvent(event, { n: 1, text: '' });
    await bench.time.until('it receives', () => other.numbers.includes(1));
    expect([ready(filtered), manager.health().ready]).toEqual([false, false]);
    const remedy = /has the filter color = 'red'.*Remove the filter/;
    expect(logger.lines.map(({ fields }) => String((fields as { error?: unknown }).error)).join('\n')).toMatch(remedy);
    const next = await bench.manager({ listeners: [filtered] });
    await expect(next.start()).rejects.toMatchObject({ code: 'queue-conflict', message: expect.stringMatching(remedy) });
    await filter('');
    await bench.time.until('it is back too', () => manager.health().ready);
    await manager.sendEvent(event, { n: 2, text: '' });
    await bench.time.until('it receives', () => filtered.numbers.includes(2));
  });

  scenario('TRP-7: on an address that is anycast too, events and retries reach every queue, and start warns', async (bench, ways) => {
    const event = bench.event();
    await ways.operator.createQueue(addressOf(event), unique('theirs'), { 'routing-type': 'ANYCAST' });
    const failsOnce = bench.listener(event, ({ attempt }) => {
      if (attempt === 1) throw new Error('once');
    });
    const other = bench.listener(event);
    const logger = new KeptLogger();
    const manager = await bench.started({ listeners: [failsOnce, other], logger });
    expect(logger.text()).toMatch(/warn address .* is ANYCAST too/);
    await manager.sendEvents(notes(event, 10));
    await bench.time.until('all are handled', () => manager.counters().handled === 20);
    expect([failsOnce.calls.length, other.calls.length]).toEqual([20, 10]);
    await bench.holds((await bench.names(failsOnce)).queue, 0);
  });

  scenario('TRP-8: a retry copy that is cut off again and again is not lost to a dead-letter queue', async (bench, ways) => {
    await cutsUnderOneRun(bench, 20, ways, { deadLetterAddress: unique('dead'), autoCreateDeadLetterResources: true });
  });
});

describeOwnBroker('on an Artemis that removes what is idle', () => {
  it(
    'TRP-9: an archived event does not outlive its age, and is nowhere else then',
    async () => {
      const broker = await idle;
      await broker?.forgotten();
      expect(await broker?.bench.count('ExpiryQueue')).toBe(0);
    },
    idleMs,
  );

  it(
    'TRP-6: an empty queue without a consumer outlives two sweeps of the broker, and a restart',
    async () => {
      const broker = await idle;
      if (broker === undefined) throw new Error('no broker was started');
      await broker.swept();
      await broker.restart();
      expect(await broker.operator.queue(broker.idle.name)).toMatchObject({ address: addressOf(broker.idle.event), messageCount: '0' });
      const { idle: listener, bench } = broker;
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvent(listener.event, { n: 2, text: '' });
      await bench.time.until('it receives', () => listener.numbers.includes(2));
    },
    idleMs,
  );
});

/** As an operator does it: moves all of the archive to the listener's queue, or sends a copy of its last item, where nothing can be moved. */
async function putBack(bench: Bench, ways: ArtemisWays | undefined, listener: MadeListener): Promise<void> {
  const { archive } = await bench.names(listener);
  if (ways !== undefined) {
    const moved = await ways.operator.management.operation(`queue.${archive}`, 'moveMessages', '', listener.name);
    expect(moved).toBe(1);
    return;
  }
  const { body = '', headers } = (await bench.browse(archive)).at(-1) ?? {};
  await (await bench.onlooker()).send(addressOf(listener.event), body, { ...(headers && { headers }) });
}

/**
 * One attempt, a retry, that outlives so many connections, where the broker gives up a message after four losses that it counts (which it
 * does not of each). At each moment the event is on its queue or in the archive.
 */
async function cutsUnderOneRun(bench: Bench, cuts: number, ways?: ArtemisWays, more: Record<string, unknown> = {}): Promise<void> {
  const event = bench.event();
  const hold = gate();
  const handle = async ({ attempt }: Call): Promise<void> => {
    if (attempt === 1) throw new Error('once');
    await hold.passed;
  };
  const listener = bench.listener(event, handle, { maxCrashes: 2 });
  const { queue, archive } = await bench.names(listener);
  const settings = JSON.stringify({ maxDeliveryAttempts: 4, ...more });
  await ways?.operator.management.operation('broker', 'addAddressSettings', addressOf(event), settings);
  const manager = await bench.started({ listeners: [listener] });
  await manager.sendEvent(event, { n: 1, text: '' });
  await bench.time.until('the retry runs', () => listener.attempts.includes(2));
  // The broker has let go of the first attempt.
  await bench.holds(queue, 1);
  const archived = async (): Promise<boolean> => (await bench.count(archive)) === 1;
  const waits = async (): Promise<boolean> => (await bench.browse(queue)).length > 0;
  const delivered = async (): Promise<boolean> => (await archived()) || ((await bench.count(queue)) === 1 && !(await waits()));
  for (let cut = 1; cut <= cuts && !(await archived()); cut++) {
    await cutUnder(bench, manager);
    await bench.time.until(`it is delivered again after cut ${String(cut)}, or archived`, delivered);
    // A connection that ends at once is not counted.
    await bench.time.stays('it stays connected', () => manager.health().ready, 100);
  }
  hold.open();
  await bench.holds(queue, 0);
  const [found] = await bench.browse(archive);
  if (found === undefined) expect(manager.counters().handled).toBe(1);
  else expect(found.headers.get('tidings_error_reason')).toBe('crashed');
  expect(listener.attempts).toEqual([1, 2]);
  await ways?.operator.management.operation('broker', 'removeAddressSettings', addressOf(event));
}
