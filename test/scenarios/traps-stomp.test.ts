import { expect } from '@jest/globals';
import { event as decorateEvent, eventListener } from '../../src/index.js';
import type { EventContext, EventManager } from '../../src/index.js';
import { addressOf } from '../../src/testing/conformance/bench.js';
import { gate, range, sorted } from '../../src/testing/conformance/gate.js';
import { rawRhea } from '../across/raw-rhea.js';
import { rawStomp } from '../across/raw-stomp.js';
import { quickProvider } from '../support/artemis-conformance.js';
import { artemisStompUrl, artemisUrl } from '../support/artemis.js';
import { cutUnder, managerOf, notes, onStomp } from '../support/scenarios.js';
import { quickStomp } from '../support/artemis-conformance.js';
import { unique } from '../support/world.js';

/** What a careless client of STOMP corrupts or trims. */
const awkward: Readonly<Record<string, string>> = {
  path: 'C:\\new\\cat',
  blanks: '  both ends \t',
  percent: '%41',
  escapes: 'a\\nb\\c\\\\',
  lines: 'one\r\ntwo: three',
};

onStomp((scenario) => {
  scenario('REG-8: two failures are two retries, and then success; nothing is discarded on the way', async (bench) => {
    const event = bench.event();
    const listener = bench.listener(
      event,
      ({ attempt }) => {
        if (attempt < 3) throw new Error(`attempt ${String(attempt)}`);
      },
      { breaker: false },
    );
    const manager = await bench.started({ listeners: [listener] });
    const { queue, archive } = await bench.names(listener);
    await manager.sendEvents(notes(event, 20));
    await bench.time.until('all have succeeded', () => manager.counters().handled === 20);
    await bench.holds(queue, 0);
    const attempts = range(20).map((n) => listener.calls.filter(({ note }) => note.n === n).map(({ attempt }) => attempt));
    expect(attempts).toEqual(range(20).map(() => [1, 2, 3]));
    expect(await bench.count(archive)).toBe(0);
  });

  scenario('TRP-3: a listener whose queue belongs to another event is refused, and took nothing of it', async (bench) => {
    const [one, two] = [bench.event(), bench.event()];
    const name = bench.unique('same');
    const owner = bench.listener(one, undefined, { name });
    const first = await bench.started({ listeners: [owner] });
    await bench.stop(first);
    const sender = await bench.started();
    await sender.sendEvents(notes(one, 5));
    const { queue } = await bench.names(owner);
    const thief = bench.listener(two, undefined, { name });
    for (const provisioning of [undefined, 'none'] as const) {
      const provider = quickStomp(artemisStompUrl(), provisioning === undefined ? {} : { provisioning });
      const manager = await bench.manager({ listeners: [thief], provider });
      const error: unknown = await bench.time.ends('the start', manager.start()).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'queue-conflict' });
      for (const part of [addressOf(one), addressOf(two), name, "queueNaming: 'qualified'"]) expect(String(error)).toContain(part);
      await bench.stop(manager);
      await bench.holds(queue, 5);
    }
    expect(thief.calls).toEqual([]);
    await bench.started({ listeners: [owner] });
    await bench.time.until('its owner has all', () => sorted(owner.numbers).join() === range(5).join());
    expect(owner.attempts).toEqual(range(5).map(() => 1));
  });

  scenario('TRP-9: what was archived outlives the time that its sender gave it', async (bench) => {
    const event = bench.event();
    const listener = bench.listener(event, () => {
      throw new Error('never');
    });
    await bench.started({ listeners: [listener], retry: false });
    const { archive } = await bench.names(listener);
    await using raw = await rawStomp.start();
    const headers = { expires: String(Date.now() + 1_000) };
    await raw.send(addressOf(event), { kind: 'text', body: '{"n":1,"text":""}', headers });
    await bench.holds(archive, 1);
    await bench.time.stays('it stays', async () => (await bench.browse(archive)).length === 1, 1_500);
  });

  scenario(
    'TRP-10: over twenty cuts under one long listener its event stays, where the broker has no limit of deliveries',
    async (bench, ways) => {
      const event = bench.event();
      const hold = gate();
      // Places for all six to come again beside those that are held.
      const listener = bench.listener(event, () => hold.passed, { concurrency: 3, prefetch: 9 });
      const { queue, archive } = await bench.names(listener);
      // STOMP shows no count, and each lost connection counts for all that was sent over it: see the README on max-delivery-attempts.
      await ways.operator.management.operation(
        'broker',
        'addAddressSettings',
        addressOf(event),
        JSON.stringify({ maxDeliveryAttempts: -1 }),
      );
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvents(notes(event, 6));
      await bench.time.until('three run', () => listener.running === 3);
      const delivered = async (): Promise<boolean> => (await bench.browse(queue)).length === 0;
      for (const cut of range(20)) {
        await cutUnder(bench, manager);
        await bench.time.until(`all are delivered again after cut ${String(cut + 1)}`, delivered);
      }
      // What is written anew for its losses is there twice until the one that was lost so often is settled.
      await bench.holds(queue, 6);
      expect(listener.running).toBe(3);
      hold.open();
      await bench.holds(queue, 0);
      await bench.time.until('all are handled', () => sorted(listener.numbers).join() === range(6).join());
      expect(await bench.count(archive)).toBe(0);
      await ways.operator.management.operation('broker', 'removeAddressSettings', addressOf(event));
    },
  );

  scenario('TRP-19: headers are equal from AMQP to STOMP, back, and for other programs', async (bench) => {
    const name = unique('headers');
    @decorateEvent(name)
    class E {
      readonly n: number = 0;
    }
    const seen: { readonly by: string; readonly n: number; readonly headers: Readonly<Record<string, string>> }[] = [];
    const listening = (by: string) => {
      @eventListener(E, unique(by))
      class L {
        on({ n }: E, { envelope }: EventContext): void {
          const headers = new Map(envelope.headers());
          seen.push({ by, n, headers: Object.fromEntries(Object.keys(awkward).map((key) => [key, headers.get(key) ?? ''])) });
        }
      }
      return L;
    };
    const over = (by: string) => (by === 'amqp' ? quickProvider(artemisUrl()) : quickStomp(artemisStompUrl()));
    const managers: EventManager[] = [];
    for (const by of ['amqp', 'stomp']) {
      const manager = await managerOf(bench, [listening(by)], { provider: over(by) });
      await manager.start();
      managers.push(manager);
    }
    await using rhea = await rawRhea.start();
    await using raw = await rawStomp.start();
    const foreign = await Promise.all([rhea, raw].map((program) => program.listen(name, unique('foreign'))));
    for (const [n, manager] of managers.entries()) await manager.sendEvent(E, { n }, { headers: awkward });
    await rhea.send(name, { kind: 'text', body: '{"n":2}', headers: awkward });
    await raw.send(name, { kind: 'text', body: '{"n":3}', headers: awkward });
    await bench.time.until('all have all', () => seen.length === 8 && foreign.every(({ length }) => length === 4));
    for (const { headers } of seen) expect(headers).toEqual(awkward);
    for (const by of ['amqp', 'stomp']) expect(sorted(seen.filter((one) => one.by === by).map(({ n }) => n))).toEqual(range(4));
    for (const { headers } of foreign.flat()) expect(headers).toMatchObject(awkward);
  });

  scenario(
    'TRP-20: what ends after a reconnect is not acknowledged to the broker that never sent it over this connection',
    async (bench, { proxy }) => {
      const event = bench.event();
      const hold = gate();
      const listener = bench.listener(event, ({ note }) => (note.n < 5 ? hold.passed : undefined));
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvents(notes(event, 5));
      await bench.time.until('all run', () => listener.running === 5);
      await cutUnder(bench, manager);
      const { queue } = await bench.names(listener);
      await bench.time.until('all are delivered again', async () => (await bench.browse(queue)).length === 0);
      const connections = proxy.accepted;
      const changes: string[] = [];
      manager.onStateChange(({ provider }) => changes.push(provider));
      hold.open();
      await bench.holds(queue, 0);
      await manager.sendEvent(event, { n: 5, text: '' });
      await bench.time.until('the next is handled', () => listener.numbers.includes(5));
      await bench.time.stays('no connection is ended', () => proxy.accepted === connections && changes.length === 0);
      expect([sorted(listener.numbers), manager.counters().handled]).toEqual([range(6), 6]);
    },
  );

  scenario('TRP-21: a stop does not take back what runs: none runs twice', async (bench) => {
    const event = bench.event();
    const hold = gate();
    const listener = bench.listener(event, () => hold.passed, { concurrency: 5, prefetch: 5 });
    const leaving = await bench.started({ listeners: [listener] });
    await leaving.sendEvents(notes(event, 5));
    await bench.time.until('five run', () => listener.running === 5);
    const other = bench.listener(event, undefined, { name: listener.name });
    const successor = await bench.started({ listeners: [other] });
    const stopping = leaving.stop({ deadlineMs: 20_000 });
    await bench.time.stays('the successor gets none of them', () => other.calls.length === 0, 700);
    hold.open();
    await bench.time.ends('the stop', stopping);
    await successor.sendEvent(event, { n: 5, text: '' });
    await bench.time.until('the successor goes on', () => other.calls.length > 0);
    await bench.holds((await bench.names(listener)).queue, 0);
    expect([sorted(listener.numbers), other.numbers, leaving.counters().handled]).toEqual([range(5), [5], 5]);
  });

  scenario('TRP-22: the content type is found whatever way a message took between AMQP and STOMP', async (bench) => {
    const name = unique('content');
    @decorateEvent(name)
    class E {
      readonly n: number = 0;
    }
    const seen: string[] = [];
    const listening = (by: string) => {
      @eventListener(E, unique(by))
      class L {
        on({ n }: E, { envelope: { contentType } }: EventContext): void {
          seen.push(`${by} ${String(n)} ${contentType}`);
        }
      }
      return L;
    };
    const providers = {
      amqp: quickProvider(artemisUrl()),
      data: quickProvider(artemisUrl(), { body: 'data' }),
      stomp: quickStomp(artemisStompUrl()),
    };
    const managers: EventManager[] = [];
    for (const [by, provider] of Object.entries(providers)) {
      const manager = await managerOf(bench, [listening(by)], { provider });
      await manager.start();
      managers.push(manager);
    }
    for (const [n, manager] of managers.entries()) await manager.sendEvent(E, { n });
    await using raw = await rawStomp.start();
    await raw.send(name, { kind: 'text', body: '{"n":3}', headers: { 'content-type': 'application/json' } });
    await raw.send(name, { kind: 'bytes', body: '{"n":4}', headers: { 'content-type': 'application/json' } });
    await raw.send(name, { kind: 'bytes', body: '{"n":5}', headers: {} });
    const all = Object.keys(providers).flatMap((by) => range(6).map((n) => `${by} ${String(n)} application/json`));
    await bench.time.until('all have all', () => seen.length === all.length);
    expect([...seen].sort()).toEqual(all.sort());
  });

  scenario('TRP-25: the second retry waits as long as the first: no time of delivery is copied along', async (bench) => {
    const delayMs = 500;
    const event = bench.event();
    const begun: number[] = [];
    const listener = bench.listener(event, ({ attempt }) => {
      begun.push(Date.now());
      if (attempt < 4) throw new Error('once more');
    });
    const retry = { initialDelayMs: delayMs, factor: 1, jitter: 'none' } as const;
    const manager = await bench.started({ listeners: [listener], retry });
    await manager.sendEvent(event, { n: 1, text: '' });
    await bench.time.until('the fourth attempt has begun', () => begun.length === 4);
    const pauses = begun.slice(1).map((at, index) => at - (begun[index] ?? 0));
    console.log(`attempts after ${pauses.join(', ')} ms`);
    expect(pauses.every((pause) => pause >= delayMs)).toBe(true);
    expect(listener.attempts).toEqual([1, 2, 3, 4]);
  });
});
