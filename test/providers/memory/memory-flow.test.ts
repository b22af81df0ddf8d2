import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { QueueEntry } from '../../../src/providers/memory/queue-entry.js';
import { stored } from '../../../src/providers/memory/memory-message.js';
import { WaitingLine } from '../../../src/providers/memory/waiting-line.js';
import { Rig, acceptAll, collect, message, spec } from './rig.js';
import type { Listening, Service } from './rig.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

async function send(service: Service, ...bodies: string[]): Promise<void> {
  for (const body of bodies) await service.send('order', body);
  await rig.rest();
}

describe('a limit set while the subscription runs', () => {
  const mailer = spec('order', 'mailer', { concurrency: 2 });
  let service: Service;
  let listening: Listening;
  beforeEach(async () => {
    service = await rig.started([mailer]);
    listening = await service.listen(mailer);
    await send(service, '0', '1', '2', '3', '4', '5', '6', '7');
  });

  const accept = async (...indexes: number[]): Promise<void> => {
    for (const index of indexes) await listening.at(index).settle({ do: 'accept' });
    await rig.rest();
  };

  test('brings more at once when it is raised, and nothing until there is place when it is lowered', async () => {
    listening.subscription.setLimit(4);
    await rig.rest();
    expect(listening.bodies).toEqual(['0', '1', '2', '3']);
    listening.subscription.setLimit(1);
    await accept(0, 1, 2);
    expect(listening.deliveries).toHaveLength(4);
    await accept(3);
    expect(listening.bodies.slice(4)).toEqual(['4']);
  });

  test('is only the last one when several follow each other', async () => {
    listening.subscription.setLimit(8);
    listening.subscription.setLimit(3);
    await rig.rest();
    expect(listening.deliveries).toHaveLength(3);
  });

  test('of 0 brings nothing, until it is raised', async () => {
    listening.subscription.setLimit(0);
    await accept(0, 1);
    expect(listening.deliveries).toHaveLength(2);
    listening.subscription.setLimit(1);
    await rig.rest();
    expect(listening.deliveries).toHaveLength(3);
  });

  test('opens nothing that is paused, and holds when it is opened', async () => {
    await listening.subscription.pause();
    listening.subscription.setLimit(5);
    await rig.rest();
    expect(listening.deliveries).toHaveLength(2);
    listening.subscription.open();
    await rig.rest();
    expect(listening.deliveries).toHaveLength(5);
  });

  test('counts what lost connections have left unsettled', async () => {
    rig.broker.cut();
    listening.subscription.setLimit(3);
    await rig.clock.advance(1_000);
    expect(listening.bodies).toEqual(['0', '1', '0']);
  });
});

