import { describe } from '@jest/globals';
import { ownBrokerVariable } from './run-state.js';

/** For tests that kill or freeze a broker: skipped, and counted so, where this machine can start none. */
export function describeOwnBroker(name: string, tests: () => void): void {
  if (canOwnBroker()) describe(name, tests);
  else describe.skip(name, tests);
}

export function canOwnBroker(): boolean {
  return process.env[ownBrokerVariable] !== undefined;
}
