import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { TidingsError } from '../../core/errors.js';
import { queueOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range } from './gate.js';

const events = 1_000;
const senders = 20;
const restartMs = 60_000;

/** Lost connections, restarted brokers, refused log-ins. */
export const losingCases: readonly CaseDefinition[] = [
  {
    id: 'CF-G1',
    name: 'a restart of the broker amid 1 000 events of 20 senders loses none that was confirmed',
    promise: 7,
    needs: ['restart', 'durable'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener] });
      const confirmed = new Set<string>();
      let restarted: Promise<void> | undefined;
      const sender = async (own: number): Promise<void> => {
        for (let n = own; n < events; n += senders) {
          const { id } = await manager.sendEvent(event, { n, text: '' }, { timeoutMs: restartMs });
          confirmed.add(id);
          if (confirmed.size >= events / 2) restarted ??= Promise.resolve(bench.given.restart?.());
        }
      };
      await bench.time.ends('all sends', Promise.all(range(senders).map(sender)), 2 * restartMs);
      await restarted;
      const handled = (): Set<string> => new Set(listener.calls.map(({ id }) => id));
      await bench.time.until('all have arrived', () => handled().size >= events, restartMs);
      await bench.time.until('it is ready again', () => manager.health().ready, restartMs);
      deepEqual([[...confirmed].filter((id) => !handled().has(id)), confirmed.size, handled().size], [[], events, events]);
    },
  },
  {
    id: 'CF-G1b',
    name: 'a durable message waits on its queue over a restart of the broker',
    promise: 7,
    needs: ['restart', 'durable'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const first = await bench.startedPeer([spec]);
      await first.send(spec.event, 'kept');
      await first.send(spec.event, 'kept for later', {
        ...(bench.can('delay') && { notBefore: new Date(bench.time.now() + 1_000) }),
      });
      await first.stop();
      await bench.given.restart?.();
      const inbox = await (await bench.startedPeer([spec])).listen(spec);
      inbox.accepting = true;
      await bench.time.until('both have arrived', () => inbox.count >= 2);
      deepEqual(inbox.bodies, ['kept', 'kept for later']);
    },
  },
  {
    id: 'CF-G2',
    name: 'a connection through which nothing passes any more is found out and replaced',
    promise: 7,
    needs: ['halfOpen'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener] });
      const heal = await bench.fault(bench.given.halfOpen?.());
      await bench.time.until('the loss is noticed', () => manager.health().provider.state === 'reconnecting', 60_000);
      await heal();
      await bench.time.until('the connection is back', () => manager.health().ready, 60_000);
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it receives', () => listener.numbers.includes(1));
    },
  },
  {
    id: 'CF-G3',
    name: 'a send whose confirmation is lost with the connection goes again under its id, and the broker keeps one',
    promise: 2,
    needs: ['hold', 'cut', 'dedupe', 'manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const queue = queueOf(spec);
      const peer = await bench.startedPeer([spec]);
      await bench.onlooker();
      await peer.send(spec.event, 'opens the way');
      const release = await bench.fault(bench.given.hold?.());
      const sending = peer.send(spec.event, 'once', { dedupeId: 'the id' });
      await bench.holds(queue, 2);
      await bench.given.cut?.();
      await release();
      await bench.time.ends('the send', sending);
      const inbox = await peer.listen(spec);
      inbox.accepting = true;
      await bench.time.until('both have arrived', () => inbox.count >= 2);
      await bench.time.stays('no double arrives', () => inbox.count === 2);
      deepEqual(inbox.bodies, ['opens the way', 'once']);
    },
  },
  {
    id: 'CF-G4',
    name: 'a subscription that the broker ends comes back by itself, and others are served all the time',
    promise: 7,
    needs: ['detach', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const [ended, other] = [bench.listener(event), bench.listener(event)];
      const manager = await bench.started({ listeners: [ended, other] });
      const { queue } = await bench.names(ended);
      const ready = (of: string): boolean => manager.health().subscriptions.some(({ listener, ready: is }) => listener === of && is);
      let disturbed = 0;
      const look = (): boolean => {
        if (!ready(other.name)) disturbed++;
        return ready(ended.name);
      };
      manager.onStateChange(look);
      const lost = bench.time.until('the loss is noticed', () => !look());
      await bench.given.detach?.(queue);
      await lost;
      await bench.time.until('it is back', look);
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('both receive', () => [ended, other].every(({ calls }) => calls.length > 0));
      equal(disturbed, 0);
    },
  },
  {
    id: 'CF-G5',
    name: 'a wrong password rejects the start at once, without a word of the password, and nothing tries on',
    promise: 7,
    needs: ['auth'],
    run: async (bench) => {
      const provider = await bench.given.wrongPassword?.();
      if (provider === undefined) return;
      const manager = await bench.manager({ provider });
      const starting = bench.time.ends('the start', manager.start(), 10_000);
      await rejects(starting, (error) => TidingsError.is(error) && error.code === 'authentication' && !error.retryable);
      equal(manager.health().ready, false);
      const states: string[] = [];
      manager.onStateChange(({ provider: state }) => states.push(state));
      await bench.time.stays('nothing tries on', () => states.length === 0 && manager.state === 'failed');
    },
  },
  {
    id: 'CF-G6',
    name: 'TLS with a private authority connects; with a wrong one, or under another name, it is refused with the reason',
    promise: 10,
    needs: ['tls'],
    run: async (bench) => {
      const { tls } = bench.given;
      if (tls === undefined) return;
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ provider: await tls.good(), listeners: [listener] });
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it receives', () => listener.calls.length > 0);
      const mistrusting = await bench.manager({ provider: await tls.wrongAuthority(), startTimeoutMs: 3_000 });
      await rejects(mistrusting.start(), /certificate|self.signed|authority/i);
      const misled = await bench.manager({ provider: await tls.wrongName(), startTimeoutMs: 3_000 });
      await rejects(misled.start(), /altnames|host\s?name|does not match/i);
    },
  },
  {
    id: 'CF-G7',
    name: 'over five cuts every confirmed event arrives, and each listener keeps one consumer',
    promise: 7,
    needs: ['cut', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, undefined, { concurrency: 3, prefetch: 0 });
      const manager = await bench.started({ listeners: [listener] });
      const { queue } = await bench.names(listener);
      for (const round of range(5)) {
        const sends = range(10).map((n) => manager.sendEvent(event, { n: 10 * round + n, text: '' }));
        await bench.given.cut?.();
        await bench.time.ends('the sends', Promise.all(sends), 30_000);
      }
      await bench.time.until('all have arrived', () => new Set(listener.numbers).size === 50, 30_000);
      await bench.holds(queue, 0);
      // A broker may take a moment to notice what is gone.
      await bench.time.until('it has one consumer', async () => (await (await bench.queues()).consumers(queue)) === 1);
      ok(listener.mostRunning <= 3, `${String(listener.mostRunning)} ran at once`);
    },
  },
];
