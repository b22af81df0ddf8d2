import { deepEqual, equal, rejects } from 'node:assert/strict';
import { SendError } from '../../core/errors.js';
import type { CaseDefinition } from './case-definition.js';

/** What the provider tells of its connection. */
export const healthCases: readonly CaseDefinition[] = [
  {
    id: 'CF-H1',
    name: 'health is ready after the start, not ready while the connection is away, ready again, and not after the stop',
    promise: 7,
    needs: ['cut'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.manager({ listeners: [listener] });
      const providerStates: string[] = [];
      manager.onStateChange(({ provider }) => {
        if (providerStates.at(-1) !== provider) providerStates.push(provider);
      });
      equal(manager.health().ready, false);
      await bench.time.ends('the start', manager.start());
      deepEqual([manager.health().ready, manager.health().degraded, manager.health().provider.state], [true, [], 'connected']);
      const lost = bench.time.until('the loss is noticed', () => !manager.health().ready && manager.health().degraded.length > 0);
      await bench.given.cut?.();
      await lost;
      await bench.time.until('it is ready again', () => manager.health().ready);
      await bench.stop(manager);
      deepEqual([manager.health().ready, manager.state], [false, 'stopped']);
      deepEqual(providerStates.filter((state) => state !== 'connecting').slice(-4), ['connected', 'reconnecting', 'connected', 'stopped']);
    },
  },
  {
    id: 'CF-H1b',
    name: 'each change of the state is told: connected, reconnecting with the reason, connected, stopped',
    promise: 7,
    needs: ['cut'],
    run: async (bench) => {
      const peer = await bench.startedPeer();
      await bench.given.cut?.();
      await bench.time.until('the loss is told', () => peer.states.some(({ state }) => state === 'reconnecting'));
      await peer.connected();
      await peer.stop();
      const states = peer.states.map(({ state }) => state);
      const changes = states.filter((state, at) => state !== 'connecting' && state !== states[at - 1]);
      deepEqual(changes, ['connected', 'reconnecting', 'connected', 'stopped']);
      equal(peer.states.find(({ state }) => state === 'reconnecting')?.error instanceof Error, true, 'a loss says why');
    },
  },
  {
    id: 'CF-H1c',
    name: "an attempt at the start that failed is told with the reason: with whenOffline 'fail' the first send rejects then, and the start goes on",
    promise: 2,
    needs: ['down'],
    run: async (bench) => {
      const event = bench.event();
      const up = await bench.fault(bench.given.down?.());
      const manager = await bench.manager({ whenOffline: 'fail' });
      const first = manager.sendEvent(event, { n: 1, text: '' }, { timeoutMs: 600_000 });
      await rejects(
        bench.time.ends('the first send', first),
        (error) => error instanceof SendError && error.outcome === 'not-sent' && error.code === 'connection' && error.retryable,
      );
      deepEqual([manager.state, manager.health().provider.error === undefined], ['starting', false]);
      await up();
      await bench.time.until('it has started', () => manager.state === 'running');
      equal((await manager.sendEvent(event, { n: 2, text: '' })).sent, true);
    },
  },
];
