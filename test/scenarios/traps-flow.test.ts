import { afterEach, expect, jest } from '@jest/globals';
import { SendError } from '../../src/index.js';
import type { Logger } from '../../src/index.js';
import { addressOf } from '../../src/testing/conformance/bench.js';
import { gate, range, sorted } from '../../src/testing/conformance/gate.js';
import { full } from '../support/artemis-faults.js';
import { direct, notes, onArtemis, onEachProvider, Traffic } from '../support/scenarios.js';
import { KeptLogger } from '../support/world.js';

const many = 5_000;

afterEach(() => {
  jest.restoreAllMocks();
});

onEachProvider(
  (scenario) => {
    scenario('TRP-12: what a stopping listener returns does not come back in a hot loop', async (bench) => {
      const event = bench.event();
      const hold = gate();
      const listener = bench.listener(event, () => hold.passed, { concurrency: 2, prefetch: 10 });
      const manager = await bench.started({ listeners: [listener] });
      const { queue } = await bench.names(listener);
      await manager.sendEvents(notes(event, 30));
      // Over STOMP the broker sends ahead by bytes, and may have sent more than the limit.
      const isFull = (left: number): boolean => (manager.health().provider.name === 'stomp' ? left <= 18 : left === 18);
      await bench.time.until('it is full', async () => listener.running === 2 && isFull((await bench.browse(queue)).length));
      const stopping = manager.stop({ deadlineMs: 5_000 });
      await bench.time.stays('each is returned at most once', () => manager.counters().returned <= 10, 500);
      expect([listener.calls.length, await bench.count(queue)]).toEqual([2, 30]);
      hold.open();
      await bench.time.ends('the stop', stopping);
      const next = await bench.started({ listeners: [listener] });
      await bench.time.until('the rest is handled', () => next.counters().handled === 28);
      expect(sorted(listener.numbers)).toEqual(range(30));
    });

    scenario('TRP-12: what a paused subscription returns does not come back before it opens again', async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { concurrency: 5, prefetch: 0 });
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      await Promise.all(range(10).map((n) => peer.send(spec.event, String(n))));
      await bench.time.until('five are held', () => inbox.count === 5);
      await inbox.subscription.pause();
      for (const index of range(5)) void inbox.settle(inbox.at(index), { do: 'return' });
      await bench.time.stays('none comes back', () => inbox.count === 5, 500);
      await bench.holds(`${spec.event}::${spec.queue}`, 10);
    });

    scenario('TRP-13: one held delivery stalls neither its own listener nor another, while 5 000 later ones settle', async (bench) => {
      const event = bench.event();
      const hold = gate();
      const holding = bench.listener(event, ({ note }) => (note.n === 0 ? hold.passed : undefined));
      const other = bench.listener(event);
      const manager = await bench.started({ listeners: [holding, other] });
      await manager.sendEvents(notes(event, many + 1));
      await bench.time.until('both have settled the later ones', () => manager.counters().handled === 2 * many + 1, 30_000);
      const { queue } = await bench.names(holding);
      await bench.holds(queue, 1);
      hold.open();
      await bench.holds(queue, 0);
      expect([new Set(holding.numbers).size, new Set(other.numbers).size]).toEqual([many + 1, many + 1]);
    });

    scenario('TRP-14: 5 000 sends at once are all confirmed, and each arrives once', async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener] });
      const sent = await bench.time.ends('the sends', Promise.all(notes(event, many).map((note) => manager.sendEvent(note))), 30_000);
      await bench.time.until('all have arrived', () => listener.calls.length >= many, 30_000);
      expect([new Set(sent.map(({ id }) => id)).size, sorted(listener.numbers)]).toEqual([many, range(many)]);
    });

    scenario('TRP-15: stops with transfers under way in both directions lose nothing and repeat nothing', async (bench) => {
      const event = bench.event();
      // Slow enough for deliveries to wait.
      const listener = bench.listener(event, () => bench.time.pass(1), { concurrency: 20, prefetch: 100 });
      const onlooker = await bench.started({ provider: await direct(bench) });
      await bench.stop(await bench.started({ listeners: [listener] }));
      const confirmed: number[] = [];
      for (const round of range(5)) {
        await onlooker.sendEvents(notes(event, 500, 10_000 * (round + 1)));
        confirmed.push(...notes(event, 500, 10_000 * (round + 1)).map(({ n }) => n));
        const calls = listener.calls.length;
        const manager = await bench.started({ listeners: [listener] });
        const traffic = new Traffic(bench, manager, event, 100_000 * (round + 1));
        await bench.time.until('it is in the middle', () => listener.calls.length > calls + 20 * round);
        await bench.stop(manager, 5_000);
        await traffic.ended();
        confirmed.push(...traffic.confirmed);
        expect(traffic.failed.every(({ error }) => error instanceof SendError && error.outcome === 'not-sent')).toBe(true);
      }
      await bench.started({ listeners: [listener] });
      await bench.time.until('all have arrived', () => listener.calls.length >= confirmed.length, 30_000);
      await bench.holds((await bench.names(listener)).queue, 0);
      expect(sorted(listener.numbers)).toEqual(sorted(confirmed));
    });

    scenario('TRP-16: what a callback, observer, pipeline or logger throws is reported and ends no connection', async (bench, ways) => {
      const event = bench.event();
      const broken = (): never => {
        throw new Error('thrown at once');
      };
      const kept = new KeptLogger();
      const error: Logger['error'] = (fields, message) => {
        kept.error(fields, message);
        throw new Error('thrown by the logger');
      };
      const listener = bench.listener(event);
      const manager = await bench.manager({
        listeners: [listener],
        logger: { debug: broken, info: broken, warn: broken, error },
        retry: false,
        pipelines: [
          {
            send: (envelope, _event, next) => (envelope.get('spoil') === 'send' ? broken() : next()),
            handle: (envelope, _listener, next) => (envelope.get('spoil') === 'handle' ? broken() : next()),
          },
        ],
        hooks: { beforeStop: broken },
      });
      // Where a logger cannot be told, this is all that is left.
      const lastResort = jest.spyOn(console, 'error').mockImplementation(() => undefined);
      manager.onStateChange(broken);
      manager.observe({ sent: broken, handled: broken, failed: broken });
      await manager.start();
      const losses: string[] = [];
      manager.onStateChange(({ provider }) => losses.push(provider));
      const connections = ways?.proxy.accepted;
      const spoilt = (n: number, spoil: string): Promise<unknown> => manager.sendEvent(event, { n, text: '' }, { headers: { spoil } });
      await expect(spoilt(0, 'send')).rejects.toThrow('thrown at once');
      await spoilt(1, 'handle');
      await spoilt(2, 'nothing');
      await bench.time.until('both have ended', () => manager.counters().handled === 1 && manager.counters().archived === 1);
      const { archive, queue } = await bench.names(listener);
      await bench.holds(queue, 0);
      expect((await bench.browse(archive))[0]?.headers.get('tidings_error_message')).toBe('thrown at once');
      expect([losses, ways?.proxy.accepted, manager.health().ready, listener.numbers]).toEqual([[], connections, true, [2]]);
      await bench.stop(manager);
      for (const told of ['a callback of onStateChange threw', 'an observer threw', 'something failed while stopping'])
        expect(kept.text()).toMatch(new RegExp(`${told}.*thrown at once`));
      expect(lastResort.mock.calls.join('\n')).toContain('thrown by the logger');
    });
  },
  ['TRP-12', 'TRP-13', 'TRP-14', 'TRP-15', 'TRP-16'],
);

