import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GroupLines } from '../../../src/providers/memory/group-lines.js';
import { PriorityLine } from '../../../src/providers/memory/priority-line.js';
import type { QueueConsumer } from '../../../src/providers/memory/queue-consumer.js';
import { QueueEntry } from '../../../src/providers/memory/queue-entry.js';
import { stored } from '../../../src/providers/memory/memory-message.js';
import type { Delivery } from '../../../src/core/provider.js';
import { Rig, acceptAll, collect, message, spec } from './rig.js';
import type { Service } from './rig.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

const one = spec('order', 'mailer', { concurrency: 1 });

async function send(service: Service, group: string | undefined, ...bodies: string[]): Promise<void> {
  for (const body of bodies) await service.send('order', message(body, group === undefined ? {} : { group }));
  await rig.rest();
}

describe('groups', () => {
  test('wait for their consumer in the order of their places, whatever came back meanwhile', async () => {
    const [first, second] = [await rig.started([one]), await rig.started([one])];
    const busy = await first.listen({ ...one, concurrency: 2 });
    await send(first, 'a', '0', '1', '2');
    const free = await second.listen(one, acceptAll);
    await send(first, 'a', '3', '4');
    await send(first, undefined, '5');
    expect(free.bodies).toEqual(['5']);
    await busy.subscription.pause();
    for (const at of [1, 0]) await busy.at(at).settle({ do: 'return' });
    await send(first, undefined, '6');
    expect(free.bodies).toEqual(['5', '6']);
    busy.subscription.open();
    for (let at = 2; at < 7; at++) {
      await rig.rest();
      await busy.at(at).settle({ do: 'accept' });
    }
    expect(busy.bodies.slice(2)).toEqual(['0', '1', '2', '3', '4']);
  });

  test('are counted, browsed, taken and cancelled while they wait for a busy consumer', async () => {
    const [first, second] = [await rig.started([one]), await rig.started([one])];
    const busy = await first.listen(one);
    await second.listen(one, acceptAll);
    await send(first, 'a', '0', '1', '2', '3');
    await first.send('order', message('4', { group: 'a', headers: new Map([['cloudEvents_id', 'x']]) }));
    await rig.rest();
    const { queues } = first.provider;
    expect(await queues.count('order::mailer')).toBe(5);
    expect(await collect(queues.browse('order::mailer'))).toEqual(['1', '2', '3', '4']);
    expect(await queues.cancel('order', 'x')).toBe(1);
    expect(await queues.take('order::mailer', { limit: 1 }, ({ body }) => (body === '2' ? 'remove' : 'skip'))).toBe(1);
    await busy.at(0).settle({ do: 'accept' });
    await rig.rest();
    await busy.at(1).settle({ do: 'accept' });
    await rig.rest();
    expect(busy.bodies).toEqual(['0', '1', '3']);
    expect(await queues.count('order::mailer')).toBe(1);
  });

  test('of a consumer that settles inside a delivery keep their order', async () => {
    const [first, second] = [await rig.started([one]), await rig.started([one])];
    const held: Delivery[] = [];
    const busy = await first.listen(one, (delivery) => void held.push(delivery));
    await send(first, 'a', '0');
    // Makes room at the other one in the middle of a round of the broker.
    await second.listen({ ...one, concurrency: 100 }, (delivery) => {
      void delivery.settle({ do: 'accept' });
      void held.shift()?.settle({ do: 'accept' });
    });
    const sends = ['a1', 'b', 'a2', 'b', 'a3', 'b', 'a4', 'b'].map((body) => first.send('order', message(body, { group: body.charAt(0) })));
    await Promise.all(sends);
    await rig.rest();
    for (let at = 0; at < 5; at++) {
      await rig.rest();
      await busy.at(at).settle({ do: 'accept' });
    }
    expect(busy.bodies).toEqual(['0', 'a1', 'a2', 'a3', 'a4']);
  });

  test('survive a restart of the broker when they are durable', async () => {
    const service = await rig.started([one]);
    const busy = await service.listen(one);
    await send(service, 'a', '0', '1');
    await service.send('order', message('2', { group: 'a', durable: false }));
    rig.broker.restart();
    await rig.clock.advance(1_000);
    expect(await service.provider.queues.count('order::mailer')).toBe(2);
    await busy.at(0).settle({ do: 'accept' });
    await rig.rest();
    expect(busy.bodies).toEqual(['0', '0']);
  });

  test('without a message are forgotten beyond ten thousand, others are not', () => {
    const taken = new Map<string, QueueConsumer[]>();
    const out: QueueEntry[] = [];
    const consumer = (serviceName: string): QueueConsumer => ({
      serviceName,
      hasCredit: true,
      take(entry) {
        const group = entry.message.group ?? '';
        taken.set(group, [...(taken.get(group) ?? []), this]);
        out.push(entry);
      },
    });
    const consumers = [consumer('first'), consumer('second')];
    const line = new PriorityLine();
    let turn = 0;
    const groups = new GroupLines({ consumers, line, nextConsumer: () => consumers[turn++ % 2] });
    const deal = (group: string): QueueEntry | undefined => {
      line.push(new QueueEntry(stored(message('', { group }), 'order')));
      groups.deal();
      return out.at(-1);
    };
    deal('kept');
    const idle = deal('forgotten');
    if (idle !== undefined) groups.freed(idle);
    for (let n = 0; n < 10_001; n++) {
      const entry = deal(`group ${String(n)}`);
      if (entry !== undefined) groups.freed(entry);
    }
    deal('kept');
    expect(new Set(taken.get('kept')).size).toBe(1);
    turn = 0;
    deal('forgotten');
    expect(taken.get('forgotten')?.map(({ serviceName }) => serviceName)).toEqual(['second', 'first']);
  });
});

