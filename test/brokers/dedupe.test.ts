import { describe, expect, it } from '@jest/globals';
import { dedupe, event, eventListener, MemoryDedupeStore } from '../../src/index.js';
import type { EnvelopePipeline } from '../../src/index.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { addressOf, ArtemisWorld, proxied, protocols } from '../support/artemis.js';
import { gate, unique } from '../support/world.js';
import { ascending, numbers } from './processes/workers.js';

const atOnce = 5;

describe.each(protocols)('over $name', ({ url }) => {
  describe('a connection that is cut after the work of a listener and before the broker is told', () => {
    it('makes the work be done once, when two processes share a dedupe store', async () => {
      const address = unique('work');
      @event(address)
      class Work {
        readonly n: number = 0;
      }
      const queue = unique('l');
      const effects: number[] = [];
      @eventListener(Work, { name: queue, concurrency: atOnce, prefetch: atOnce })
      class L {
        on({ n }: Work): void {
          effects.push(n);
        }
      }
      const cut = gate();
      let done = 0;
      // Stands outside dedupe: here the listener has succeeded, and the event is not settled yet.
      const cutting: EnvelopePipeline & { order: number } = {
        order: -Infinity,
        handle: async (_envelope, _listener, next) => {
          await next();
          done++;
          await cut.promise;
        },
      };
      const store = new MemoryDedupeStore();
      await using proxy = await TcpProxy.start({ target: addressOf(url()) });
      await using near = new ArtemisWorld(proxied(url(), proxy));
      await using far = new ArtemisWorld(url());
      const first = await near.started({ listeners: [L], addPipelines: [cutting, dedupe(store)] });
      const sender = await far.started();
      await sender.sendEvents(numbers(2 * atOnce).map((n) => Object.assign(new Work(), { n })));
      await waitUntil(() => done === atOnce);
      proxy.refuse();
      proxy.cut();
      await waitUntil(() => !first.health().ready);
      cut.open();
      await waitUntil(() => first.counters().stale >= atOnce);

      const second = await far.started({ listeners: [L], addPipelines: [dedupe(store)] });
      await waitUntil(() => second.counters().stopped + second.counters().handled === 2 * atOnce);
      expect(ascending(effects)).toEqual(numbers(2 * atOnce));
      expect(second.counters()).toMatchObject({ stopped: atOnce, handled: atOnce, failed: 0 });
      const queues = await far.queues();
      await waitUntil(async () => (await queues.count(`${address}::${queue}`)) === 0, { what: 'an empty queue' });
    });
  });
});
