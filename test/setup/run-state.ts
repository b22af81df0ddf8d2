import type { TestBroker } from '../../src/testing/test-broker.js';

/** What the parts of one run in the parent process tell each other, and, by the environment, the workers. */
interface RunState {
  /** Set by globalSetup: the broker that it started. */
  broker?: TestBroker;
  /** Whether any chosen test file talks to a broker. */
  brokerWanted: boolean;
  /** How many test files do not run because there is no broker. */
  filesLeftOut: number;
  /** Set when all tests are through. */
  totals?: { readonly passed: number; readonly failed: number; readonly skipped: number };
}

const key = Symbol.for('tidings.test.run');
const holder = globalThis as unknown as Record<symbol, RunState | undefined>;

export function runState(): RunState {
  return (holder[key] ??= { brokerWanted: false, filesLeftOut: 0 });
}

/** In the environment of the workers: whether this machine can start brokers for tests that kill them. */
export const ownBrokerVariable = 'TIDINGS_TEST_OWN_BROKER';
