import type { Class, OnError, RetryOptions } from '../core/descriptors.js';
import { RetryLater, TidingsError, Unrecoverable } from '../core/errors.js';
import type { Failure, FailurePolicy, Verdict } from '../core/failure-policy.js';
import type { CopyOutcome, SubscriptionSpec, WireMessage } from '../core/provider.js';
import { archiveCopy, renewedCopy, retryCopy } from './copies.js';

export const defaultRetry: Readonly<RetryOptions> = Object.freeze({
  maxRetries: 10,
  initialDelayMs: 1000,
  factor: 2,
  maxDelayMs: 600_000,
  jitter: 'full',
});

/**
 * Before retry n: `min(maxDelayMs, initialDelayMs * factor^(n-1))`, or with full jitter a random time from 0 to that (as in
 * "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export function retryDelayMs(retry: number, options: Readonly<RetryOptions>, random: () => number = Math.random): number {
  const ceiling = Math.min(options.maxDelayMs, options.initialDelayMs * options.factor ** (retry - 1));
  // 0 times infinity is no number.
  return Math.round(options.jitter === 'full' ? random() * ceiling : ceiling) || 0;
}

/** Whether any of these retries would have to be held back. */
export function waits({ maxRetries, initialDelayMs, maxDelayMs }: Readonly<RetryOptions>): boolean {
  return maxRetries > 0 && Math.min(initialDelayMs, maxDelayMs) > 0;
}

export interface RetryPolicyOptions {
  readonly retry?: Readonly<RetryOptions>;
  readonly onError?: OnError | undefined;
  readonly unrecoverable?: readonly Class[] | undefined;
  /**
   * Whether the broker holds events back (capability 'delay').
   * @default true
   */
  readonly delays?: boolean;
}

const accept = Object.freeze({ do: 'accept' });
const leave = Object.freeze({ do: 'return' });

/**
 * A failed attempt becomes a copy that the broker holds until the next one; the last becomes a copy in the archive. What cannot be read
 * goes there at once. The number of the attempt travels with the copy, so that it is exact over processes and restarts.
 */
export class RetryPolicy implements FailurePolicy {
  readonly #retry: Readonly<RetryOptions>;
  readonly #onError: OnError;
  readonly #unrecoverable: readonly Class[];
  readonly #delays: boolean;
  readonly #random: () => number;

  constructor(options: RetryPolicyOptions = {}, random: () => number = Math.random) {
    this.#retry = options.retry ?? defaultRetry;
    this.#onError = options.onError ?? 'retry';
    this.#unrecoverable = options.unrecoverable ?? [];
    this.#delays = options.delays ?? true;
    this.#random = random;
  }

  get maxAttempts(): number {
    return this.#retry.maxRetries + 1;
  }

  decide(failure: Failure): Verdict {
    const { error, reason, attempt } = failure;
    if (reason !== undefined) return archived(failure, reason, false);
    if (this.#isHopeless(error)) return archived(failure, 'failed', false);
    const used = attempt >= this.maxAttempts;
    if (RetryLater.is(error)) return used ? archived(failure, 'failed', false) : this.#later(failure, error);
    if (this.#onError === 'discard') return { fate: 'discarded', outcome: accept, counts: true };
    if (this.#onError === 'stop') return { fate: 'stopped', outcome: leave, counts: false };
    if (used || this.#onError === 'archive') return archived(failure, 'failed', true);
    return retried(failure, retryDelayMs(attempt, this.#retry, this.#random), true);
  }

  renew(message: WireMessage, spec: SubscriptionSpec): CopyOutcome {
    return renewedCopy(message, spec);
  }

  /** Nobody else holds it back: waiting here would forget it with the process, and trying at once is what the listener did not want. */
  #later(failure: Failure, error: RetryLater): Verdict {
    if (this.#delays || failure.staysHere || error.delayMs === 0) return retried(failure, error.delayMs, false);
    const what = `RetryLater(${String(error.delayMs)}) needs a provider with the capability 'delay': the event is archived`;
    return archived({ ...failure, error: new TidingsError('not-supported', what, { cause: error }) }, 'failed', false);
  }

  #isHopeless(error: unknown): boolean {
    return Unrecoverable.is(error) || this.#unrecoverable.some((hopeless) => error instanceof hopeless);
  }
}

function archived(failure: Failure, reason: Parameters<typeof archiveCopy>[1], counts: boolean): Verdict {
  return { fate: 'archived', outcome: archiveCopy(failure, reason), counts };
}

function retried(failure: Failure, delayMs: number, counts: boolean): Verdict {
  return { fate: 'retried', outcome: retryCopy(failure, delayMs), counts };
}
