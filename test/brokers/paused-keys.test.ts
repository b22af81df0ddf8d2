import { describe, expect, it } from '@jest/globals';
import { event, eventListener } from '../../src/index.js';
import type { Class } from '../../src/index.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { ArtemisWorld, protocols } from '../support/artemis.js';
import { gate, unique } from '../support/world.js';

describe.each(protocols)('over $name', ({ url, name: protocol }) => {
  it('the order of a key holds over a pause in which one of its events fails, wherever it goes on', async () => {
    @event({ name: unique('keyed'), key: () => 'a' })
    class E {
      readonly n: number = 0;
    }
    const begun: string[] = [];
    const fails = gate();
    const name = unique('l');
    const listenerOf = (process: string): Class => {
      class L {
        async on({ n }: E): Promise<void> {
          begun.push(`${process}${String(n)}`);
          if (begun.length > 1) return;
          await fails.promise;
          throw new Error('not yet');
        }
      }
      eventListener(E, { name, retry: { initialDelayMs: 10, jitter: 'none' } })(L);
      return L;
    };
    await using world = new ArtemisWorld(url());
    const first = listenerOf('first');
    const one = await world.started({ listeners: [first] });
    for (const n of [1, 2, 3, 4]) await one.sendEvent(Object.assign(new E(), { n }));
    await waitUntil(() => begun.length === 1);
    await world.started({ listeners: [listenerOf('second')] });
    const paused = one.listener(first).pause();
    fails.open();
    await paused;
    // Over STOMP a paused listener is taken from the broker.
    if (protocol === 'AMQP') await stays(() => begun.length === 1, { windowMs: 300 });
    else await waitUntil(() => begun.length === 5);
    one.listener(first).resume();
    await waitUntil(() => begun.length === 5);
    const other = protocol === 'AMQP' ? 'first' : 'second';
    expect(begun).toEqual(['first1', ...[1, 2, 3, 4].map((n) => `${other}${String(n)}`)]);
  });
});
