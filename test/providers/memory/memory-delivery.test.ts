import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../../src/core/provider.js';
import { Rig, acceptAll, collect, message, spec } from './rig.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

describe('routing', () => {
  test('every queue of an address gets each message once', async () => {
    const specs = [spec('order', 'mailer'), spec('order', 'billing'), spec('orders', 'other')];
    const service = await rig.started(specs);
    const [mailer, billing, other] = await Promise.all(specs.map((each) => service.listen(each, acceptAll)));
    await Promise.all(numbers(100).map((body) => service.send('order', body)));
    await rig.rest();
    expect(mailer?.bodies).toEqual(numbers(100));
    expect(billing?.bodies).toEqual(numbers(100));
    expect(other?.bodies).toEqual([]);
  });

  test('a multicast message is dropped while its address has no queue', async () => {
    const sender = await rig.started();
    await sender.send('order');
    const service = await rig.started([spec('order', 'mailer')]);
    expect(await service.provider.queues.count('order::mailer')).toBe(0);
  });

  test('a message waits in the queue of a listener that was provisioned and is away', async () => {
    const mailer = spec('order', 'mailer');
    const first = await rig.started([mailer]);
    await first.provider.stop({ deadlineMs: 0 });
    const sender = await rig.started();
    await sender.send('order', 'kept');
    const second = await rig.started([mailer]);
    const listening = await second.listen(mailer);
    await rig.rest();
    expect(listening.bodies).toEqual(['kept']);
  });

  test('sending to an anycast address makes its queue, and one of all consumers gets each message', async () => {
    const work = spec('work', 'worker', { routing: 'anycast', queue: 'work', archive: 'archive.work' });
    const sender = await rig.started();
    await Promise.all(numbers(100).map((body) => sender.send('work', body, { routing: 'anycast' })));
    expect(await sender.provider.queues.list('')).toEqual(['work::work']);
    const services = [await rig.started([work]), await rig.started([work])];
    const [one, two] = await Promise.all(services.map((service) => service.listen(work, acceptAll)));
    await rig.rest();
    expect([...(one?.bodies ?? []), ...(two?.bodies ?? [])].sort()).toEqual(numbers(100).sort());
    expect(one?.deliveries).toHaveLength(50);
  });

  test('a message of the other routing is refused, as its listeners would not get it', async () => {
    const service = await rig.started([spec('order', 'mailer')]);
    await expect(service.send('order', 'x', { routing: 'anycast' })).rejects.toMatchObject({ outcome: 'refused', code: 'queue-conflict' });
    expect(await service.provider.queues.count('order::mailer')).toBe(0);
  });
});

describe('messages', () => {
  test('strings come back as strings and bytes as bytes, with everything else beside', async () => {
    const mailer = spec('order', 'mailer');
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    const text = '\u{feff}\u0000 naïve 🌍\n';
    const headers = new Map([
      ['a', ''],
      ['b', 'x:\\n\n🌍'],
      ['__proto__', 'plain'],
    ]);
    await service.send('order', message(text, { headers, correlationId: 'c-1', durable: false }));
    await service.send('order', message(new Uint8Array([0, 255, 128]), { contentType: 'application/cbor', nativeId: 'n-1' }));
    await service.send('order', message(''));
    await rig.rest();
    expect(listening.at(0).message).toEqual({ address: 'order', body: text, headers, correlationId: 'c-1', durable: false });
    expect(listening.at(1).message).toEqual({
      address: 'order',
      body: new Uint8Array([0, 255, 128]),
      headers: new Map(),
      contentType: 'application/cbor',
      nativeId: 'n-1',
      durable: true,
    });
    expect(listening.at(2).message.body).toBe('');
  });

  test('nobody shares a buffer or a map with the sender or a sibling', async () => {
    const specs = [spec('order', 'a'), spec('order', 'b')];
    const service = await rig.started(specs);
    const [a, b] = [await service.listen(spec('order', 'a')), await service.listen(spec('order', 'b'))];
    const bytes = new Uint8Array([1, 2, 3]);
    const headers = new Map([['k', 'v']]);
    await service.send('order', message(bytes, { headers }));
    bytes.fill(9);
    headers.set('k', 'changed');
    await rig.rest();
    (a.at(0).message.body as Uint8Array).fill(7);
    expect(() => (a.at(0).message.headers as Map<string, string>).set('k', 'changed')).toThrow('read-only');
    expect(b.at(0).message).toMatchObject({ body: new Uint8Array([1, 2, 3]), headers: new Map([['k', 'v']]) });
    await a.subscription.close();
    const again = await service.listen(spec('order', 'a'));
    await rig.rest();
    expect(again.at(0).message).toMatchObject({ body: new Uint8Array([1, 2, 3]), headers: new Map([['k', 'v']]) });
  });
});

