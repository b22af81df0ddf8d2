import type { Clock, Timer } from '../core/clock.js';
import type { Counters } from '../core/counters.js';
import type { BreakerOptions } from '../core/descriptors.js';
import type { Watch } from '../core/attempt-book.js';
import { describe } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { Tap } from '../core/tap.js';

export const defaultBreaker: Readonly<BreakerOptions> = Object.freeze({ failures: 20, pauseMs: 30_000 });

export interface BreakerParts {
  readonly options: Readonly<BreakerOptions>;
  readonly tap: Tap;
  /** Of the listener, for the log. */
  readonly event: string;
  readonly listener: string;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Pauses a listener when everything fails: an outage of what it works with must not use up the retries of its events and flood the archive.
 * So many failures in a row pause it; after the pause one event at a time is let through, and the first that tells success or failure ends
 * the pause or begins the next. What says something about its event only neither counts nor resets.
 */
export class Breaker implements Watch {
  readonly #parts: BreakerParts;
  #state: 'closed' | 'open' | 'probing' = 'closed';
  #inRow = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(parts: BreakerParts) {
    this.#parts = parts;
  }

  /** Whether it lets nothing through, or only one event at a time. */
  get tripped(): boolean {
    return this.#state !== 'closed';
  }

  succeeded(): void {
    this.#inRow = 0;
    if (this.#state === 'probing') this.#close();
  }

  failed(error: unknown): void {
    // What had begun before the pause tells nothing new.
    if (this.#state === 'open' || this.#stopped) return;
    if (++this.#inRow >= this.#parts.options.failures || this.#state === 'probing') this.#open(error);
  }

  /** Lets nothing through any more by itself. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #open(error: unknown): void {
    const { options, tap, event, listener, counters, logger, clock } = this.#parts;
    const { failures, pauseMs } = options;
    this.#state = 'open';
    counters.paused++;
    logger.warn(
      { event, listener, failures: this.#inRow, pauseMs, error: describe(error) },
      `every attempt of a listener fails: it is paused, then one event is tried. Its breaker is { failures: ${String(failures)}, pauseMs: ${String(pauseMs)} }; @eventListener(..., { breaker: false }) switches it off`,
    );
    void tap.shut('breaker');
    this.#timer = clock.schedule(pauseMs, () => {
      this.#state = 'probing';
      tap.trickle(true);
      tap.open('breaker');
    });
  }

  #close(): void {
    const { tap, event, listener, logger } = this.#parts;
    this.#state = 'closed';
    logger.info({ event, listener }, 'a listener that was paused succeeds again and goes on');
    tap.trickle(false);
  }
}
