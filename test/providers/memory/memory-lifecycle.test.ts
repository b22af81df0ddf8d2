import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../../src/core/provider.js';
import { Backoff } from '../../../src/providers/memory/backoff.js';
import { MemoryBroker } from '../../../src/providers/memory/memory-broker.js';
import { MemoryProvider } from '../../../src/providers/memory/memory-provider.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { Rig, acceptAll, collect, fate, message, spec } from './rig.js';

const mailer = spec('order', 'mailer', { concurrency: 3 });

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

/** Without the attempts to connect that failed after the first one. */
const states = (service: { states: { state: string }[] }): string[] =>
  service.states.map(({ state }) => state).filter((state, at, all) => state !== all[at - 1]);

describe('options', () => {
  test('tell all mistakes at once', () => {
    const wrong = { brocker: 1, clock: {}, queueNaming: 'fancy' } as unknown as { queueNaming: 'plain' };
    expect(() => new MemoryProvider(wrong)).toThrow(/3 mistakes/);
    expect(() => new MemoryProvider(wrong)).toThrow(/'broker'/);
  });

  test('give the clock that rules the broker too', () => {
    const clock = new VirtualClock();
    expect(new MemoryProvider({ clock }).clock).toBe(clock);
    expect(new MemoryProvider({ broker: new MemoryBroker({ clock }) }).clock).toBe(clock);
    expect(new MemoryProvider({ queueNaming: 'qualified' }).queueNaming).toBe('qualified');
  });
});

describe('start', () => {
  test('makes the queues of all specs and their archives, and tells its state', async () => {
    const service = await rig.started([mailer, spec('work', 'worker', { routing: 'anycast', queue: 'work', archive: 'archive.work' })]);
    expect(await service.provider.queues.list('')).toEqual([
      'archive.mailer::archive.mailer',
      'archive.work::archive.work',
      'order::mailer',
      'work::work',
    ]);
    expect(states(service)).toEqual(['connecting', 'connected']);
  });

  test.each([
    ['a queue of another address', spec('payment', 'mailer'), /'payment'.*'order'.*queueNaming: 'qualified'/],
    ['an address of another routing', spec('order', 'worker', { routing: 'anycast' }), /anycast.*multicast/],
    ['an archive that is a queue elsewhere', spec('payment', 'other', { archive: 'mailer' }), /belongs to 'order'/],
  ])('refuses %s by name, and makes nothing', async (_what, wrong, reason) => {
    const first = await rig.started([mailer]);
    const second = rig.service();
    const started = second.start([spec('new', 'fresh'), wrong]);
    await expect(started).rejects.toMatchObject({ code: 'queue-conflict', retryable: false });
    await expect(started).rejects.toThrow(reason);
    expect(await first.provider.queues.list('new')).toEqual([]);
    expect(states(second)).toEqual(['connecting', 'stopped']);
    await second.start([spec('new', 'fresh')]);
    expect(await first.provider.queues.list('new')).toEqual(['new::fresh']);
  });

  test('refuses two of its own specs that collide', async () => {
    await expect(rig.service().start([spec('a', 'same'), spec('b', 'same')])).rejects.toMatchObject({ code: 'queue-conflict' });
    await expect(rig.service().start([spec('a', 'x'), spec('a', 'y', { routing: 'anycast' })])).rejects.toMatchObject({
      code: 'queue-conflict',
    });
  });

  test('refuses a queue that another service consumes from, unless it is shared', async () => {
    const first = await rig.started([mailer], 'shop');
    await rig.started([mailer], 'audit');
    await first.listen(mailer);
    await rig.started([mailer], 'shop');
    const stranger = rig.service('billing');
    await expect(stranger.start([mailer])).rejects.toMatchObject({ code: 'queue-conflict' });
    await expect(stranger.start([mailer])).rejects.toThrow(/'shop'.*sharedQueue/);
    await stranger.start([{ ...mailer, shared: true }]);
  });

  test('refuses an address without the right to it', async () => {
    rig.broker.forbid('order');
    await expect(rig.service().start([mailer])).rejects.toMatchObject({ code: 'permission' });
  });

  test('tries on while the broker is down, with growing pauses', async () => {
    rig.broker.down();
    const service = rig.service();
    const started = service.start([mailer]);
    await rig.clock.advance(3_600_000);
    expect(await fate(started)).toBe('pending');
    rig.broker.up();
    await rig.clock.advance(30_000);
    expect(await fate(started)).toBe('resolved');
    expect(states(service)).toEqual(['connecting', 'connected']);
    expect(service.states[1]).toMatchObject({ state: 'connecting', error: { code: 'connection' } });
  });

  test('tries once if asked to, and can be called again', async () => {
    rig.broker.down();
    const service = rig.service();
    await expect(service.start([mailer], { once: true })).rejects.toMatchObject({ code: 'connection', retryable: true });
    expect(rig.clock.pending).toBe(0);
    rig.broker.up();
    await service.start([mailer], { once: true });
    await expect(service.start([mailer])).rejects.toMatchObject({ code: 'configuration' });
  });

  test('ends with its signal: with the last failure, or the reason when there was none', async () => {
    rig.broker.down();
    const controller = new AbortController();
    const started = rig.service().start([mailer], { signal: controller.signal });
    await rig.clock.advance(1_000);
    controller.abort(new Error('enough'));
    await expect(started).rejects.toMatchObject({ code: 'connection' });
    await expect(rig.service().start([mailer], { signal: controller.signal })).rejects.toThrow('enough');
    expect(rig.clock.pending).toBe(0);
  });
});

