import { describe } from '@jest/globals';
import { ownBrokerVariable } from './run-state.js';

/** For tests that kill or freeze a broker: skipped, and counted so, where this machine can start none. */
export function describeOwnBroker(name: string, tests: () => void): void {
  if (process.env[ownBrokerVariable] === undefined) describe.skip(name, tests);
  else describe(name, tests);
}
