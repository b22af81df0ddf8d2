import { expect, it } from '@jest/globals';
import { event, eventListener } from '../../../src/index.js';
import { TcpProxy } from '../../../src/testing/tcp-proxy.js';
import { waitUntil } from '../../../src/testing/wait-until.js';
import { quickStomp } from '../../support/artemis-conformance.js';
import { addressOf, artemisStompUrl, ArtemisWorld, proxied } from '../../support/artemis.js';
import { gate, unique } from '../../support/world.js';

const cuts = 20;

it('an event held over more cuts than the broker allows deliveries is written anew in time, and handled once', async () => {
  const name = unique('e');
  @event(name)
  class Note {
    readonly n: number = 0;
  }
  const hold = gate();
  let calls = 0;
  const listener = unique('l');
  @eventListener(Note, listener)
  class Held {
    async on(): Promise<void> {
      calls++;
      await hold.promise;
    }
  }
  const proxy = await TcpProxy.start({ target: addressOf(artemisStompUrl()) });
  try {
    await using world = new ArtemisWorld();
    const manager = await world.started({ provider: quickStomp(proxied(artemisStompUrl(), proxy)), listeners: [Held] });
    const queues = await world.queues();
    const queue = `${name}::${listener}`;
    await manager.sendEvent(new Note());
    await waitUntil(() => calls === 1);
    for (let cut = 0; cut < cuts; cut++) {
      const { adopted, renewed } = manager.counters();
      proxy.cut();
      // The run has the delivery of the new connection, or that was renewed and comes once more.
      await waitUntil(() => manager.counters().adopted > adopted || manager.counters().renewed > renewed, { timeoutMs: 10_000 });
      await waitUntil(async () => (await queues.count(queue)) === 1, { what: 'one message' });
    }
    expect(manager.counters().renewed).toBeGreaterThanOrEqual(3);
    hold.open();
    await waitUntil(async () => (await queues.count(queue)) === 0, { what: 'an empty queue', timeoutMs: 10_000 });
    expect(calls).toBe(1);
    expect(manager.counters()).toMatchObject({ handled: 1, archived: 0, failed: 0 });
  } finally {
    await proxy.close();
  }
}, 60_000);
