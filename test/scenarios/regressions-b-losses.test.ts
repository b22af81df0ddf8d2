import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from '@jest/globals';
import { eventListener, SendError } from '../../src/index.js';
import type { EventManager } from '../../src/index.js';
import { AmqpProvider } from '../../src/providers/amqp/index.js';
import { gate, range, sorted } from '../../src/testing/conformance/gate.js';
import { artemisUrl, proxied } from '../support/artemis.js';
import { direct, managerOf, notes, onArtemis, onEachProvider, Traffic } from '../support/scenarios.js';

onEachProvider((scenario) => {
  scenario('REG-49: what is sent right after the start has resolved is received', async (bench) => {
    const elsewhere = await bench.started();
    for (const round of range(5)) {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener] });
      await Promise.all([manager, elsewhere].map((sender, n) => sender.sendEvent(event, { n, text: '' })));
      await bench.time.until(`both of round ${String(round)} are received`, () => listener.calls.length === 2);
      await bench.stop(manager);
    }
  });

  scenario('REG-50: cuts and stops during traffic lose nothing, and after each cut it goes on', async (bench) => {
    const event = bench.event();
    const listener = bench.listener(event, undefined, { concurrency: 3 });
    const consumers = [await bench.started({ listeners: [listener] })];
    const sender = await bench.started();
    const sent = new Traffic(bench, sender, event);
    for (const round of range(6)) {
      await sent.more(40);
      await bench.given.cut?.();
      await sent.more(1);
      if (round % 2 === 0) continue;
      await bench.stop(consumers.pop() as EventManager, 5_000);
      await sent.more(20);
      consumers.push(await bench.started({ listeners: [listener] }));
    }
    await sent.more(20);
    await bench.stop(sender, 5_000);
    await sent.ended();
    const { confirmed, failed } = sent;
    const handled = (): Set<number> => new Set(listener.numbers);
    await bench.time.until('all that was confirmed is handled', () => confirmed.every(among(handled())), 30_000);
    // What was under way is confirmed before the end; what came later was not sent, and never arrives.
    expect(failed.map(({ error }) => error instanceof SendError && error.outcome)).toEqual(failed.map(() => 'not-sent'));
    expect(failed.filter(({ n }) => handled().has(n))).toEqual([]);
    console.log(
      `${String(confirmed.length)} confirmed, ${String(failed.length)} rejected by the stop, ${String(listener.calls.length)} calls`,
    );
  });

  scenario('REG-51: what waits to be sent over a loss leaves when the subscriptions are back', async (bench) => {
    const event = bench.event();
    const listener = bench.listener(event, undefined, { perProcess: true });
    const serverName = bench.server();
    const manager = await bench.started({ listeners: [listener], ...(bench.given.detach === undefined ? undefined : { serverName }) });
    const queue = String(manager.health().subscriptions[0]?.queue);
    const { consumers } = await bench.queues();
    const up = await bench.fault(bench.given.down?.());
    const sends = notes(event, 5).map((note) => manager.sendEvent(note));
    await bench.time.until('the loss is known', () => manager.health().provider.state === 'reconnecting');
    if (bench.given.detach === undefined) await bench.given.restart?.();
    else {
      await bench.time.until('the broker knows it too', async () => (await consumers.call(await bench.queues(), queue)) === 0);
      await bench.given.detach(queue);
    }
    await up();
    await bench.time.ends('the sends', Promise.all(sends));
    await bench.time.until('all are received', () => listener.calls.length === 5);
    expect(sorted(listener.numbers)).toEqual(range(5));
  });

  scenario('REG-52: a send that spans a reconnect is confirmed once or rejects with its outcome', async (bench) => {
    const event = bench.event();
    const listener = bench.listener(event);
    await bench.started({ listeners: [listener], provider: await direct(bench) });
    const manager = await bench.started();
    await manager.sendEvent(event, { n: 100, text: '' });
    const release = await bench.fault(bench.given.hold?.());
    const sends = notes(event, 50).map((note) => manager.sendEvent(note));
    const impatient = manager.sendEvent(event, { n: 50, text: '' }, { timeoutMs: 300 });
    await expect(bench.time.ends('the impatient send', impatient)).rejects.toMatchObject({ code: 'send-timeout', outcome: 'unknown' });
    await bench.time.until('all have reached the broker', () => listener.calls.length === 52);
    await bench.given.cut?.();
    await release();
    await bench.time.ends('the sends', Promise.all(sends));
    await bench.time.stays('none has come twice', () => listener.calls.length === 52);
    expect([sorted(listener.numbers), manager.counters().sent]).toEqual([[...range(51), 100], 51]);
  });

  scenario('REG-53: an event whose retries are used up while its connection goes is archived, and not lost', async (bench) => {
    const event = bench.event();
    const hold = gate();
    const listener = bench.listener(event, async ({ attempt }) => {
      if (attempt === 3) await hold.passed;
      throw new Error('always');
    });
    const manager = await bench.started({ listeners: [listener], retry: { maxRetries: 2, initialDelayMs: 20, jitter: 'none' } });
    const { queue, archive } = await bench.names(listener);
    await manager.sendEvent(event, { n: 1, text: '' });
    await bench.time.until('the last attempt runs', () => listener.calls.length === 3);
    await bench.given.cut?.();
    hold.open();
    await bench.holds(archive, 1);
    await bench.holds(queue, 0);
    const [archived] = await bench.browse(archive);
    expect([archived?.headers.get('tidings_error_attempts'), listener.attempts]).toEqual(['3', [1, 2, 3]]);
  });

  scenario('REG-57: events of one megabyte exhaust nothing and warn of nothing', async (bench) => {
    const many = 150;
    const event = bench.event();
    const text = 'x'.repeat(1_000_000);
    const seen = new Set<number>();
    // Keeps nothing of what it gets, as a bench's own listener would.
    @eventListener(event, bench.unique('l'))
    class L {
      on(note: { readonly n: number; readonly text: string }): void {
        expect(note.text).toHaveLength(text.length);
        seen.add(note.n);
      }
    }
    const warnings: string[] = [];
    const gc = collector();
    const used = (): number => {
      gc();
      return (process.memoryUsage().heapUsed + process.memoryUsage().external) / 2 ** 20;
    };
    const warned = ({ name, message }: Error): number => warnings.push(`${name}: ${message}`);
    process.on('warning', warned);
    try {
      const manager = await managerOf(bench, [L]);
      const before = used();
      let next = 0;
      const sender = async (): Promise<void> => {
        for (let n = next++; n < many; n = next++) await manager.sendEvent(event, { n, text });
      };
      await Promise.all(range(12).map(sender));
      await bench.time.until('all are handled', () => manager.counters().handled === many, 60_000);
      expect([seen.size, manager.counters().failed, warnings]).toEqual([many, 0, []]);
      // But for a few buffers of the broker's and the driver's. What is collected is freed a little later.
      await bench.time.until('nothing is kept of them', () => used() - before < 40);
    } finally {
      process.off('warning', warned);
    }
  });
});