describe('a lost connection', () => {
  test('brings unsettled deliveries back in order with their count raised, and settles nothing of them', async () => {
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await Promise.all(['1', '2', '3', '4'].map((body) => service.send('order', body)));
    await rig.rest();
    await listening.at(1).settle({ do: 'accept' });
    await rig.rest();
    rig.broker.cut();
    expect(listening.subscription.ready).toBe(false);
    expect(await service.rig.clock.advance(0)).toBeUndefined();
    expect(await listening.at(0).settle({ do: 'accept' })).toBe('stale');
    expect(await listening.at(2).settle({ do: 'return' })).toBe('stale');
    expect(await listening.at(3).settle({ do: 'copy', to: 'archive', headers: {} })).toBe('stale');
    await rig.clock.advance(100);
    expect(listening.subscription.ready).toBe(true);
    expect(listening.bodies.slice(4)).toEqual(['1', '3', '4']);
    expect(listening.deliveries.map((delivery) => delivery.brokerCount)).toEqual([0, 0, 0, 0, 1, 1, 1]);
    expect(await service.provider.queues.count('archive.mailer')).toBe(0);
  });

  test('keeps the slots of what still runs: the limit is never passed, and is reached again', async () => {
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await Promise.all(Array.from({ length: 10 }, (_, index) => service.send('order', String(index))));
    await rig.rest();
    for (let cut = 0; cut < 3; cut++) {
      rig.broker.cut();
      await rig.clock.advance(1_000);
      expect(listening.deliveries).toHaveLength(3);
    }
    expect(await listening.at(0).settle({ do: 'accept' })).toBe('stale');
    await rig.rest();
    expect(listening.bodies).toEqual(['0', '1', '2', '0']);
    await listening.at(1).settle({ do: 'accept' });
    await listening.at(2).settle({ do: 'accept' });
    await rig.rest();
    expect(listening.bodies).toEqual(['0', '1', '2', '0', '1', '2']);
    expect(listening.at(3).brokerCount).toBe(1);
  });

  test('gives the slot of a returned delivery back', async () => {
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await Promise.all(['1', '2', '3'].map((body) => service.send('order', body)));
    await rig.rest();
    for (const delivery of [...listening.deliveries]) await delivery.settle({ do: 'return' });
    rig.broker.cut();
    await rig.clock.advance(100);
    expect(listening.bodies).toEqual(['1', '2', '3', '1', '2', '3']);
  });

  test('is told with its reason, and mended with pauses that double up to 30 s', async () => {
    const service = await rig.started([mailer]);
    rig.broker.down();
    expect(service.states.at(-1)).toMatchObject({ state: 'reconnecting', error: { code: 'connection' } });
    await rig.clock.advance(10 * 60_000);
    rig.broker.up();
    await rig.clock.advance(14_000);
    const before = states(service).at(-1);
    await rig.clock.advance(16_000);
    expect(states(service).at(-1)).toBe('connected');
    expect(['reconnecting', 'connected']).toContain(before);
    rig.broker.cut();
    await rig.clock.advance(49);
    expect(states(service).at(-1)).toBe('reconnecting');
    await rig.clock.advance(51);
    expect(states(service).at(-1)).toBe('connected');
  });

  test('a subscription made while it is away is confirmed when it is back', async () => {
    const service = await rig.started([mailer]);
    rig.broker.cut();
    const subscribed = service.provider.subscribe(mailer, () => undefined);
    await rig.rest();
    expect(await fate(subscribed)).toBe('pending');
    await rig.clock.advance(100);
    expect((await subscribed).ready).toBe(true);
  });

  test('leaves other providers one consumer for each live listener, and a closed one away', async () => {
    const gone = spec('order', 'gone');
    const [one, two] = [await rig.started([mailer, gone]), await rig.started([mailer])];
    await one.listen(mailer);
    await two.listen(mailer);
    const closed = await one.listen(gone);
    await closed.subscription.close();
    for (let cut = 0; cut < 5; cut++) {
      rig.broker.cut();
      await rig.clock.advance(1_000);
    }
    expect(await one.provider.queues.consumers('order::mailer')).toBe(2);
    expect(await one.provider.queues.consumers('order::gone')).toBe(0);
  });
});

