import { deepEqual, equal, ok } from 'node:assert/strict';
import { Unrecoverable } from '../../src/index.js';
import { gate, range } from '../../src/testing/conformance/gate.js';
import type { Scenario } from './scenario.js';

/** The moment between a retry or archive copy and the end of its original. */
export const copyingScenarios: readonly Scenario[] = [
  {
    id: 'REG-8',
    name: 'an event whose listener fails twice comes as attempts 1, 2, 3, and is on its queue or in the archive at every moment',
    needs: ['hold', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const last = gate();
      let release: () => Promise<void> = () => Promise.resolve();
      const listener = bench.listener(event, async ({ note, attempt }) => {
        if (note.n === 0 && attempt === 3) return last.passed;
        // From here on nothing is confirmed, so that the moment between the copy and the original's end can be looked at.
        release = await bench.fault(bench.given.hold?.());
        throw note.n === 0 ? new Error(`attempt ${String(attempt)}`) : new Unrecoverable('never');
      });
      await bench.onlooker();
      const manager = await bench.started({ listeners: [listener], retry: { initialDelayMs: 200, factor: 1, jitter: 'none' } });
      const { queue, archive } = await bench.names(listener);
      const sampling = sampler(async () => (await bench.count(queue)) + (await bench.count(archive)));
      // Its own confirmation may be among those that are held.
      const sent = [manager.sendEvent(event, { n: 0, text: '' })];
      await bench.holds(queue, 2);
      sampling.begin();
      for (const attempt of [1, 2]) {
        await bench.time.until(`attempt ${String(attempt)} has begun`, () => listener.calls.length === attempt);
        await bench.holds(queue, 2);
        equal(manager.counters().retried, attempt - 1, 'the original is not settled before its copy is confirmed');
        await release();
        await bench.time.until('the original is settled', () => manager.counters().retried === attempt);
      }
      await bench.time.until('attempt 3 has begun', () => listener.calls.length === 3);
      ok((await sampling.least()) >= 1);
      last.open();
      await bench.holds(queue, 0);
      sent.push(manager.sendEvent(event, { n: 1, text: '' }));
      const archiving = sampler(async () => (await bench.count(queue)) + (await bench.count(archive)));
      await bench.holds(archive, 1);
      archiving.begin();
      await bench.holds(queue, 1);
      await release();
      await bench.holds(queue, 0);
      ok((await archiving.least()) >= 1);
      await bench.time.ends('the sends', Promise.all(sent));
      deepEqual(listener.attempts, [1, 2, 3, 1]);
    },
  },
  {
    id: 'REG-9',
    name: 'while the retry or archive copy is refused or not confirmed the original stays unsettled, and id, headers and correlation survive each hop',
    needs: ['refuse', 'hold', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const gates = [gate(), gate()];
      const listener = bench.listener(event, async ({ attempt }) => {
        await gates[attempt - 1]?.passed;
        if (attempt === 1) throw new Error('once more');
        throw new Unrecoverable('never');
      });
      await bench.onlooker();
      const manager = await bench.started({ listeners: [listener] });
      const { address, queue, archive } = await bench.names(listener);
      const sent = await manager.sendEvent(
        event,
        { n: 1, text: 'x' },
        { headers: { tenant: 'acme é:\n', session_id: 's 1' }, correlationId: 'visit 17' },
      );
      await bench.time.until('it runs', () => listener.running === 1);
      const accept = await bench.fault(bench.given.refuse?.(address));
      gates[0]?.open();
      await bench.time.until('it has failed', () => manager.counters().failed === 1);
      const unsettled = async (): Promise<boolean> =>
        (await bench.count(queue)) === 1 && manager.counters().retried === 0 && listener.calls.length === 1;
      await bench.time.stays('the original stays while its copy is refused', unsettled, 700);
      await accept();
      await bench.time.until('the second attempt runs', () => listener.calls.length === 2, 30_000);
      await bench.holds(queue, 1);
      const release = await bench.fault(bench.given.hold?.());
      gates[1]?.open();
      await bench.holds(archive, 1);
      await bench.time.stays(
        'the original stays while its copy is not confirmed',
        async () => (await bench.count(queue)) === 1 && manager.counters().archived === 0,
      );
      await release();
      await bench.holds(queue, 0);
      const [archived] = await bench.browse(archive);
      const hops = [...listener.calls.map(({ context: { envelope } }) => new Map(envelope.headers())), archived?.headers];
      deepEqual(
        hops.map((headers) => [headers?.get('tenant'), headers?.get('session_id')]),
        range(3).map(() => ['acme é:\n', 's 1']),
      );
      deepEqual(
        listener.calls.map(({ id, context }) => [id, context.envelope.correlationId]),
        range(2).map(() => [sent.id, 'visit 17']),
      );
      deepEqual([archived?.headers.get('cloudEvents_id'), archived?.headers.get('cloudEvents_correlationid')], [sent.id, 'visit 17']);
      await bench.holds(archive, 1);
    },
  },
];

/** The least of what was counted, again and again, since it began. */
function sampler(count: () => Promise<number>): { begin(): void; least(): Promise<number> } {
  let on = true;
  let least = Infinity;
  let sampling: Promise<void> = Promise.resolve();
  const sample = async (): Promise<void> => {
    while (on) {
      // Looked at twice: what a broker is just taking from its delayed messages to the waiting ones is in neither number for an instant.
      least = Math.min(least, Math.max(await count(), await count()));
      await new Promise((wake) => setTimeout(wake, 2));
    }
  };
  return {
    begin: () => {
      sampling = sample();
    },
    least: async () => {
      on = false;
      await sampling;
      return least;
    },
  };
}
