import type { EventListenerDescriptor } from './descriptors.js';
import type { Envelope } from './envelope.js';
import type { SendEvent } from './sending.js';

/** What a listener is told about the event it handles. */
export interface EventContext {
  readonly envelope: Envelope;
  readonly listener: EventListenerDescriptor;
  /** 1, 2, ...: counts failures of this listener, over processes and restarts; a crash is none. */
  readonly attempt: number;
  /** After so many failed attempts the event goes to the archive. */
  readonly maxAttempts: number;
  readonly firstFailureAt?: Date | undefined;
  /** Aborts at the listener's `timeoutMs`, and at the end of `stop()`'s deadline; what the listener does after that is ignored and the event comes again. */
  readonly signal: AbortSignal;
  /** Sends an event caused by this one. Sends that are not awaited are awaited before this event is settled. */
  readonly sendEvent: SendEvent;
}
