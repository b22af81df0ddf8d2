import type { Failure, FailurePolicy, Verdict } from '../core/failure-policy.js';
import type { CopyOutcome, SubscriptionSpec, WireMessage } from '../core/provider.js';
import { isUnanswered } from './unanswered.js';

export interface ResponderPolicyOptions {
  /** Of the listener's events. */
  readonly usual: FailurePolicy;
  /** Whether the listener says that requests are retried too. */
  readonly retries: boolean;
  /** Whether the listener says what becomes of what fails. */
  readonly archives: boolean;
}

const accept = Object.freeze({ do: 'accept' });

/**
 * Whoever sent a request waits for its answer, and can repeat it: a failure is told to him at once, and neither retried nor archived, unless
 * the listener says so. What cannot be read is told and archived: somebody has to look at it.
 */
export class ResponderPolicy implements FailurePolicy {
  readonly maxAttempts: number;
  readonly maxRequestAttempts: number;
  readonly #options: ResponderPolicyOptions;

  constructor(options: ResponderPolicyOptions) {
    this.#options = options;
    this.maxAttempts = options.usual.maxAttempts;
    this.maxRequestAttempts = options.retries ? options.usual.maxAttempts : 1;
  }

  decide(failure: Failure): Verdict {
    const { usual, retries, archives } = this.#options;
    const { message, reason, error, listener } = failure;
    const verdict = usual.decide(failure);
    if (message.replyTo === undefined || listener.hears !== 'events' || reason !== undefined) return verdict;
    if (verdict.fate === 'stopped' || (verdict.fate === 'archived' && archives)) return verdict;
    // Nothing is known of a request whose answer did not get through: it is handled again.
    if (verdict.fate === 'retried' && (retries || isUnanswered(error))) return verdict;
    return { fate: 'answered', outcome: accept, counts: false };
  }

  renew(message: WireMessage, spec: SubscriptionSpec): CopyOutcome {
    return this.#options.usual.renew(message, spec);
  }
}