test('pauses double up to their bound, shortened by at most a half', () => {
  const backoff = new Backoff({ initialMs: 100, maxMs: 30_000 });
  for (let round = 0; round < 50; round++) {
    for (const longest of [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]) {
      const pause = backoff.next();
      expect(pause).toBeLessThanOrEqual(longest);
      expect(pause).toBeGreaterThanOrEqual(longest / 2);
    }
    backoff.reset();
  }
});

describe('what the broker keeps', () => {
  test('over a restart: durable messages, delayed ones included, and the ids seen', async () => {
    const service = await rig.started([mailer]);
    const later = new Date(rig.clock.now() + 60_000);
    await service.send('order', 'durable', { dedupeId: 'a' });
    await service.send('order', message('lost', { durable: false }));
    await service.send('order', 'later', { notBefore: later });
    await service.send('order', message('later, lost', { durable: false }), { notBefore: later });
    rig.broker.restart();
    await rig.clock.advance(100);
    expect(await service.provider.queues.count('order::mailer')).toBe(2);
    await service.send('order', 'again', { dedupeId: 'a' });
    await rig.clock.advance(60_000);
    expect(await collect(service.provider.queues.browse('order::mailer'))).toEqual(['durable', 'later']);
  });

  test('of temporary queues over a restart: those that hold something', async () => {
    const specs = [spec('order', 'full', { temporary: true }), spec('other', 'empty', { temporary: true }), mailer];
    const service = await rig.started(specs);
    await service.send('order', 'kept');
    const other = await rig.started();
    await service.provider.stop({ deadlineMs: 0 });
    rig.broker.restart();
    await rig.clock.advance(100);
    expect((await other.provider.queues.list('o')).sort()).toEqual(['order::full', 'order::mailer']);
  });

  test('of a temporary queue: all of it, until ten minutes after its last consumer went', async () => {
    const temporary = spec('order', 'copy', { temporary: true });
    const [service, other] = [await rig.started([temporary, mailer]), await rig.started([temporary])];
    const first = await service.listen(temporary);
    const second = await other.listen(temporary);
    await first.subscription.close();
    await rig.clock.advance(3_600_000);
    expect(await service.provider.queues.list('order::copy')).toEqual(['order::copy']);
    await second.subscription.close();
    await rig.clock.advance(599_999);
    const back = await service.listen(temporary);
    await rig.clock.advance(3_600_000);
    await back.subscription.close();
    await service.send('order', 'x', { notBefore: new Date(rig.clock.now() + 3_600_000) });
    await rig.clock.advance(599_999);
    expect(await service.provider.queues.count('order::copy')).toBe(1);
    await rig.clock.advance(1);
    expect(await service.provider.queues.list('order')).toEqual(['order::mailer']);
    await rig.clock.advance(3_600_000);
    await service.send('order');
    expect(await service.provider.queues.count('order::copy')).toBe(0);
    expect(await service.provider.queues.count('order::mailer')).toBe(2);
  });
});

