import { runState } from './run-state.js';

interface Totals {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

/** Keeps the totals for globalTeardown, which speaks last. A file that could not be loaded counts as one failure. */
export default class TotalsReporter {
  onRunComplete(_contexts: unknown, result: Totals): void {
    runState().totals = {
      passed: result.numPassedTests,
      failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
      skipped: result.numPendingTests + result.numTodoTests,
    };
  }
}