describe('what is returned', () => {
  const mailer = spec('order', 'mailer', { concurrency: 3 });

  const returning = async (listening: Listening, ...indexes: number[]): Promise<void> => {
    for (const index of indexes) expect(await listening.at(index).settle({ do: 'return' })).toBe('settled');
  };

  test('while paused stands at its place at once, whatever the order of the returns', async () => {
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await send(service, '0', '1', '2', '3', '4');
    await listening.subscription.pause();
    await returning(listening, 1);
    expect(await collect(service.provider.queues.browse('order::mailer'))).toEqual(['1', '3', '4']);
    await returning(listening, 2, 0);
    expect(await collect(service.provider.queues.browse('order::mailer'))).toEqual(['0', '1', '2', '3', '4']);
    expect(await service.provider.queues.count('order::mailer')).toBe(5);
    const other = await service.listen(mailer, acceptAll);
    await rig.rest();
    expect(other.bodies).toEqual(['0', '1', '2', '3', '4']);
    expect(other.deliveries.map(({ brokerCount }) => brokerCount)).toEqual([0, 0, 0, 0, 0]);
    expect(listening.deliveries).toHaveLength(3);
  });

  test('wakes a consumer that waits for something', async () => {
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await send(service, '0');
    const other = await service.listen(mailer);
    await listening.subscription.pause();
    await returning(listening, 0);
    await rig.rest();
    expect(other.bodies).toEqual(['0']);
  });

  test('comes again here after open(), and its place is free', async () => {
    const one = spec('order', 'mailer', { concurrency: 1 });
    const service = await rig.started([one]);
    const listening = await service.listen(one);
    await send(service, '0', '1');
    for (const round of [1, 2, 3]) {
      await listening.subscription.pause();
      await returning(listening, round - 1);
      await rig.rest();
      expect(listening.deliveries).toHaveLength(round);
      listening.subscription.open();
      await rig.rest();
      expect(listening.bodies).toEqual(Array.from({ length: round + 1 }, () => '0'));
    }
  });

  test('before pause() goes back with it, and frees its place then', async () => {
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await send(service, '0', '1', '2', '3');
    await returning(listening, 1, 0);
    await rig.rest();
    expect(await collect(service.provider.queues.browse('order::mailer'))).toEqual(['3']);
    const pausing = listening.subscription.pause();
    await returning(listening, 2);
    await pausing;
    expect(await collect(service.provider.queues.browse('order::mailer'))).toEqual(['0', '1', '2', '3']);
    listening.subscription.open();
    await rig.rest();
    expect(listening.bodies.slice(3)).toEqual(['0', '1', '2']);
  });

  test('twice is there once', async () => {
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await send(service, '0');
    await listening.subscription.pause();
    await returning(listening, 0, 0);
    expect(await listening.at(0).settle({ do: 'accept' })).toBe('settled');
    await listening.subscription.close();
    expect(await collect(service.provider.queues.browse('order::mailer'))).toEqual(['0']);
    expect(await service.provider.queues.count('order::mailer')).toBe(1);
  });

  test('while paused keeps the count that lost connections gave it', async () => {
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await send(service, '0');
    rig.broker.cut();
    await rig.clock.advance(1_000);
    await listening.subscription.pause();
    await returning(listening, 1);
    listening.subscription.open();
    await rig.rest();
    expect(listening.deliveries.map(({ brokerCount }) => brokerCount)).toEqual([0, 1, 1]);
  });

  test('on a lost connection is stale', async () => {
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    await send(service, '0');
    await listening.subscription.pause();
    rig.broker.cut();
    expect(await listening.at(0).settle({ do: 'return' })).toBe('stale');
    await rig.clock.advance(1_000);
    expect(await service.provider.queues.count('order::mailer')).toBe(1);
  });
});

test('a line keeps its order whatever is taken out of it and put back', () => {
  const line = new WaitingLine();
  const model: QueueEntry[] = [];
  const out: QueueEntry[] = [];
  let order = 0;
  // A fixed sequence of numbers that look like chance.
  let seed = 1;
  const chance = (below: number): number => {
    seed = (seed * 48_271) % 0x7fffffff;
    return seed % below;
  };
  const takenFrom = (list: QueueEntry[], index: number): QueueEntry[] => list.splice(index, 1);
  for (let step = 0; step < 6_000; step++) {
    // More in than out at first, then the other way round.
    const doing = chance(10) + (step < 3_000 ? 0 : 2);
    if (doing < 5) {
      const entry = new QueueEntry(stored(message(String(order)), 'order'));
      entry.order = order++;
      line.push(entry);
      model.push(entry);
    } else if (doing < 7) {
      const first = line.shift();
      expect(first).toBe(model.shift());
      if (first !== undefined) out.push(first);
    } else if (doing < 9) {
      for (const entry of takenFrom(model, chance(model.length + 1))) {
        expect(line.remove(entry)).toBe(true);
        expect(line.remove(entry)).toBe(false);
        out.push(entry);
      }
    } else {
      for (const entry of takenFrom(out, chance(out.length + 1))) {
        line.putBack(entry);
        model.push(entry);
        model.sort((a, b) => a.order - b.order);
      }
    }
    const at = chance(order + 1) - 1;
    expect([line.size, line.first, line.after(at)]).toEqual([model.length, model[0], model.find((entry) => entry.order > at)]);
  }
  expect(line.toArray()).toEqual(model);
  expect(order).toBeGreaterThan(1_000);
});
