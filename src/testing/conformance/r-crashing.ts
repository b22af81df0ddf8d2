import { equal, ok } from 'node:assert/strict';
import { addressOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { gate, range } from './gate.js';
import { Members } from './members.js';

const mostDeaths = 20;

/** Events that end what handles them. */
export const crashingCases: readonly CaseDefinition[] = [
  {
    id: 'CF-R11',
    name: 'an event that kills its process every time is archived as crashed; those beside it, and those of other listeners, are handled',
    promise: 3,
    needs: ['count', 'processes', 'manage'],
    run: async (bench) => {
      const [event, other] = [bench.event(), bench.event()];
      // Never started here: they say which queues there have to be.
      const [failing, neighbour] = [bench.listener(event), bench.listener(other)];
      const maker = await bench.started({ listeners: [failing, neighbour] });
      await bench.stop(maker);
      const sender = await bench.started();
      await sender.sendEvents(range(20).map((n) => Object.assign(new event(), { n })));
      await sender.sendEvents(range(20).map((n) => Object.assign(new other(), { n })));
      const { queue, archive } = await bench.names(failing);
      const members = new Members(bench);
      const isArchived = async (): Promise<boolean> => (await bench.count(archive)) === 1;
      for (let deaths = 0; !(await isArchived()); deaths++) {
        ok(deaths <= mostDeaths, `${String(deaths)} processes have died`);
        const member = members.launch([
          { event: addressOf(event), name: failing.name, lethal: 3 },
          { event: addressOf(other), name: neighbour.name, takesMs: 150 },
        ]);
        await bench.time.until('the process dies or the event is archived', async () => member.dead || (await isArchived()), 60_000);
      }
      await bench.holds(queue, 0);
      await bench.holds((await bench.names(neighbour)).queue, 0);
      equal(await bench.count(archive), 1);
      const [archived] = await bench.browse(archive);
      equal(archived?.headers.get('tidings_error_reason'), 'crashed');
      equal((JSON.parse(String(archived.body)) as { n: number }).n, 3);
      // What is neither on its queue nor in the archive was handled: a killed process does not always get to say so.
      equal(await bench.count((await bench.names(neighbour)).archive), 0);
    },
  },
  {
    id: 'CF-R11b',
    name: 'an event whose run outlives twenty lost connections is handled by that one call: neither archived as crashed nor dropped by the broker',
    promise: 3,
    needs: ['count', 'cut', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const hold = gate();
      const listener = bench.listener(event, () => hold.passed);
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it runs', () => listener.running === 1);
      const { queue, archive } = await bench.names(listener);
      for (let cuts = 0; cuts < mostDeaths; cuts++) {
        await bench.given.cut?.();
        await bench.time.until('the loss is noticed', () => !manager.health().ready || cuts > 0);
        await bench.time.until('it is back', () => manager.health().ready, 30_000);
        // The broker has handed it to the new connection.
        await bench.time.pass(100);
        // A copy may stand beside its original for a moment.
        await bench.time.until('it is on its queue', async () => (await bench.count(queue)) >= 1);
      }
      hold.open();
      await bench.holds(queue, 0);
      await bench.time.stays('it was called once', () => listener.calls.length === 1);
      equal(manager.counters().handled, 1);
      equal(await bench.count(archive), 0);
    },
  },
];