onArtemis((scenario) => {
  scenario('TRP-11: under BLOCK a send to a full address waits, and goes when there is room', async (bench, { operator }) => {
    const event = bench.event();
    const listener = bench.listener(event);
    const makeRoom = await bench.fault(full(operator, addressOf(event), 'BLOCK'));
    const manager = await bench.started({ listeners: [listener] });
    let confirmed = false;
    const sending = manager.sendEvent(event, { n: 1, text: '' }).then(() => (confirmed = true));
    const impatient = manager.sendEvent(event, { n: 2, text: '' }, { timeoutMs: 300 });
    await expect(impatient).rejects.toMatchObject({ code: 'send-timeout', outcome: 'not-sent' });
    await bench.time.stays('it waits', () => !confirmed);
    await makeRoom();
    await bench.time.ends('the send', sending);
    await bench.time.until('it is handled', () => listener.calls.length === 1);
    expect(listener.numbers).toEqual([1]);
  });

  scenario('TRP-11: under FAIL sends to a full address are refused, and go again when there is room', async (bench, { operator }) => {
    const event = bench.event();
    const listener = bench.listener(event);
    const manager = await bench.started({ listeners: [listener] });
    await manager.sendEvent(event, { n: 0, text: '' });
    const makeRoom = await bench.fault(full(operator, addressOf(event), 'FAIL'));
    const failures = notes(event, 10, 1).map(({ n }) =>
      manager.sendEvent(event, { n, text: '' }, { timeoutMs: 1_000 }).then(
        () => undefined,
        (error: unknown) => error as SendError,
      ),
    );
    const errors = await Promise.all(failures);
    // The broker takes its credit back with the first that it refuses.
    expect(errors.map((error) => error?.outcome === 'refused' || error?.outcome === 'not-sent')).toEqual(range(10).map(() => true));
    expect(errors.find((error) => error?.outcome === 'refused')?.message).toMatch(/full/i);
    // That was answered: it is not sent to any more.
    const later = manager.sendEvent(event, { n: 11, text: '' }, { timeoutMs: 300 });
    await expect(later).rejects.toMatchObject({ code: 'send-timeout', outcome: 'not-sent' });
    await makeRoom();
    await bench.time.ends('the sends', manager.sendEvents(notes(event, 10, 20)));
    await bench.time.until('they are handled', () => listener.calls.length === 11);
    expect(sorted(listener.numbers)).toEqual([0, ...range(10).map((n) => 20 + n)]);
  });

  scenario('TRP-11: under PAGE a full address takes everything', async (bench, { operator }) => {
    const event = bench.event();
    const listener = bench.listener(event);
    await bench.fault(full(operator, addressOf(event), 'PAGE'));
    const manager = await bench.started({ listeners: [listener] });
    await manager.sendEvents(notes(event, 100));
    await bench.time.until('all are handled', () => listener.calls.length === 100);
    expect(sorted(listener.numbers)).toEqual(range(100));
  });
});
