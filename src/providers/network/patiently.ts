import type { Clock } from '../../core/clock.js';

/** Resolves when `work` has ended, well or not, or the time is over. */
export function patiently(clock: Clock, timeoutMs: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.schedule(Math.max(0, timeoutMs), resolve);
    const ended = (): void => {
      timer.cancel();
      resolve();
    };
    work.then(ended, ended);
  });
}
