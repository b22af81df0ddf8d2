import { deepEqual, equal, ok } from 'node:assert/strict';
import { SendError, type SendOutcome } from '../../src/index.js';
import { gate, range } from '../../src/testing/conformance/gate.js';
import { fateOf, losing, type Fate, type Scenario } from './scenario.js';

function outcomeOf({ error }: Fate<unknown>): SendOutcome | 'none' {
  return error instanceof SendError ? error.outcome : 'none';
}

/** Sends whose connection, credit or deadline goes. */
export const sendingScenarios: readonly Scenario[] = [
  {
    id: 'REG-2',
    name: 'a send that waits over a reconnect is not settled by the acceptance of another, but once, by its own fate',
    needs: ['hold', 'down', 'block', 'manage'],
    run: async (bench) => {
      const [waiting, other] = [bench.spec(bench.unique('waiting')), bench.spec(bench.unique('other'))];
      await bench.startedPeer([waiting, other]);
      await bench.onlooker();
      const manager = await bench.started();
      for (const { event } of [waiting, other]) await manager.send(event, {});
      const release = await bench.fault(bench.given.hold?.());
      const deadlineAt = Date.now() + 4_000;
      const fate = fateOf(manager.send(waiting.event, {}, { timeoutMs: 4_000 }));
      await bench.holds(`${waiting.event}::${waiting.queue}`, 2);
      const lost = losing(manager);
      const up = await bench.fault(bench.given.down?.());
      await release();
      await bench.time.until('the loss is noticed', lost);
      await bench.fault(bench.given.block?.(waiting.event));
      await up();
      await manager.send(other.event, {});
      await bench.holds(`${other.event}::${other.queue}`, 2);
      await bench.time.stays('the other has said nothing of it', () => !fate.over);
      await bench.time.until('its own fate is known', () => fate.over);
      equal(outcomeOf(fate), 'unknown');
      ok((fate.at ?? 0) >= deadlineAt, 'not before its deadline');
    },
  },
  {
    id: 'REG-2',
    name: 'a send that the broker took before the connection went is never told as refused, whatever becomes of its repeat',
    needs: ['hold', 'down', 'refuse', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      await bench.startedPeer([spec]);
      await bench.onlooker();
      const manager = await bench.started();
      await manager.send(spec.event, {});
      const release = await bench.fault(bench.given.hold?.());
      const fate = fateOf(manager.send(spec.event, {}, { timeoutMs: 3_000 }));
      await bench.holds(`${spec.event}::${spec.queue}`, 2);
      const lost = losing(manager);
      const up = await bench.fault(bench.given.down?.());
      await release();
      await bench.time.until('the loss is noticed', lost);
      const accept = await bench.fault(bench.given.refuse?.(spec.event));
      await up();
      await bench.time.until('its fate is known', () => fate.over);
      ok(fate.error === undefined || outcomeOf(fate) === 'unknown', `told as ${outcomeOf(fate)}, though it has arrived`);
      await accept();
      await bench.holds(`${spec.event}::${spec.queue}`, 2);
    },
  },
  {
    id: 'REG-3',
    name: 'what was reported as not sent is never transmitted, the rest is unknown, and a repeat keeps its id',
    needs: ['hold', 'block', 'manage', 'dedupe'],
    run: async (bench) => {
      const [open, blocked] = [bench.spec(bench.unique('open')), bench.spec(bench.unique('blocked'))];
      await bench.startedPeer([open, blocked]);
      await bench.onlooker();
      const manager = await bench.started();
      await manager.send(open.event, {});
      const credit = await bench.fault(bench.given.block?.(blocked.event));
      const release = await bench.fault(bench.given.hold?.());
      const targets = range(6).map((n) => (n < 2 ? open : blocked));
      const fates = targets.map(({ event }, n) => fateOf(manager.send(event, { n }, { timeoutMs: 1_000 })));
      await bench.time.until('all have failed', () => fates.every(({ over }) => over));
      deepEqual(fates.map(outcomeOf), ['unknown', 'unknown', 'not-sent', 'not-sent', 'not-sent', 'not-sent']);
      await release();
      await credit();
      const asBefore = async (): Promise<boolean> =>
        (await bench.count(`${open.event}::${open.queue}`)) === 3 && (await bench.count(`${blocked.event}::${blocked.queue}`)) === 0;
      await bench.time.until('only those that left have arrived', asBefore);
      await bench.time.stays('only those that left have arrived', asBefore);
      const ids = fates.map(({ error }) => (error instanceof SendError ? error.id : undefined));
      const repeated = await Promise.all(
        targets.map(({ event }, n) => manager.send(event, { n }, ids[n] === undefined ? {} : { id: ids[n] })),
      );
      deepEqual(
        repeated.map(({ id }) => id),
        ids,
      );
      await bench.holds(`${blocked.event}::${blocked.queue}`, 4);
      await bench.holds(`${open.event}::${open.queue}`, 3);
    },
  },
  {
    id: 'REG-4',
    name: 'fifty pending sends to a broker that is dead beyond their deadline become fifty typed errors, and nothing unhandled',
    needs: ['hold', 'down', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const queue = `${spec.event}::${spec.queue}`;
      await bench.startedPeer([spec]);
      await bench.onlooker();
      const manager = await bench.started();
      await manager.send(spec.event, {});
      const release = await bench.fault(bench.given.hold?.());
      const timeoutMs = 1_500;
      const deadlineAt = Date.now() + timeoutMs;
      const send = (): Fate<unknown> => fateOf(manager.send(spec.event, {}, { timeoutMs }));
      const transmitted = range(25).map(send);
      await bench.holds(queue, 26);
      const lost = losing(manager);
      const up = await bench.fault(bench.given.down?.());
      await release();
      await bench.time.until('the loss is noticed', lost);
      const waiting = range(25).map(send);
      const all = [...transmitted, ...waiting];
      await bench.time.until('all have failed', () => all.every(({ over }) => over));
      deepEqual(new Set(transmitted.map(outcomeOf)), new Set(['unknown']));
      deepEqual(new Set(waiting.map(outcomeOf)), new Set(['not-sent']));
      ok(
        all.every(({ at = 0 }) => at >= deadlineAt),
        'none before its deadline',
      );
      deepEqual([manager.counters().unknown, manager.counters().unsent, manager.health().pending], [25, 25, 0]);
      await up();
      await manager.send(spec.event, {});
      await bench.holds(queue, 27);
    },
  },
  {
    id: 'REG-23',
    name: 'a send from outside a listener, while stopping, rejects with a typed error; one from inside goes out',
    run: async (bench) => {
      const event = bench.event();
      const follow = bench.event();
      const hold = gate();
      const followed = bench.listener(follow);
      await bench.started({ listeners: [followed] });
      const listener = bench.listener(event, async ({ context }) => {
        await hold.passed;
        await context.sendEvent(follow, { n: 1, text: '' });
      });
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvent(event, { n: 0, text: '' });
      await bench.time.until('it runs', () => listener.running === 1);
      const stopping = manager.stop();
      equal(manager.state, 'stopping');
      const outside = fateOf(manager.sendEvent(follow, { n: 2, text: '' }));
      await bench.time.until('the send is answered', () => outside.over);
      equal(manager.state, 'stopping');
      ok(outside.error instanceof SendError);
      deepEqual([outside.error.outcome, outside.error.code], ['not-sent', 'not-running']);
      hold.open();
      await bench.time.ends('the stop', stopping);
      const later = fateOf(manager.sendEvent(follow, { n: 3, text: '' }));
      await bench.time.until('a send after the stop is answered', () => later.over);
      equal(outcomeOf(later), 'not-sent');
      await bench.time.until('the one from inside has arrived', () => followed.calls.length > 0);
      await bench.time.stays('nothing else arrives', () => followed.numbers.join() === '1');
      equal(manager.counters().handled, 1);
    },
  },
  {
    id: 'REG-24',
    name: 'a send that waits for its confirmation when the connection drops for good is unknown by its deadline',
    needs: ['hold', 'down', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      await bench.startedPeer([spec]);
      await bench.onlooker();
      const manager = await bench.started();
      await manager.send(spec.event, {});
      const release = await bench.fault(bench.given.hold?.());
      const deadlineAt = Date.now() + 1_500;
      const fate = fateOf(manager.send(spec.event, {}, { timeoutMs: 1_500 }));
      await bench.holds(`${spec.event}::${spec.queue}`, 2);
      await bench.fault(bench.given.down?.());
      await release();
      await bench.time.until('it is settled', () => fate.over);
      equal(outcomeOf(fate), 'unknown');
      ok((fate.at ?? 0) >= deadlineAt, 'not before its deadline');
      equal(manager.health().pending, 0);
    },
  },
  {
    id: 'REG-25',
    name: 'while the broker gives no credit health tells how many sends wait, and all of them go out in the end',
    needs: ['block', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      await bench.startedPeer([spec]);
      const manager = await bench.started();
      const credit = await bench.fault(bench.given.block?.(spec.event));
      const sends = Promise.all(range(5).map(() => manager.send(spec.event, {})));
      await bench.time.stays('five sends wait', () => manager.health().pending === 5);
      equal(await bench.count(`${spec.event}::${spec.queue}`), 0);
      await credit();
      await bench.time.ends('the sends', sends);
      equal(manager.health().pending, 0);
      await bench.holds(`${spec.event}::${spec.queue}`, 5);
    },
  },
];
