import { AsyncLocalStorage } from 'node:async_hooks';
import type { Run } from './run.js';

// Shared by all managers of this copy, so that an event bridged from one to another stays in its conversation. It costs
// nothing before the first manager with `context: 'ambient'` handles an event.
const storage = new AsyncLocalStorage<Run | undefined>();

/** Runs `handle(run)` so that everything it starts knows the run. */
export function runWithin(run: Run, handle: (run: Run) => void): void {
  storage.run(run, handle, run);
}

/** Runs `work()` so that nothing it starts belongs to a run. */
export function runApart<T>(work: () => T): T {
  return storage.getStore() === undefined ? work() : storage.run(undefined, work);
}

/** The run whose listener or pipelines are calling. None once it is settled: what a listener leaves behind has no cause. */
export function currentRun(): Run | undefined {
  const run = storage.getStore();
  return run === undefined || run.ended ? undefined : run;
}
