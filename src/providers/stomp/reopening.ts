import type { Clock, Timer } from '../../core/clock.js';

const firstMs = 100;
/** A connection that lived so long was a good one: the next attempts begin with the shortest delay again. */
const goodLifeMs = 5_000;

/** When the connection of a listener is tried again: after a while that grows. */
export class Reopening {
  readonly #clock: Clock;
  readonly #maxDelayMs: number;
  #timer: Timer | undefined;
  #delayMs = firstMs;

  constructor(clock: Clock, maxDelayMs: number) {
    this.#clock = clock;
    this.#maxDelayMs = maxDelayMs;
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  /** The next attempt is a first one. */
  reset(): void {
    this.#delayMs = firstMs;
  }

  lostAfter(livedMs: number): void {
    if (livedMs >= goodLifeMs) this.reset();
  }

  later(attempt: () => void): void {
    this.#timer = this.#clock.schedule(this.#delayMs, () => {
      this.#timer = undefined;
      attempt();
    });
    this.#delayMs = Math.min(2 * this.#delayMs, this.#maxDelayMs);
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
