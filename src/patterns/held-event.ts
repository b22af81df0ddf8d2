import { Deferred } from '../core/deferred.js';
import { RetryLater, TidingsError, Unrecoverable } from '../core/errors.js';
import type { EventContext } from '../core/event-context.js';
import type { Settlement } from '../core/provider.js';
import type { Run } from '../core/run.js';

/**
 * An event that was read and is not settled yet. The first of its methods counts; a further one resolves as that does: with 'settled', or
 * with 'stale' where its connection was lost or it went back to its queue before. Then it comes again: to the same stream after a lost
 * connection only to be settled as was said, without being read twice; to anybody else as if it had never come. They may be taken off the
 * object, and never reject.
 */
export interface HeldEvent<E extends object> {
  readonly event: E;
  /** Its signal aborts when the event goes back to its queue. */
  readonly context: EventContext;
  /** Done. */
  readonly accept: () => Promise<Settlement>;
  /**
   * A failed attempt: comes again as `retry` of the options says, or after so many milliseconds; when all are used up, archived. Throws
   * 'configuration' for a delay that is no number of milliseconds, 0 or more.
   */
  readonly retry: (delayMs?: number) => Promise<Settlement>;
  /** To the archive, with this reason. */
  readonly archive: (reason: string) => Promise<Settlement>;
}

export class Held<E extends object> implements HeldEvent<E> {
  readonly event: E;
  readonly context: EventContext;
  readonly #run: Run;
  /** By the reader, or given back. */
  #isSaid = false;
  readonly #outcome = new Deferred<void>();
  readonly #settled = new Deferred<Settlement>();

  constructor(event: E, run: Run) {
    this.event = event;
    this.context = run;
    this.#run = run;
    run.onSettled = (settled) => {
      this.#settled.resolve(settled ? 'settled' : 'stale');
      // Left to others: the run has ended, whatever is said now.
      if (!settled) this.#outcome.reject(givenBack);
    };
  }

  /** What becomes of its run. */
  get outcome(): Promise<void> {
    return this.#outcome.promise;
  }

  get settled(): Promise<Settlement> {
    return this.#settled.promise;
  }

  readonly accept = (): Promise<Settlement> => {
    this.#isSaid = true;
    this.#outcome.resolve();
    return this.settled;
  };

  readonly retry = (delayMs?: number): Promise<Settlement> => {
    const { type } = this.context.envelope;
    const error =
      // Like any that a listener throws: only a delay that was said goes before that of the options.
      delayMs === undefined ? new Error(`retry() of ${type} was called by whoever read it`) : new RetryLater(delayMs);
    this.#isSaid = true;
    this.#outcome.reject(error);
    return this.settled;
  };

  readonly archive = (reason: string): Promise<Settlement> => {
    this.#isSaid = true;
    this.#outcome.reject(new Unrecoverable(reason));
    return this.settled;
  };

  giveBack(): void {
    if (this.#isSaid) return;
    this.#isSaid = true;
    this.#run.unwanted = true;
    this.#outcome.reject(givenBack);
  }
}

/** What pipelines see of one that nobody wants to handle any more. */
const givenBack = new TidingsError('not-running', 'whoever read it has ended: it goes back to its queue', { retryable: true });
