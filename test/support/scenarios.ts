import 'reflect-metadata';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { EventManager } from '../../src/index.js';
import type { Class, EventingOptions, Provider } from '../../src/index.js';
import { Bench } from '../../src/testing/conformance/bench.js';
import type { ConformanceOptions } from '../../src/testing/conformance/conformance-options.js';
import { range } from '../../src/testing/conformance/gate.js';
import type { Note } from '../../src/testing/conformance/made-classes.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { Operator } from '../providers/amqp/support.js';
import { artemisConformance, overStomp as stompProtocol, quickProvider, type ArtemisWays } from './artemis-conformance.js';
import { addressOf, artemisStompUrl, artemisUrl } from './artemis.js';
import { memoryConformance } from './memory-conformance.js';
import { onceEach } from './world.js';

const scenarioMs = 60_000;

/** `ways` only on Artemis. */
export type Scenario = (name: string, run: (bench: Bench, ways?: ArtemisWays) => Promise<void>, timeoutMs?: number) => void;
export type ArtemisScenario = (name: string, run: (bench: Bench, ways: ArtemisWays) => Promise<void>, timeoutMs?: number) => void;

/** The same scenarios in memory, under a virtual clock, and on a real Artemis behind a proxy; those with an id of `overStomp` by that too. */
export function onEachProvider(declare: (scenario: Scenario) => void, overStomp: readonly string[] = []): void {
  describe('in memory', () => {
    declare((name, run, timeoutMs = scenarioMs) => {
      it(name, () => onBench(memoryConformance(new VirtualClock()), run), timeoutMs);
    });
  });
  onArtemis(declare);
  if (overStomp.length === 0) return;
  onStomp((scenario) => {
    declare((name, run, timeoutMs) => {
      if (overStomp.some((id) => name.startsWith(`${id}: `))) scenario(name, run, timeoutMs);
    });
  });
}

/** Scenarios that only Artemis has. */
export function onArtemis(declare: (scenario: ArtemisScenario) => void): void {
  behindProxy('on Artemis', artemisUrl, (ways) => artemisConformance(ways), declare);
}

/** Scenarios over STOMP; who looks from outside does so over AMQP, where looking takes nothing. */
export function onStomp(declare: (scenario: ArtemisScenario) => void): void {
  const optionsOf = (ways: () => ArtemisWays): ConformanceOptions => ({
    ...artemisConformance(ways, stompProtocol),
    direct: () => quickProvider(artemisUrl()),
  });
  behindProxy('on Artemis over STOMP', artemisStompUrl, optionsOf, declare);
}

function behindProxy(
  where: string,
  url: () => string,
  optionsOf: (ways: () => ArtemisWays) => ConformanceOptions,
  declare: (scenario: ArtemisScenario) => void,
): void {
  describe(where, () => {
    let proxy: TcpProxy;
    let operator: Operator;

    beforeAll(async () => {
      proxy = await TcpProxy.start({ target: addressOf(url()) });
      operator = await Operator.open();
    });

    afterAll(async () => {
      await proxy.close();
      await operator.close();
    });

    const options = optionsOf(() => ({ proxy, operator }));
    declare((name, run, timeoutMs = scenarioMs) => {
      it(name, () => onBench(options, (bench) => run(bench, { proxy, operator })), timeoutMs);
    });
  });
}

async function onBench(options: ConformanceOptions, run: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = new Bench(options);
  try {
    await run(bench);
  } catch (error) {
    // What failed first is what is to be read.
    await bench.end().catch(() => undefined);
    throw error;
  }
  await bench.end();
}

/** A provider that no fault reaches, where there is a way past them. */
export function direct(bench: Bench): Promise<Provider> | Provider {
  return (bench.given.direct ?? bench.given.create)();
}

/** Cuts the connections of all, and waits until the manager has noticed and is back. */
export async function cutUnder(bench: Bench, manager: EventManager): Promise<void> {
  let lost = false;
  const end = manager.onStateChange(({ provider }) => (lost ||= provider === 'reconnecting'));
  await bench.given.cut?.();
  await bench.time.until('it is lost and back', () => lost && manager.health().ready);
  end();
}

/** So many events, numbered from `first`. */
export function notes(event: Class<Note>, count: number, first = 0): Note[] {
  return range(count).map((n) => Object.assign(new event(), { n: first + n }));
}

/** A manager of the bench with listener classes of the test's own; not started. */
export async function managerOf(bench: Bench, listeners: Class[], options: Partial<EventingOptions> = {}): Promise<EventManager> {
  const manager = new EventManager({
    provider: await bench.create(),
    serviceName: 'conformance',
    pipelines: [],
    logger: bench.log,
    resolve: onceEach(),
    ...options,
    listeners,
  });
  await bench.fault(() => bench.stop(manager));
  return manager;
}

/** Events that are sent one after another by ten at once, until one is rejected: as by a stop. */
export class Traffic {
  readonly confirmed: number[] = [];
  readonly failed: { readonly n: number; readonly error: unknown }[] = [];
  readonly #bench: Bench;
  readonly #ended: Promise<unknown>;
  #next: number;

  constructor(bench: Bench, manager: EventManager, event: Class<Note>, first = 0) {
    this.#bench = bench;
    this.#next = first;
    this.#ended = Promise.all(range(10).map(() => this.#send(manager, event)));
  }

  /** Until so many more are confirmed. */
  async more(count: number): Promise<void> {
    const wanted = this.confirmed.length + count;
    await this.#bench.time.until(`${String(wanted)} are confirmed`, () => this.confirmed.length >= wanted);
  }

  async ended(): Promise<void> {
    await this.#bench.time.ends('the traffic', this.#ended);
  }

  async #send(manager: EventManager, event: Class<Note>): Promise<void> {
    for (;;) {
      const n = this.#next++;
      try {
        await manager.sendEvent(event, { n, text: '' });
        this.confirmed.push(n);
      } catch (error) {
        this.failed.push({ n, error });
        return;
      }
      await this.#bench.time.pass(1);
    }
  }
}
