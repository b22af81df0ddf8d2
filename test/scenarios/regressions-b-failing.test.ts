import { expect } from '@jest/globals';
import { SendError } from '../../src/index.js';
import { addressOf } from '../../src/testing/conformance/bench.js';
import { gate, range } from '../../src/testing/conformance/gate.js';
import { onEachProvider } from '../support/scenarios.js';

onEachProvider((scenario) => {
  scenario('REG-31: the broker counts an event until its listener has rejected, and its retry from then on', async (bench) => {
    const event = bench.event();
    const holds = [gate(), gate()];
    const listener = bench.listener(event, async ({ attempt }) => {
      await holds[attempt - 1]?.passed;
      if (attempt === 1) throw new Error('after a second');
    });
    const manager = await bench.started({ listeners: [listener], retry: { initialDelayMs: 500, jitter: 'none' } });
    const { queue } = await bench.names(listener);
    await manager.sendEvent(event, { n: 1, text: '' });
    await bench.time.until('it runs', () => listener.running === 1);
    await bench.holds(queue, 1);
    await bench.time.stays('the broker counts it', async () => (await bench.count(queue)) === 1, 1_000);
    holds[0]?.open();
    await bench.time.until('the retry has come', async () => {
      // The broker's count may miss what just becomes due, but not twice in a row.
      if ((await bench.count(queue)) === 0) expect(await bench.count(queue)).toBeGreaterThanOrEqual(1);
      return listener.calls.length === 2;
    });
    holds[1]?.open();
    await bench.holds(queue, 0);
    expect(listener.attempts).toEqual([1, 2]);
  });

  scenario('REG-34: three events that fail to the end, one after another, have eleven calls each', async (bench) => {
    const event = bench.event();
    const handle = (): never => {
      throw new Error('always');
    };
    const listener = bench.listener(event, handle, { breaker: false });
    const manager = await bench.started({ listeners: [listener], retry: { initialDelayMs: 1, factor: 1, jitter: 'none' } });
    for (const n of range(3)) {
      await manager.sendEvent(event, { n, text: '' });
      await bench.time.until('it is archived', () => manager.counters().archived === n + 1);
    }
    await bench.time.stays('none is called again', () => listener.calls.length === 33);
    const attempts = range(3).map((n) => listener.calls.filter(({ note }) => note.n === n).map(({ attempt }) => attempt));
    expect(attempts).toEqual(range(3).map(() => range(11).map((index) => index + 1)));
  });

  scenario('REG-36: while the copy for the retry is refused the attempt is not run again, and afterwards goes on', async (bench) => {
    const event = bench.event();
    const hold = gate();
    const listener = bench.listener(event, async ({ attempt }) => {
      await hold.passed;
      if (attempt === 1) throw new Error('once');
    });
    const manager = await bench.started({ listeners: [listener] });
    const { queue } = await bench.names(listener);
    await manager.sendEvent(event, { n: 1, text: '' });
    await bench.time.until('it runs', () => listener.running === 1);
    const accept = await bench.fault(bench.given.refuse?.(addressOf(event)));
    hold.open();
    await bench.time.stays('it is not run again', () => listener.calls.length === 1, 2_000);
    expect([await bench.count(queue), manager.counters().retried]).toEqual([1, 0]);
    await accept();
    await bench.time.until('it is run again', () => manager.counters().handled === 1, 20_000);
    expect(listener.attempts).toEqual([1, 2]);
    await bench.holds(queue, 0);
  });

  scenario('REG-42: a send that fails inside a listener rejects there, and the listener may catch it', async (bench) => {
    const [event, refused] = [bench.event(), bench.event()];
    const caught: unknown[] = [];
    const catching = bench.listener(event, async ({ context }) => {
      await context.sendEvent(refused, { n: 1, text: '' }, { timeoutMs: 1_000 }).catch((error: unknown) => caught.push(error));
    });
    const failing = bench.listener(event, async ({ context }) => {
      await context.sendEvent(refused, { n: 2, text: '' }, { timeoutMs: 1_000 });
    });
    const manager = await bench.started({ listeners: [catching, failing], retry: false });
    await manager.sendEvent(refused, { n: 0, text: '' });
    await bench.fault(bench.given.refuse?.(addressOf(refused)));
    await manager.sendEvent(event, { n: 1, text: '' });
    await bench.time.until('both have ended', () => manager.counters().handled === 1 && manager.counters().archived === 1);
    // The broker refuses one, takes its credit back, and lets the other wait.
    expect(caught).toEqual([expect.any(SendError)]);
    const [archived] = await bench.browse((await bench.names(failing)).archive);
    expect(archived?.headers.get('tidings_error_class')).toBe('SendError');
  });

  scenario('REG-55: the delays of a listener that always fails grow as they are configured', async (bench) => {
    const event = bench.event();
    const times: number[] = [];
    const listener = bench.listener(event, () => {
      times.push(bench.time.now());
      throw new Error('always');
    });
    const retry = { maxRetries: 4, initialDelayMs: 100, factor: 2, maxDelayMs: 400, jitter: 'none' } as const;
    const manager = await bench.started({ listeners: [listener], retry });
    await manager.sendEvent(event, { n: 1, text: '' });
    await bench.time.until('it is archived', () => manager.counters().archived === 1);
    const delays = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    console.log(`delays of 100, 200, 400, 400 ms measured as ${delays.join(', ')}`);
    expect(delays.map((delay, index) => delay >= ([100, 200, 400, 400][index] ?? Infinity))).toEqual([true, true, true, true]);
  });
});
