import { deepEqual, equal, ok } from 'node:assert/strict';
import { Container } from 'inversify';
import { eventing, EventManager, type Class, type EnvelopePipeline } from '../../src/index.js';
import { addressOf, type Bench } from '../../src/testing/conformance/bench.js';
import { gate, range, sorted } from '../../src/testing/conformance/gate.js';
import type { Note } from '../../src/testing/conformance/made-classes.js';
import { Members } from '../../src/testing/conformance/members.js';
import { fateOf, losing, notes, type Scenario } from './scenario.js';

/** Starts, stops, and who gets what. */
export const livingScenarios: readonly Scenario[] = [
  {
    id: 'REG-7',
    name: 'a stop with 100 queued and 4 running lets the 4 finish and leaves 96; at the deadline hanging ones are given back',
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, () => new Promise((wake) => setTimeout(wake, 1_000)), { concurrency: 4 });
      await bench.stop(await bench.started({ listeners: [listener] }));
      const sender = await bench.started();
      await sender.sendEvents(notes(event, 100));
      const { queue } = await bench.names(listener);
      await bench.holds(queue, 100);
      const slow = await bench.started({ listeners: [listener] });
      await bench.time.until('four run', () => listener.running === 4);
      const since = Date.now();
      await slow.stop({ deadlineMs: 10_000 });
      console.log(`REG-7: stopped after ${String(Date.now() - since)} ms`);
      deepEqual([listener.calls.length, listener.running, slow.counters().handled, slow.counters().late], [4, 0, 4, 0]);
      await bench.holds(queue, 96);
      const hanging = bench.listener(event, () => gate().passed, { name: listener.name, concurrency: 4 });
      const hung = await bench.started({ listeners: [hanging] });
      await bench.time.until('four hang', () => hanging.running === 4);
      const signals = hanging.calls.map(({ context }) => context.signal);
      const begun = Date.now();
      await hung.stop({ deadlineMs: 500 });
      ok(Date.now() - begun >= 500, 'not before the deadline');
      ok(
        signals.every(({ aborted }) => aborted),
        'their signals have aborted',
      );
      await bench.holds(queue, 96);
      const fast = bench.listener(event, undefined, { name: listener.name });
      await bench.started({ listeners: [fast] });
      await bench.time.until('the rest is handled', () => fast.calls.length >= 96);
      await bench.holds(queue, 0);
      deepEqual(sorted([...listener.numbers, ...fast.numbers]), range(100));
      equal(
        fast.attempts.every((attempt) => attempt === 1),
        true,
      );
    },
  },
  {
    id: 'REG-18',
    name: 'a stop while the broker is away resolves, and nothing is attempted after it',
    needs: ['down', 'manage'],
    run: async (bench, rig) => {
      const listener = bench.listener(bench.event());
      const manager = await bench.started({ listeners: [listener] });
      await bench.onlooker();
      const lost = losing(manager);
      const up = await bench.fault(bench.given.down?.());
      await bench.time.until('the loss is noticed', lost);
      const sending = fateOf(manager.sendEvent(listener.event, { n: 1, text: '' }));
      const begun = Date.now();
      await bench.stop(manager, 1_000);
      console.log(`REG-18: stopped after ${String(Date.now() - begun)} ms`);
      await bench.time.until('the send that waited is settled', () => sending.over);
      equal(manager.state, 'stopped');
      const states: string[] = [];
      manager.onStateChange(({ state, provider }) => states.push(`${state} ${provider}`));
      const before = rig.connections?.();
      await up();
      const consumers = async (): Promise<number> => (await bench.queues()).consumers((await bench.names(listener)).queue);
      await bench.time.until('the broker can be looked at', async () => (await consumers()) === 0);
      await bench.time.stays('nothing comes back', async () => states.length === 0 && (await consumers()) === 0, 1_000);
      equal(rig.connections?.(), before);
    },
  },
  {
    id: 'REG-19',
    name: 'of two managers in one process the second goes on with options of its own when the first has stopped',
    run: async (bench) => {
      const event = bench.event();
      const marks: string[] = [];
      const marking = (mark: string): EnvelopePipeline => ({
        send: (envelope, _event, next) => {
          envelope.set('sent_by', mark);
          return next();
        },
        handle: (envelope, _listener, next) => {
          marks.push(`${mark} got ${envelope.get('sent_by') ?? ''} from ${envelope.source}`);
          return next();
        },
      });
      const [one, two] = [bench.listener(event), bench.listener(event)];
      const first = await bench.started({ listeners: [one], pipelines: [marking('first')], serviceName: 'first', maxBodyBytes: 30 });
      const second = await bench.started({ listeners: [two], pipelines: [marking('second')], serviceName: 'second' });
      const long = { n: 1, text: 'x'.repeat(100) };
      const refused = fateOf(first.sendEvent(event, long));
      await bench.time.until('the first has refused it', () => refused.over);
      equal((refused.error as { code?: unknown } | undefined)?.code, 'too-large');
      await bench.stop(first);
      await second.sendEvent(event, long);
      await bench.time.until('the second receives', () => two.calls.length === 1);
      equal(two.calls[0]?.note.text.length, 100);
      deepEqual(marks, ['second got second from second']);
      equal(second.health().ready, true);
      equal(one.calls.length, 0);
    },
  },
  {
    id: 'REG-22',
    name: 'an event sent without options is received by a listener that starts after a restart of the broker',
    needs: ['restart', 'durable'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      await bench.stop(await bench.started({ listeners: [listener] }));
      const sender = await bench.started();
      await sender.sendEvent(event, { n: 1, text: 'kept' });
      await bench.given.restart?.();
      await bench.started({ listeners: [listener] });
      await bench.time.until('it is received', () => listener.calls.length > 0, 30_000);
      deepEqual([listener.numbers, listener.attempts], [[1], [1]]);
    },
  },
  {
    id: 'REG-25',
    name: 'with the broker down at boot a start tries until startTimeoutMs, fails at once with 0, and comes up when the broker does',
    needs: ['down'],
    run: async (bench) => {
      const up = await bench.fault(bench.given.down?.());
      const timed = await bench.manager({ startTimeoutMs: 700 });
      const since = Date.now();
      const late = fateOf(timed.start());
      await bench.time.until('it has given up', () => late.over);
      ok((late.at ?? 0) - since >= 700, 'not before startTimeoutMs');
      equal((late.error as { code?: unknown } | undefined)?.code, 'start-timeout');
      const once = await bench.manager({ startTimeoutMs: 0 });
      let attempts = 0;
      once.onStateChange(({ provider, error }) => (attempts += provider === 'connecting' && error === undefined ? 0 : 1));
      const failed = fateOf(once.start());
      await bench.time.until('it has failed', () => failed.over);
      equal((failed.error as { code?: unknown } | undefined)?.code, 'connection');
      const patient = await bench.manager({ startTimeoutMs: 60_000 });
      const started = fateOf(patient.start());
      await bench.time.stays('it goes on trying', () => !started.over);
      await up();
      await bench.time.until('it is up', () => started.over && started.error === undefined, 60_000);
      await bench.time.ends('a start after a failed one', timed.start());
    },
  },
  {
    id: 'REG-27',
    name: 'a stop waits for both of two running events of one correlation id',
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const gates = [gate(), gate()];
      const listener = bench.listener(event, ({ note }) => gates[note.n]?.passed);
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvents(notes(event, 2), { correlationId: 'the same' });
      await bench.time.until('both run', () => listener.running === 2);
      const stop = fateOf(manager.stop());
      gates[1]?.open();
      await bench.time.until('one has ended', () => listener.running === 1);
      await bench.time.stays('the stop waits for the other', () => !stop.over);
      gates[0]?.open();
      await bench.time.until('it is stopped', () => stop.over);
      deepEqual([manager.counters().handled, listener.running], [2, 0]);
      await bench.holds((await bench.names(listener)).queue, 0);
    },
  },
  {
    id: 'REG-28',
    name: 'one event makes three calls of three listeners in a process, not nine',
    run: async (bench) => {
      const event = bench.event();
      const listeners = range(3).map(() => bench.listener(event));
      const manager = await bench.started({ listeners });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('each is called', () => listeners.every(({ calls }) => calls.length > 0));
      await bench.time.stays('each is called once', () => listeners.every(({ calls }) => calls.length === 1));
      // Doubles that come at the same time would share one call.
      deepEqual([manager.counters().handled, manager.counters().adopted], [3, 0]);
    },
  },
  {
    id: 'REG-29',
    name: 'perProcess gives each of two processes every event, and without it they share them',
    run: async (bench) => {
      const event = bench.event();
      const [shared, copied] = [bench.unique('shared'), bench.unique('copied')];
      const numbers = await twoProcesses(bench, event, [
        { name: shared, perProcess: false },
        { name: copied, perProcess: true },
      ]);
      const sender = await bench.started();
      await sender.sendEvents(notes(event, 50));
      const asTheyShall = (): boolean =>
        numbers(copied).every((got) => sorted(got).join() === range(50).join()) &&
        sorted(numbers(shared).flat()).join() === range(50).join() &&
        numbers(shared).every((got) => got.length > 0);
      await bench.time.until('all have arrived', asTheyShall);
      await bench.time.stays('no double arrives', asTheyShall);
    },
  },
  {
    id: 'REG-10',
    name: 'a listener that is given twice, and bound by the user too, is registered once',
    needs: ['manage'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const container = new Container();
      container.bind(listener.target).toSelf().inSingletonScope();
      const provider = await bench.create();
      const listeners = [listener.target, listener.target];
      const module = eventing({ provider, serviceName: 'conformance', listeners, pipelines: [], logger: bench.log });
      container.load(module);
      const manager = container.get(EventManager);
      await bench.fault(() => container.unloadAsync(module));
      await bench.time.ends('the start', manager.start());
      equal(manager.health().subscriptions.length, 1);
      await manager.sendEvents(notes(event, 5));
      await bench.time.until('all are handled', () => listener.calls.length >= 5);
      await bench.holds((await bench.names(listener)).queue, 0);
      deepEqual(sorted(listener.numbers), range(5));
    },
  },
];

interface Wanted {
  readonly name: string;
  readonly perProcess: boolean;
}

/** Real ones where the rig has them, else two managers with a server name each; resolves with what the listeners of a name got in each. */
async function twoProcesses(bench: Bench, event: Class<Note>, wanted: readonly Wanted[]): Promise<(name: string) => number[][]> {
  if (bench.given.processes !== undefined) {
    const members = new Members(bench);
    const order = wanted.map((one) => ({ ...one, event: addressOf(event) }));
    await Promise.all(range(2).map(() => members.join(order)));
    return (name) => members.numbersByProcess(name);
  }
  const processes = range(2).map(() => wanted.map(({ name, perProcess }) => bench.listener(event, undefined, { name, perProcess })));
  for (const listeners of processes) await bench.started({ listeners, serverName: bench.server() });
  return (name) => processes.map((listeners) => listeners.filter((one) => one.name === name).flatMap(({ numbers }) => numbers));
}
