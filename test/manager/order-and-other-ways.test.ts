import { expect, it } from '@jest/globals';
import { event, eventListener } from '../../src/index.js';
import type { EventContext } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { gate, unique, World } from '../support/world.js';

it('a listener of batches answers the requests of a keyed work queue, each by its context', async () => {
  @event(unique('answer'))
  class Answer {
    readonly n: number = 0;
  }
  @event<Ask>({ name: unique('ask'), routing: 'anycast', reply: Answer, key: ({ key }) => key })
  class Ask {
    readonly key: string = '';
    readonly n: number = 0;
  }
  const sizes: number[] = [];
  @eventListener(Ask, { name: unique('l'), batch: { size: 3, maxAgeMs: 30 } })
  class L {
    async on(asked: Ask[], contexts: EventContext[]): Promise<void> {
      sizes.push(asked.length);
      for (const [i, { n }] of asked.entries()) await contexts[i]?.reply(Object.assign(new Answer(), { n: n * 2 }));
    }
  }
  await using world = new World();
  const manager = await world.started({ listeners: [L] });
  const ask = (key: string, n: number) => manager.request(Object.assign(new Ask(), { key, n }), Answer);
  const answers = await Promise.all([ask('a', 1), ask('a', 2), ask('b', 3), ask('c', 4)]);
  expect(answers.map(({ n }) => n)).toEqual([2, 4, 6, 8]);
  await waitUntil(() => manager.counters().handled === 4);
  expect(sizes).toEqual([3, 1]);
  expect(manager.counters()).toMatchObject({ answered: 4, failed: 0, lateReplies: 0 });
});

it('a pattern listener keeps the order of a key over the addresses it hears', async () => {
  const shop = unique('shop').replaceAll('.', '');
  const begun: string[] = [];
  const held = gate();
  let failed = false;
  @eventListener(`${shop}.*`, { name: unique('p'), retry: { initialDelayMs: 20, jitter: 'none' } })
  class P {
    async on(_: unknown, { envelope, attempt }: EventContext): Promise<void> {
      begun.push(`${envelope.type.split('.')[1] ?? ''}${String(attempt)}`);
      if (begun.length === 1) await held.promise;
      if (envelope.type.endsWith('.x') && !failed) {
        failed = true;
        throw new Error('not yet');
      }
    }
  }
  await using world = new World();
  const manager = await world.started({ listeners: [P] });
  await manager.send(`${shop}.x`, {}, { key: 'a' });
  await manager.send(`${shop}.y`, {}, { key: 'a' });
  held.open();
  await waitUntil(() => begun.length === 3);
  expect(begun).toEqual(['x1', 'x2', 'y1']);
});

it('a stream of events with keys goes on after a retry, in order', async () => {
  @event({ name: unique('s'), key: () => 'a' })
  class S {
    readonly n: number = 0;
  }
  await using world = new World();
  const manager = await world.started({ retry: { initialDelayMs: 20, jitter: 'none' } });
  const stream = manager.stream(S, { name: unique('r') });
  await stream.ready;
  for (let n = 0; n < 20; n++) await manager.sendEvent(Object.assign(new S(), { n }));
  const seen: string[] = [];
  for await (const {
    event: { n },
    context: { attempt },
    retry,
  } of stream) {
    seen.push(`${String(n)}.${String(attempt)}`);
    if (n === 3 && attempt === 1) await retry();
    if (n === 19) break;
  }
  expect(seen.slice(0, 6)).toEqual(['0.1', '1.1', '2.1', '3.1', '3.2', '4.1']);
  expect(seen).toHaveLength(21);
});
