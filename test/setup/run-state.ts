import type { TestBroker } from '../../src/testing/test-broker.js';
import type { Toolchain } from './toolchain.js';

/** Test files that do not run, and why. */
export interface LeftOut {
  readonly files: number;
  /** "an Artemis broker", "Python programs": what they need. */
  readonly need: string;
  readonly remedies: readonly string[];
}

/** What the parts of one run in the parent process tell each other, and, by the environment, the workers. */
interface RunState {
  /** Set by globalSetup: the broker that it started. */
  broker?: TestBroker;
  /** Whether any test file that runs talks to a broker. */
  brokerWanted: boolean;
  /** What the test files that run need beside it. */
  toolchainsWanted: readonly Toolchain[];
  leftOut: readonly LeftOut[];
  /** Set when all tests are through. */
  totals?: { readonly passed: number; readonly failed: number; readonly skipped: number };
}

const key = Symbol.for('tidings.test.run');
const holder = globalThis as unknown as Record<symbol, RunState | undefined>;

export function runState(): RunState {
  return (holder[key] ??= { brokerWanted: false, toolchainsWanted: [], leftOut: [] });
}

/** In the environment of the workers: whether this machine can start brokers for tests that kill them. */
export const ownBrokerVariable = 'TIDINGS_TEST_OWN_BROKER';