describe('credit and order', () => {
  test('nothing is delivered before open(), nor inside the call that sends', async () => {
    const mailer = spec('order', 'mailer');
    const service = await rig.started([mailer]);
    const got: Delivery[] = [];
    const subscription = await service.provider.subscribe(mailer, (delivery) => got.push(delivery));
    await service.send('order');
    await rig.rest();
    expect(got).toHaveLength(0);
    subscription.open();
    expect(got).toHaveLength(0);
    await rig.rest();
    expect(got).toHaveLength(1);
    void service.send('order');
    expect(got).toHaveLength(1);
    await rig.rest();
    expect(got).toHaveLength(2);
  });

  test('at most concurrency and prefetch together are unsettled, and each settlement brings the next', async () => {
    const mailer = spec('order', 'mailer', { concurrency: 3, prefetch: 2 });
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await Promise.all(numbers(20).map((body) => service.send('order', body)));
    await rig.rest();
    expect(listening.bodies).toEqual(numbers(5));
    expect(await listening.at(3).settle({ do: 'accept' })).toBe('settled');
    await rig.rest();
    expect(listening.bodies).toEqual(numbers(6));
    expect(await service.provider.queues.count('order::mailer')).toBe(19);
  });

  test('one consumer gets a thousand in order, and they are gone when accepted', async () => {
    const mailer = spec('order', 'mailer', { concurrency: 1 });
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer, acceptAll);
    await Promise.all(numbers(3_000).map((body) => service.send('order', body)));
    await rig.rest();
    expect(listening.bodies).toEqual(numbers(3_000));
    expect(await service.provider.queues.count('order::mailer')).toBe(0);
  });

  test('competing consumers are served in turn, as long as they have credit', async () => {
    const wide = spec('order', 'mailer', { concurrency: 10 });
    const narrow = spec('order', 'mailer', { concurrency: 2 });
    const [first, second] = [await rig.started([wide]), await rig.started([narrow])];
    const one = await first.listen(wide);
    const two = await second.listen(narrow);
    await Promise.all(numbers(8).map((body) => first.send('order', body)));
    await rig.rest();
    expect(one.bodies).toEqual(['0', '2', '4', '5', '6', '7']);
    expect(two.bodies).toEqual(['1', '3']);
  });

  test('what a closed subscription held comes back to the front, in order and uncounted', async () => {
    const mailer = spec('order', 'mailer', { concurrency: 4 });
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await Promise.all(numbers(8).map((body) => service.send('order', body)));
    await rig.rest();
    await listening.at(1).settle({ do: 'accept' });
    await rig.rest();
    expect(await listening.at(2).settle({ do: 'return' })).toBe('settled');
    await listening.subscription.close();
    await listening.subscription.close();
    expect(listening.subscription.ready).toBe(false);
    expect(await listening.at(0).settle({ do: 'accept' })).toBe('stale');
    const next = await service.listen(mailer, acceptAll);
    await rig.rest();
    expect(next.bodies).toEqual(['0', '2', '3', '4', '5', '6', '7']);
    expect(next.deliveries.map((delivery) => delivery.brokerCount)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  test('what two consumers held comes back in the order of the queue', async () => {
    const mailer = spec('order', 'mailer', { concurrency: 3 });
    const service = await rig.started([mailer]);
    const [one, two] = [await service.listen(mailer), await service.listen(mailer)];
    await Promise.all(numbers(8).map((body) => service.send('order', body)));
    await rig.rest();
    await two.subscription.pause();
    await one.subscription.close();
    await two.subscription.close();
    const rest = await service.listen(spec('order', 'mailer', { concurrency: 10 }));
    await rig.rest();
    // The spec of start() counts for names only; the width is that of the subscription.
    expect(rest.bodies).toEqual(numbers(8));
  });

  test('after pause() nothing more comes, what was handed over can be settled, and open() goes on', async () => {
    const mailer = spec('order', 'mailer', { concurrency: 1 });
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await Promise.all(numbers(3).map((body) => service.send('order', body)));
    await rig.rest();
    await listening.subscription.pause();
    expect(await listening.at(0).settle({ do: 'accept' })).toBe('settled');
    await rig.rest();
    expect(listening.bodies).toEqual(['0']);
    listening.subscription.open();
    await rig.rest();
    expect(listening.bodies).toEqual(['0', '1']);
  });

  test('a returned message does not come again before the subscription closes', async () => {
    const mailer = spec('order', 'mailer');
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer, (delivery) => void delivery.settle({ do: 'return' }));
    await service.send('order');
    await rig.clock.advance(60_000);
    expect(listening.deliveries).toHaveLength(1);
    expect(await service.provider.queues.count('order::mailer')).toBe(1);
  });

  test('the first outcome of a delivery counts', async () => {
    const mailer = spec('order', 'mailer');
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await service.send('order');
    await rig.rest();
    await listening.at(0).settle({ do: 'accept' });
    expect(await listening.at(0).settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
    expect(await service.provider.queues.count('archive.mailer')).toBe(0);
  });

  test('endless work leaves turns to the event loop', async () => {
    const loop = spec('loop', 'looper', { concurrency: 1 });
    const service = await rig.started([loop]);
    let going = true;
    let turns = 0;
    const turn = (): void => {
      turns++;
      if (turns < 5) setImmediate(turn);
      else going = false;
    };
    setImmediate(turn);
    const listening = await service.listen(loop, (delivery) => {
      if (going && listening.deliveries.length < 100_000) void service.send('loop');
      void delivery.settle({ do: 'accept' });
    });
    void service.send('loop');
    while (turns < 5) await new Promise(setImmediate);
    await rig.rest();
    expect(listening.deliveries.length).toBeLessThan(100_000);
    expect(listening.deliveries.length).toBeGreaterThan(500);
  });
});

describe('the queues', () => {
  test('count tells waiting, delayed and unsettled ones; browse shows the waiting ones and leaves them', async () => {
    const mailer = spec('order', 'mailer', { concurrency: 1 });
    const service = await rig.started([mailer]);
    await service.listen(mailer);
    await Promise.all(numbers(4).map((body) => service.send('order', body)));
    await service.send('order', 'later', { notBefore: new Date(rig.clock.now() + 1_000) });
    await rig.rest();
    const { queues } = service.provider;
    expect(await queues.count('order::mailer')).toBe(5);
    expect(await collect(queues.browse('order::mailer'))).toEqual(['1', '2', '3']);
    expect(await collect(queues.browse('order::mailer', { limit: 2 }))).toEqual(['1', '2']);
    expect(await queues.count('order::mailer')).toBe(5);
  });

  test('list tells all names that begin so, consumers how many there are; what is not there is empty', async () => {
    const mailer = spec('order', 'mailer');
    const service = await rig.started([mailer, spec('payment', 'billing')]);
    const { queues } = service.provider;
    await service.listen(mailer);
    expect(await queues.list('')).toEqual([
      'archive.billing::archive.billing',
      'archive.mailer::archive.mailer',
      'order::mailer',
      'payment::billing',
    ]);
    expect(await queues.list('order::')).toEqual(['order::mailer']);
    expect(await queues.consumers('order::mailer')).toBe(1);
    expect(await queues.consumers('payment::billing')).toBe(0);
    expect(await queues.count('archive.mailer')).toBe(0);
    expect(await queues.count('payment::mailer')).toBe(0);
    expect(await collect(queues.browse('nowhere'))).toEqual([]);
  });

  test('they cannot be seen before the start or while the broker is away', async () => {
    const service = rig.service();
    await expect(service.provider.queues.count('x')).rejects.toMatchObject({ code: 'not-running' });
    await service.start();
    rig.broker.cut();
    await expect(service.provider.queues.list('')).rejects.toMatchObject({ code: 'connection', retryable: true });
  });
});
