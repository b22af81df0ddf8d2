import { expect, it } from '@jest/globals';
import { event, eventListener, TidingsError } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { gate, unique, World } from '../support/world.js';

it('an event that is written anew has one copy, though the connection goes between the copy and the end of its original', async () => {
  const name = unique('e');
  @event(name)
  class Note {
    readonly n: number = 0;
  }
  const hold = gate();
  let calls = 0;
  const listener = unique('l');
  @eventListener(Note, { name: listener, maxCrashes: 3 })
  class Held {
    async on(): Promise<void> {
      calls++;
      await hold.promise;
    }
  }
  await using world = new World();
  const manager = await world.started({ listeners: [Held] });
  const queues = await world.queues();
  const count = (): Promise<number> =>
    queues.count(`${name}::${listener}`).catch((error: unknown) => {
      // Who looks is cut off too.
      if (TidingsError.is(error) && error.code === 'connection') return -1;
      throw error;
    });
  let losses = 0;
  manager.onStateChange(({ provider }) => {
    if (provider === 'reconnecting') losses++;
  });
  const cut = async (): Promise<void> => {
    const before = losses;
    const adopted = manager.counters().adopted;
    world.broker.cut();
    await waitUntil(() => losses > before && manager.health().ready);
    // The run has the delivery of the new connection, or that was renewed.
    await waitUntil(() => manager.counters().adopted > adopted || manager.counters().renewed > 0);
  };
  await manager.sendEvent(new Note());
  await waitUntil(() => calls === 1);
  await cut();
  await cut();
  const release = world.broker.holdConfirmations();
  world.broker.cut();
  await waitUntil(async () => (await count()) === 2, { what: 'the copy beside its original' });
  expect(manager.counters().renewed).toBe(0);
  world.broker.cut();
  release();
  await waitUntil(() => manager.counters().renewed === 1);
  await waitUntil(async () => (await count()) === 1, { what: 'one copy' });
  hold.open();
  await waitUntil(async () => (await count()) === 0, { what: 'an empty queue' });
  expect(calls).toBe(1);
  expect(manager.counters()).toMatchObject({ handled: 1, archived: 0, failed: 0 });
});