describe('priorities', () => {
  test('go first when they are delivered, but what an operator sees is the oldest first', async () => {
    const service = await rig.started([one]);
    for (const [body, priority] of [
      ['low', 0],
      ['usual', undefined],
      ['high', 9],
      ['over', 12],
      ['under', -3],
    ] as const)
      await service.send('order', message(body, priority === undefined ? {} : { priority }));
    expect(await collect(service.provider.queues.browse('order::mailer'))).toEqual(['low', 'usual', 'high', 'over', 'under']);
    const seen: unknown[] = [];
    await service.provider.queues.take('order::mailer', {}, ({ body }) => (seen.push(body), 'skip'));
    expect(seen).toEqual(['low', 'usual', 'high', 'over', 'under']);
    const { bodies } = await service.listen(one, acceptAll);
    await rig.rest();
    expect(bodies).toEqual(['high', 'over', 'usual', 'low', 'under']);
  });

  test('do not decide what an archive keeps: the newest stay', async () => {
    const bounded = spec('order', 'mailer', { archiveBounds: { maxAgeMs: 60_000, maxCount: 2 } });
    const service = await rig.started([bounded]);
    await service.listen(bounded, (delivery) => void delivery.settle({ do: 'copy', to: 'archive', headers: {} }));
    for (const [body, priority] of [
      ['0', 9],
      ['1', 4],
      ['2', 0],
    ] as const) {
      await service.send('order', message(body, { priority }));
      await rig.rest();
    }
    expect(await collect(service.provider.queues.browse('archive.mailer'))).toEqual(['1', '2']);
    await rig.clock.advance(60_000);
    expect(await service.provider.queues.count('archive.mailer')).toBe(0);
  });

  test('stand at their places again after a lost connection', async () => {
    const service = await rig.started([one]);
    const listening = await service.listen({ ...one, concurrency: 3 });
    for (const [body, priority] of [
      ['0', 4],
      ['1', 9],
      ['2', 4],
    ] as const) {
      await service.send('order', message(body, { priority }));
      await rig.rest();
    }
    rig.broker.cut();
    for (const at of [0, 1, 2]) await listening.at(at).settle({ do: 'accept' });
    await rig.clock.advance(1_000);
    expect(listening.bodies.slice(3)).toEqual(['1', '0', '2']);
  });
});
