import { prepareRoom, removeAll } from '../../src/cli/torture/broker-room.js';
import { event, eventListener } from '../../src/index.js';
import type { EventContext, EventManager } from '../../src/index.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { addressOf, artemisProvider, ArtemisWorld, proxied } from '../support/artemis.js';
import { randomFrom } from '../support/random.js';
import { unique } from '../support/world.js';

const atOnce = 10;
const sendMs = 60_000;
const endMs = 60_000;
/** Every so-manieth event fails once, so that copies are among what is cut. */
const failsEvery = 10;

export interface RandomCuts {
  /** Over which protocol, its scheme says. */
  readonly url: string;
  readonly direction: 'up' | 'down';
  readonly cuts: number;
  readonly seed: number;
}

export interface CutsReport {
  readonly confirmed: number;
  readonly doubled: number;
}

/**
 * Two listen, one of them sends, and connections of each are cut again and again, each time at another random byte of this direction: in
 * handshakes, in the midst of frames, between a message and its settlement. Rejects when a confirmed event is lost, when a send fails, or is still
 * under way after its time, when the manager does not come back or does not stop, and when a rejection stays unhandled.
 */
export async function cutAtRandomBytes({ url, direction, cuts, seed }: RandomCuts): Promise<CutsReport> {
  const began = performance.now();
  const prefix = `${unique('cuts')}.`;
  console.log(`${String(cuts)} cuts ${direction} over ${url.slice(0, url.indexOf(':'))}, seed ${String(seed)}`);
  await prepareRoom(url, prefix);
  const unhandled: unknown[] = [];
  const note = (reason: unknown): number => unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    const report = await cutUnderTraffic({ url, direction, cuts, seed }, prefix);
    if (unhandled.length > 0) throw new Error(`${String(unhandled.length)} rejections were not handled`, { cause: unhandled[0] });
    const took = `${((performance.now() - began) / 1000).toFixed(1)} s`;
    console.log(`${took}: ${String(report.confirmed)} events confirmed and handled, ${String(report.doubled)} of them twice or more`);
    return report;
  } finally {
    process.off('unhandledRejection', note);
    await removeAll(url, prefix);
  }
}

async function cutUnderTraffic({ url, direction, cuts, seed }: RandomCuts, namePrefix: string): Promise<CutsReport> {
  @event('numbered')
  class Numbered {
    readonly n: number = 0;
  }
  const handled = new Map<number, number>();
  @eventListener(Numbered, 'listener')
  class Listener {
    on({ n }: Numbered, { attempt }: EventContext): void {
      if (n % failsEvery === 0 && attempt === 1) throw new Error('once more');
      handled.set(n, (handled.get(n) ?? 0) + 1);
    }
  }
  let next = 0;
  const confirmed = new Set<number>();
  const failed: unknown[] = [];
  const random = randomFrom(seed);
  await using one = await TcpProxy.start({ target: addressOf(url) });
  await using other = await TcpProxy.start({ target: addressOf(url) });
  await using world = new ArtemisWorld(url);
  const started = (proxy: TcpProxy): Promise<EventManager> => {
    const provider = artemisProvider(proxied(url, proxy), { reconnect: { initialDelayMs: 5, maxDelayMs: 50 } });
    const retry = { initialDelayMs: 10, maxDelayMs: 10, jitter: 'none' } as const;
    return world.started({ listeners: [Listener], provider, namePrefix, retry });
  };
  const manager = await started(one);
  const listening = await started(other);
  const wanted = Math.ceil(cuts / 2);
  // Without traffic cuts would prove nothing: it goes on, and is cut, until more events are confirmed than were asked for cuts.
  const enough = (): boolean => confirmed.size > cuts;
  const done = (): boolean => failed.length > 0 || (enough() && [one, other].every((proxy) => proxy.cuts >= wanted));
  const state = (): string =>
    [one, other].map(({ cuts: came }, index) => `${String(came)} of ${index === 0 ? 'the sender' : 'the listener'} came`).join(', ') +
    `; ${String(next)} sent, ${String(confirmed.size)} confirmed, ${String(handled.size)} handled; ` +
    JSON.stringify([manager, listening].map((each) => [each.health(), each.counters()]));
  /** Half of the cuts come early in a connection's life. */
  const cutAgainAndAgain = (proxy: TcpProxy, mostBytes: number): Promise<unknown> => {
    let armed = 0;
    return waitUntil(
      () => {
        if (proxy.cuts >= armed && (armed < wanted || !enough())) {
          armed++;
          proxy.cutAfter({ direction, bytes: 1 + Math.floor(random() * (random() < 0.5 ? 2_000 : mostBytes)) });
        }
        return done();
      },
      { timeoutMs: 500 * cuts, what: () => `${String(wanted)} cuts of each; ${state()}` },
    );
  };
  const send = async (): Promise<void> => {
    while (!done()) {
      const n = next++;
      await manager.sendEvent(Numbered, { n }, { timeoutMs: sendMs }).then(
        () => confirmed.add(n),
        (error: unknown) => failed.push(error),
      );
    }
  };
  const cutting = [cutAgainAndAgain(one, 20_000), cutAgainAndAgain(other, 5_000)];
  await Promise.all([...cutting, ...Array.from({ length: atOnce }, send)]);
  if (failed.length > 0) throw new Error(`${String(failed.length)} sends failed`, { cause: failed[0] });
  await waitUntil(() => [...confirmed].every((n) => handled.has(n)), {
    timeoutMs: endMs,
    what: () => `${String(confirmed.size)} confirmed to be handled; missing: ${[...confirmed].filter((n) => !handled.has(n)).join(' ')}`,
  });
  for (const each of [manager, listening]) {
    await waitUntil(() => each.health().ready, { timeoutMs: endMs, what: 'the manager to be ready again' });
    await each.stop({ deadlineMs: 10_000 });
    if (each.state !== 'stopped') throw new Error(`the manager is ${each.state} after its stop`);
  }
  return { confirmed: confirmed.size, doubled: [...handled.values()].filter((calls) => calls > 1).length };
}
