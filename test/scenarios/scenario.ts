import { it } from '@jest/globals';
import type { Class, Delivery, EventManager, Outcome, Provider, SubscriptionSpec } from '../../src/index.js';
import { Bench } from '../../src/testing/conformance/bench.js';
import { missingOf, type ConformanceOptions, type Need } from '../../src/testing/conformance/conformance-options.js';
import { range } from '../../src/testing/conformance/gate.js';
import type { Note } from '../../src/testing/conformance/made-classes.js';

const scenarioMs = 90_000;

/** Something that went wrong once, somewhere: given, when, then. The same on every provider. */
export interface Scenario {
  readonly id: string;
  readonly name: string;
  /** None: every provider. */
  readonly needs?: readonly Need[];
  run(bench: Bench, rig: Rig): Promise<void>;
}

/** One kind of broker, and how it is broken. */
export interface Rig {
  readonly options: ConformanceOptions;
  /** A provider that no fault of the options reaches, on the same broker or on another. */
  apart(): Provider;
  /** How often the broker was connected to by providers that the faults reach, where that can be seen. */
  connections?(): number;
}

/** A test for each scenario that this rig is able to show. */
export function runScenarios(scenarios: readonly Scenario[], rig: Rig): void {
  for (const { id, name, run } of scenarios.filter((scenario) => lacking(scenario, rig).length === 0))
    it(`${id}: ${name}`, () => onBench(rig.options, (bench) => run(bench, rig)), scenarioMs);
}

/** The ids of those that it is not able to show, and for want of what. */
export function leftOut(scenarios: readonly Scenario[], rig: Rig): string[] {
  return scenarios
    .map((scenario) => ({ scenario, missing: lacking(scenario, rig) }))
    .filter(({ missing }) => missing.length > 0)
    .map(({ scenario, missing }) => `${scenario.id}: ${missing.join(', ')}`);
}

function lacking({ needs = [] }: Scenario, { options }: Rig): Need[] {
  return missingOf(needs, options);
}

async function onBench(options: ConformanceOptions, work: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = new Bench(options);
  try {
    await work(bench);
  } catch (error) {
    await bench.end().catch(() => undefined);
    throw error;
  }
  await bench.end();
}

// --- what several scenarios do ---------------------------------------------------------------------------------------

/** Numbered from 0. */
export function notes(event: Class<Note>, count: number): Note[] {
  return range(count).map((n) => Object.assign(new event(), { n }));
}

/** Cuts all connections; resolves when the manager has noticed, and again when it is ready. */
export async function cutAndBack(bench: Bench, manager: EventManager): Promise<void> {
  const lost = losing(manager);
  await bench.given.cut?.();
  await bench.time.until('the loss is noticed', lost);
  await bench.time.until('it is ready again', () => manager.health().ready, 30_000);
}

/** Whether the manager has lost its connection since this call. */
export function losing(manager: EventManager): () => boolean {
  let lost = false;
  manager.onStateChange(({ provider }) => {
    lost ||= provider === 'reconnecting';
  });
  return () => lost;
}

/** The provider, counting how often each delivery is settled. */
export function countingSettlements(provider: Provider, settled: Map<object, number>): Provider {
  const counted = (delivery: Delivery): Delivery => {
    settled.set(delivery, 0);
    return new Proxy(delivery, {
      get: (target, key) => {
        if (key !== 'settle') return Reflect.get(target, key, target) as unknown;
        return (outcome: Outcome) => {
          settled.set(target, (settled.get(target) ?? 0) + 1);
          return target.settle(outcome);
        };
      },
    });
  };
  return new Proxy(provider, {
    get: (target, key) => {
      if (key === 'subscribe')
        return (spec: SubscriptionSpec, deliver: (delivery: Delivery) => void) =>
          target.subscribe(spec, (delivery) => {
            deliver(counted(delivery));
          });
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** What a promise came to, and when, looked at by somebody who does not wait for it. */
export interface Fate<T> {
  over: boolean;
  value?: T;
  error?: unknown;
  /** Milliseconds since the epoch. */
  at?: number;
}

export function fateOf<T>(promise: Promise<T>): Fate<T> {
  const fate: Fate<T> = { over: false };
  promise.then(
    (value) => Object.assign(fate, { over: true, value, at: Date.now() }),
    (error: unknown) => Object.assign(fate, { over: true, error, at: Date.now() }),
  );
  return fate;
}