onArtemis((scenario) => {
  scenario('REG-45: a port that refuses is tried with growing pauses, and used when it serves again', async (bench, { proxy }) => {
    const event = bench.event();
    const listener = bench.listener(event);
    const provider = new AmqpProvider({ url: proxied(artemisUrl(), proxy), reconnect: { initialDelayMs: 100, maxDelayMs: 400 } });
    const manager = await bench.manager({ provider, listeners: [listener] });
    let failures: number[] = [];
    manager.onStateChange(({ error }) => {
      if (String(error).includes('ECONNREFUSED')) failures.push(bench.time.now());
    });
    // Jitter takes away at most a half of each pause.
    const pauses = [50, 100, 200, 200];
    const growing = async (): Promise<void> => {
      failures = [];
      await bench.time.until('it was refused five times', () => failures.length >= 5);
      const between = failures.slice(1, 5).map((at, index) => at - (failures[index] ?? 0));
      console.log(`attempts after ${between.join(', ')} ms`);
      expect(between.every((pause, index) => pause >= (pauses[index] ?? Infinity))).toBe(true);
    };
    const serve = await bench.fault(bench.given.down?.());
    const starting = manager.start();
    await growing();
    await serve();
    await bench.time.ends('the start', starting);
    await manager.sendEvent(event, { n: 1, text: '' });
    const serveAgain = await bench.fault(bench.given.down?.());
    await bench.time.until('it is tried again', () => failures.length > 6);
    await serveAgain();
    await bench.time.until('it is back', () => manager.health().ready);
    await manager.sendEvent(event, { n: 2, text: '' });
    await bench.time.until('both are received', () => new Set(listener.numbers).size === 2);
  });

  scenario('REG-54: archiving over a full socket loses nothing, neither when it is cut then', async (bench, { proxy }) => {
    const event = bench.event();
    const many = 6;
    let hold = gate();
    const listener = bench.listener(event, async () => {
      await hold.passed;
      throw new Error('to the archive');
    });
    const onlooker = await bench.started({ provider: await direct(bench) });
    await bench.started({ listeners: [listener], retry: false });
    const { queue, archive } = await bench.names(listener);
    const text = 'x'.repeat(900_000);
    for (const round of ['it drains', 'it is cut']) {
      hold = gate();
      const before = await bench.count(archive);
      for (const n of range(many)) await onlooker.sendEvent(event, { n: before + n, text });
      await bench.time.until('all run', () => listener.running === many);
      // Takes 1 MiB and then nothing more, so that the rest of the copies stands in the socket.
      proxy.hold('up');
      hold.open();
      await bench.time.until('all have failed', () => listener.running === 0);
      await bench.time.stays('the broker has them still', async () => (await bench.count(queue)) === many);
      if (round === 'it is cut') await bench.given.cut?.();
      proxy.release('up');
      await bench.holds(archive, before + many);
      await bench.holds(queue, 0);
    }
    // Who looks sees all of them, each time.
    for (const _look of range(5)) {
      const bodies = (await bench.browse(archive)).map(({ body }) => String(body));
      expect(sorted(bodies.map((body) => (JSON.parse(body) as { n: number }).n))).toEqual(range(2 * many));
      expect(bodies.every((body) => body.length > text.length)).toBe(true);
    }
  });
});

function among(set: ReadonlySet<number>): (n: number) => boolean {
  return (n) => set.has(n);
}

/** What `--expose-gc` would give. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
