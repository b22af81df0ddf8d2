import type { Clock } from '../../core/clock.js';

/** Lets one wait until something has happened. */
export class Stirring {
  #wake: (() => void) | undefined;

  /** Something has happened. */
  stir(): void {
    this.#wake?.();
  }

  /** True when something has happened, false when the time was over first. */
  within(clock: Clock, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (stirred: boolean): void => {
        this.#wake = undefined;
        timer.cancel();
        resolve(stirred);
      };
      const timer = clock.schedule(timeoutMs, () => {
        end(false);
      });
      this.#wake = () => {
        end(true);
      };
    });
  }
}
