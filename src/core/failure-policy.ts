import type { EventListenerDescriptor } from './descriptors.js';
import type { ReceiptFailure } from './incoming-envelope.js';
import type { CopyOutcome, SubscriptionSpec, WireMessage } from './provider.js';

/** Why an event went to the archive. */
export type ArchiveReason = ReceiptFailure | 'failed';

/** One attempt that failed. */
export interface Failure {
  readonly error: unknown;
  /** Set when the event could not even be read: no further attempt would change that. */
  readonly receiptFailure: ReceiptFailure | undefined;
  /** The event's identity and its conversation's, however the message said them. */
  readonly id: string;
  readonly correlationId: string;
  /** The message as it was received. */
  readonly message: WireMessage;
  readonly attempt: number;
  readonly listener: EventListenerDescriptor;
  readonly spec: SubscriptionSpec;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What becomes of a delivery whose attempt failed. Pure: no timers, no I/O. */
export interface FailurePolicy {
  readonly maxAttempts: number;
  decide(failure: Failure): CopyOutcome;
}
