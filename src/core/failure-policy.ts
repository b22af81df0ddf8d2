import type { EventListenerDescriptor } from './descriptors.js';
import type { ReceiptFailure } from './incoming-envelope.js';
import type { CopyOutcome, SubscriptionSpec, WireMessage } from './provider.js';

/** Why an event went to the archive. */
export type ArchiveReason = ReceiptFailure | 'failed' | 'crashed' | 'expired';

/** One attempt that failed. */
export interface Failure {
  readonly error: unknown;
  /** Set when it is not the listener's failure, and no further attempt would change it. */
  readonly reason: Exclude<ArchiveReason, 'failed'> | undefined;
  /** The event's identity and its conversation's, however the message said them. */
  readonly id: string;
  readonly correlationId: string;
  /** The event's name, where its sender said one. */
  readonly type: string | undefined;
  /** The message as it was received. */
  readonly message: WireMessage;
  readonly attempt: number;
  readonly listener: EventListenerDescriptor;
  readonly spec: SubscriptionSpec;
  /** Where those are told who listen to faults of the event; undefined for them themselves. */
  readonly faults: string | undefined;
  /** Whether the next attempt is made here, soon, with the same delivery: the broker need not hold anything back. */
  readonly staysHere: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What becomes of an event whose attempt failed. */
export type Fate = Verdict['fate'];

export type Verdict = (
  | { readonly fate: 'retried' | 'archived'; readonly outcome: CopyOutcome }
  /** 'answered': a request, whose sender is told. */
  | { readonly fate: 'discarded' | 'answered'; readonly outcome: { readonly do: 'accept' } }
  /** The event stays on its queue, and the manager stops. */
  | { readonly fate: 'stopped'; readonly outcome: { readonly do: 'return' } }
) & {
  /** Whether it tells something about the listener, and not only about this event: then a breaker counts it. */
  readonly counts: boolean;
};

/** Decides about failed attempts of one listener. Pure: no timers, no I/O. */
export interface FailurePolicy {
  readonly maxAttempts: number;
  /** Of requests; absent: as of all others. */
  readonly maxRequestAttempts?: number;
  decide(failure: Failure): Verdict;
  /** The same attempt once more: for the broker a message of which no delivery was lost yet. */
  renew(message: WireMessage, spec: SubscriptionSpec): CopyOutcome;
}
