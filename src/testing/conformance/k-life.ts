import { deepEqual, equal, rejects } from 'node:assert/strict';
import { TidingsError } from '../../core/errors.js';
import type { CaseDefinition } from './case-definition.js';

/** The contract of `Provider.start` and `Provider.stop`. */
export const lifeCases: readonly CaseDefinition[] = [
  {
    id: 'CF-K31',
    name: 'the provider declares the capabilities that it is tested for, and has a name',
    run: async (bench) => {
      const provider = await bench.create();
      deepEqual([...provider.capabilities].sort(), [...bench.given.capabilities].sort());
      equal(provider.name.length > 0, true);
    },
  },
  {
    id: 'CF-K32',
    name: 'one try of a start rejects while the broker is away, leaves nothing open, and may be repeated',
    promise: 7,
    needs: ['down'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = bench.peer(await bench.create());
      const up = await bench.fault(bench.given.down?.());
      await rejects(bench.time.ends('the start', peer.start([spec], { once: true })), (error) => TidingsError.is(error) && error.retryable);
      await up();
      await bench.time.ends('the second start', peer.start([spec]), 60_000);
      const inbox = await peer.listen(spec);
      await peer.send(spec.event, 'works');
      await bench.time.until('it receives', () => inbox.count === 1);
      await inbox.accept(0);
    },
  },
  {
    id: 'CF-K33',
    name: 'a start tries on until the broker is there',
    promise: 7,
    needs: ['down'],
    run: async (bench) => {
      const peer = bench.peer(await bench.create());
      const up = await bench.fault(bench.given.down?.());
      let started = false;
      const starting = peer.start().then(() => (started = true));
      await bench.time.stays('it tries on', () => !started);
      await up();
      await bench.time.ends('the start', starting, 60_000);
      equal(peer.state, 'connected');
    },
  },
  {
    id: 'CF-K34',
    name: 'the signal ends a start that tries on, which may be repeated',
    promise: 7,
    needs: ['down'],
    run: async (bench) => {
      const peer = bench.peer(await bench.create());
      const up = await bench.fault(bench.given.down?.());
      const abort = new AbortController();
      const starting = peer.start([], { signal: abort.signal });
      starting.catch(() => undefined);
      await bench.time.stays('it tries on', () => peer.state !== 'connected');
      abort.abort(new Error('given up'));
      await rejects(bench.time.ends('the start', starting));
      await up();
      await bench.time.ends('the second start', peer.start(), 60_000);
    },
  },
  {
    id: 'CF-K35',
    name: 'a stop while starting and while reconnecting resolves, and a start may follow',
    promise: 8,
    needs: ['down'],
    run: async (bench) => {
      const peer = bench.peer(await bench.create());
      const up = await bench.fault(bench.given.down?.());
      const starting = peer.start();
      starting.catch(() => undefined);
      await bench.time.stays('it tries on', () => peer.state !== 'connected', 100);
      await peer.stop(200);
      await rejects(bench.time.ends('the start', starting));
      await up();
      await bench.time.ends('the second start', peer.start(), 60_000);
      const upAgain = await bench.fault(bench.given.down?.());
      await bench.time.until('the loss is noticed', () => peer.state === 'reconnecting');
      await peer.stop(200);
      await upAgain();
      await bench.time.ends('the third start', peer.start(), 60_000);
      await bench.time.ends('two stops at once', Promise.all([peer.stop(), peer.stop()]));
      equal(peer.state, 'stopped');
    },
  },
];
