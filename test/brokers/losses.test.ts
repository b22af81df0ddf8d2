import { describe, expect, it } from '@jest/globals';
import { event, type EventManager, eventListener, TidingsError } from '../../src/index.js';
import { testBroker } from '../../src/testing/test-broker.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { ArtemisWorld, artemisProvider, protocols } from '../support/artemis.js';
import { unique } from '../support/world.js';
import { describeOwnBroker } from '../setup/own-broker.js';
import { numbers } from './processes/workers.js';

/** An event and a listener that notes which it has handled. */
function ledger() {
  @event(unique('ledger'))
  class Numbered {
    readonly n: number = 0;
  }
  const handled = new Map<number, number>();
  @eventListener(Numbered, unique('l'))
  class L {
    on({ n }: { n: number }): void {
      handled.set(n, (handled.get(n) ?? 0) + 1);
    }
  }
  return { Numbered, L, handled };
}

interface Sent {
  readonly confirmed: Set<number>;
  readonly failed: Map<number, unknown>;
}

/** Sends the numbers, at most `atOnce` under way, and notes what became of each. */
async function sendAll(
  manager: EventManager,
  Numbered: new () => { n: number },
  many: number,
  atOnce: number,
  onSent?: (count: number) => void,
): Promise<Sent> {
  const sent: Sent = { confirmed: new Set(), failed: new Map() };
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let n = next++; n < many; n = next++) {
      await manager.sendEvent(Numbered as never, { n } as never, { timeoutMs: 60_000 }).then(
        () => sent.confirmed.add(n),
        (error: unknown) => sent.failed.set(n, error),
      );
      onSent?.(sent.confirmed.size + sent.failed.size);
    }
  };
  await Promise.all(numbers(atOnce).map(sender));
  return sent;
}

describe.each(protocols)('over $name', ({ of }) => {
  describeOwnBroker('a broker killed and restarted in the middle of 2 000 sends', () => {
    it('loses no confirmed event, leaves no send hanging, and the listeners are back without help', async () => {
      const { Numbered, L, handled } = ledger();
      await using broker = await testBroker({ own: true });
      await using world = new ArtemisWorld(of(broker));
      const manager = await world.started({ listeners: [L] });
      const restarts: Promise<void>[] = [];
      const { confirmed, failed } = await sendAll(manager, Numbered, 2000, 50, (count) => {
        if (count >= 700 && restarts.length === 0) restarts.push(broker.kill().then(() => broker.start()));
      });
      await Promise.all(restarts);
      expect(restarts).toHaveLength(1);
      expect(confirmed.size + failed.size).toBe(2000);
      expect([...failed.values()].every((error) => TidingsError.is(error))).toBe(true);
      await waitUntil(() => [...confirmed].every((n) => handled.has(n)), {
        timeoutMs: 60_000,
        what: () => `${String(confirmed.size)} confirmed to be handled; ${String(handled.size)} were`,
      });
      await waitUntil(() => manager.health().ready);
      const doubles = [...handled.values()].filter((calls) => calls > 1).length;
      console.log(
        `confirmed ${String(confirmed.size)}, failed ${String(failed.size)}, handled ${String(handled.size)}, handled twice ${String(doubles)}`,
      );
      expect(confirmed.size).toBe(2000);
    }, 120_000);

    it('is found dead when it freezes, and used again when it thaws', async () => {
      const { Numbered, L, handled } = ledger();
      await using broker = await testBroker({ own: true });
      await using world = new ArtemisWorld(of(broker));
      const manager = await world.started({ listeners: [L], provider: artemisProvider(of(broker), { silenceMs: 1000 }) });
      await manager.sendEvent(Numbered, { n: 0 });
      await broker.freeze();
      await waitUntil(() => !manager.health().ready, { timeoutMs: 10_000, what: 'the loss to be noticed' });
      const sending = manager.sendEvent(Numbered, { n: 1 });
      await broker.thaw();
      await sending;
      await waitUntil(() => handled.has(0) && handled.has(1));
      await waitUntil(() => manager.health().ready);
    }, 60_000);
  });
});