describe('stop', () => {
  test('leaves no timer, returns what is unsettled, and lets start follow', async () => {
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await service.send('order', '1');
    await service.send('order', '2', { notBefore: new Date(rig.clock.now() + 60_000) });
    await rig.rest();
    rig.broker.limit('archive.mailer', 0);
    const copied = listening.at(0).settle({ do: 'copy', to: 'archive', headers: {} });
    await rig.rest();
    await service.provider.stop({ deadlineMs: 1_000 });
    await service.provider.stop({ deadlineMs: 1_000 });
    expect(rig.clock.pending).toBe(0);
    expect(await copied).toBe('stale');
    expect(states(service).at(-1)).toBe('stopped');
    expect(await fate(service.send('order'))).toMatchObject({ outcome: 'not-sent', code: 'not-running' });
    await expect(service.provider.subscribe(mailer, () => undefined)).rejects.toMatchObject({ code: 'not-running' });
    await service.start([mailer]);
    const again = await service.listen(mailer, acceptAll);
    await rig.clock.advance(60_000);
    expect(again.bodies).toEqual(['1', '2']);
    expect(again.at(0).brokerCount).toBe(0);
  });

  test('waits for confirmations under way, and rejects at once what has not left', async () => {
    const service = await rig.started([mailer]);
    const release = rig.broker.holdConfirmations();
    rig.broker.block('other');
    const [left, waiting] = [service.send('order'), service.send('other')];
    const stopped = service.provider.stop({ deadlineMs: 5_000 });
    await rig.rest();
    expect(await fate(waiting)).toMatchObject({ outcome: 'not-sent', code: 'not-running' });
    expect(await fate(stopped)).toBe('pending');
    release();
    await stopped;
    expect(await fate(left)).toBe('resolved');
    rig.broker.block('other', false);
  });

  test('rejects as unknown what is unconfirmed at the deadline', async () => {
    const service = await rig.started([mailer]);
    rig.broker.holdConfirmations();
    const left = service.send('order');
    const stopped = service.provider.stop({ deadlineMs: 5_000 });
    await rig.clock.advance(5_000);
    expect(await fate(stopped)).toBe('resolved');
    expect(await fate(left)).toMatchObject({ outcome: 'unknown' });
    expect(rig.clock.pending).toBe(0);
  });

  test('ends a start, a reconnect and a subscription under way', async () => {
    const reconnecting = await rig.started([mailer]);
    rig.broker.down();
    const subscribed = reconnecting.provider.subscribe(mailer, () => undefined);
    const unsent = reconnecting.send('order');
    const starting = rig.service();
    const started = starting.start([mailer]);
    started.catch(() => undefined);
    subscribed.catch(() => undefined);
    await rig.clock.advance(1_000);
    await Promise.all([reconnecting, reconnecting, starting].map((service) => service.provider.stop({ deadlineMs: 60_000 })));
    await expect(started).rejects.toMatchObject({ code: 'not-running' });
    await expect(subscribed).rejects.toMatchObject({ code: 'not-running' });
    expect(await fate(unsent)).toMatchObject({ outcome: 'not-sent' });
    expect(rig.clock.pending).toBe(0);
    rig.broker.up();
    await starting.start([mailer]);
    expect(states(starting)).toEqual(['connecting', 'stopped', 'connecting', 'connected']);
  });

  test('before any start resolves', async () => {
    await expect(rig.service().provider.stop({ deadlineMs: 0 })).resolves.toBeUndefined();
  });

  test('a cut inside a delivery loses nothing', async () => {
    const service = await rig.started([mailer]);
    let cuts = 0;
    const handle = (delivery: Delivery): void => {
      if (cuts++ < 3) rig.broker.cut();
      void delivery.settle({ do: 'accept' });
    };
    const listening = await service.listen(mailer, handle);
    const sends = [service.send('order', '1'), service.send('order', '2')];
    await rig.clock.advance(10_000);
    await Promise.all(sends);
    expect(await service.provider.queues.count('order::mailer')).toBe(0);
    expect(new Set(listening.bodies)).toEqual(new Set(['1', '2']));
  });
});

describe('a process', () => {
  const run = (script: string): ReturnType<typeof spawnSync> => {
    const provider = new URL('../../../src/providers/memory/memory-provider.js', import.meta.url).href;
    const clock = new URL('../../../src/core/clock.js', import.meta.url).href;
    const prelude = `
      import { MemoryProvider } from '${provider}';
      import { systemClock } from '${clock}';
      const provider = new MemoryProvider();
      const none = () => undefined;
      const spec = ${JSON.stringify(mailer)};
      const logger = { debug: none, info: none, warn: none, error: none };
      await provider.start({ serviceName: 's', serverName: 'x', clock: systemClock, logger, onState: none }, { specs: [{ ...spec, temporary: true }], signal: new AbortController().signal });
      const send = (delayMs) => provider.send({ body: 'x', headers: new Map(), durable: true }, { address: 'order', routing: 'multicast', deadlineAt: Date.now() + 30_000, notBefore: new Date(Date.now() + delayMs) });
      const subscription = await provider.subscribe(spec, (delivery) => { console.log('delivered'); void delivery.settle({ do: 'accept' }); });
      subscription.open();
    `;
    return spawnSync(process.execPath, ['--input-type=module', '-e', prelude + script], { encoding: 'utf8', timeout: 10_000, env: {} });
  };

  test('with an idle provider ends by itself', () => {
    expect(run('await send(0);')).toMatchObject({ status: 0, stdout: 'delivered\n', stderr: '' });
    // The broker would delete the temporary queue in ten minutes.
    expect(run('await subscription.close();')).toMatchObject({ status: 0, stdout: '', stderr: '' });
    // The broker would drop the archived message in an hour.
    const archive = `await provider.send({ body: 'x', headers: new Map(), durable: true }, { address: '${mailer.archive}', routing: 'anycast', deadlineAt: Date.now() + 30_000 });`;
    expect(run(`${archive} console.log(await provider.queues.count('${mailer.archive}'));`)).toMatchObject({
      status: 0,
      stdout: '1\n',
      stderr: '',
    });
  });

  test('lives on for a delayed message, but not after stop()', () => {
    expect(run('await send(50);')).toMatchObject({ status: 0, stdout: 'delivered\n' });
    expect(run('await send(600_000); await provider.stop({ deadlineMs: 1_000 });')).toMatchObject({ status: 0, stdout: '' });
  });
});
