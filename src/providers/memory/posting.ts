import type { Routing } from '../../core/provider.js';
import type { StoredMessage } from './memory-message.js';
import type { MemoryQueue } from './memory-queue.js';

/** Why a broker did not take a message, in its own words. */
export interface Refusal {
  readonly code: 'send-refused' | 'permission' | 'queue-conflict';
  readonly reason: string;
}

/** Where a message goes: to an address, or into one queue of it alone. */
export interface Destination {
  readonly address: string;
  readonly routing: Routing;
  readonly queue?: MemoryQueue;
  /** Of an anycast address without a queue: dropped, and nothing made. */
  readonly ifThere?: boolean | undefined;
}

export interface Posting {
  readonly destination: Destination;
  readonly message: StoredMessage;
  readonly dedupeId: string | undefined;
  /** Milliseconds since the epoch. */
  readonly notBefore: number | undefined;
  /** Milliseconds since the epoch. Copies have none: what is retried or archived is not dropped. */
  readonly expiresAt: number | undefined;
}

/** Something sent that waits for what the broker says. */
export interface Transfer {
  readonly posting: Posting;
  confirmed(): void;
  refused(refusal: Refusal): void;
}
