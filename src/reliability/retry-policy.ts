import { randomUUID } from 'node:crypto';
import { isPutBack, roundOf } from '../core/attempt.js';
import { describe, errorName, RetryLater, Unrecoverable } from '../core/errors.js';
import type { ArchiveReason, Failure, FailurePolicy } from '../core/failure-policy.js';
import { cloudEventsAttribute, wire } from '../core/headers.js';
import type { CopyOutcome } from '../core/provider.js';

export interface RetryOptions {
  /** Attempts after the first. */
  maxRetries: number;
  initialDelayMs: number;
  factor: number;
  maxDelayMs: number;
  /** 'full': a random delay from 0 to the computed one, so that what failed together does not come back together. */
  jitter: 'full' | 'none';
}

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

/** The last moment a Date can say. */
const latest = 8.64e15;
const longestMessage = 1000;
const longestStack = 4000;

/**
 * A failed attempt becomes a copy that the broker holds until the next one; the last becomes a copy in the archive. What cannot be read
 * goes there at once. The number of the attempt travels with the copy, so that it is exact over processes and restarts.
 */
export class RetryPolicy implements FailurePolicy {
  readonly #options: Readonly<RetryOptions>;
  readonly #random: () => number;

  constructor(options: Readonly<RetryOptions> = defaultRetry, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  get maxAttempts(): number {
    return this.#options.maxRetries + 1;
  }

  decide(failure: Failure): CopyOutcome {
    if (failure.receiptFailure !== undefined) return archived(failure, failure.receiptFailure);
    const over = failure.attempt >= this.maxAttempts || Unrecoverable.is(failure.error);
    return over ? archived(failure, 'failed') : this.#retried(failure);
  }

  #retried(failure: Failure): CopyOutcome {
    const { error, message, attempt, now } = failure;
    const delayMs = RetryLater.is(error) ? error.delayMs : retryDelayMs(attempt, this.#options, this.#random);
    return {
      do: 'copy',
      to: 'self',
      headers: {
        ...(isPutBack(message.headers) ? withoutError : undefined),
        ...identified(failure),
        [wire.attempt]: String(attempt + 1),
        [wire.firstFailureAt]: firstFailureAt(failure),
      },
      notBefore: new Date(Math.min(now + delayMs, latest)),
      ...dedupeId(failure, message.headers.get(wire.tidingsId)),
    };
  }
}

function archived(failure: Failure, reason: ArchiveReason): CopyOutcome {
  const { error, message, attempt, listener, spec, now } = failure;
  return {
    do: 'copy',
    to: 'archive',
    headers: {
      ...identified(failure),
      [wire.errorReason]: reason,
      [wire.errorClass]: error instanceof Error ? errorName(error) : typeof error,
      [wire.errorMessage]: describe(error).slice(0, longestMessage).toWellFormed(),
      [wire.errorStack]: stackOf(error),
      [wire.errorListener]: listener.name,
      [wire.errorAttempts]: String(attempt),
      [wire.errorAt]: new Date(now).toISOString(),
      [wire.firstFailureAt]: firstFailureAt(failure),
      [wire.originQueue]: `${spec.event}::${spec.queue}`,
    },
    ...dedupeId(failure, message.headers.get(wire.tidingsId)),
  };
}

function firstFailureAt({ message, now }: Failure): string {
  return message.headers.get(wire.firstFailureAt) ?? new Date(now).toISOString();
}

/** The stack is what the engine or a hook of the user's made of it: not always a text. */
function stackOf(error: unknown): string | undefined {
  const stack: unknown = error instanceof Error ? error.stack : undefined;
  return typeof stack === 'string' ? stack.slice(0, longestStack).toWellFormed() : undefined;
}

/** Which event this is a copy of, and in which round. A foreign message gets an id of ours with its first copy. */
function identified({ id, correlationId, message: { headers } }: Failure): Record<string, string> {
  const round = roundOf(headers);
  return {
    ...(headers.has(wire.tidingsId) ? undefined : { [wire.tidingsId]: randomUUID() }),
    // What only the protocol's own fields said is said in ours from now on, so that it stays the same over all attempts.
    ...(cloudEventsAttribute(headers, wire.id) === undefined ? { [wire.id]: id } : undefined),
    ...(cloudEventsAttribute(headers, wire.correlationId) === undefined ? { [wire.correlationId]: correlationId } : undefined),
    ...(round === 0 ? undefined : { [wire.round]: String(round) }),
  };
}

/** What an event that was put back from the archive leaves behind with its first retry. */
const withoutError: Readonly<Record<string, undefined>> = Object.freeze({
  [wire.errorReason]: undefined,
  [wire.errorClass]: undefined,
  [wire.errorMessage]: undefined,
  [wire.errorStack]: undefined,
  [wire.errorListener]: undefined,
  [wire.errorAttempts]: undefined,
  [wire.errorAt]: undefined,
  [wire.originQueue]: undefined,
});

/**
 * One cache of ids serves an address and all its queues, so the id of a copy names the queue, the round and the attempt that failed.
 * A foreign message is copied without one the first time: its own id may not be unique.
 */
function dedupeId({ message, attempt, spec }: Failure, tidingsId: string | undefined): { dedupeId?: string } {
  if (tidingsId === undefined) return {};
  return { dedupeId: `${tidingsId}#${spec.queue}#${String(roundOf(message.headers))}.${String(attempt)}` };
}
