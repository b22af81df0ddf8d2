import type { EventListenerDescriptor } from './descriptors.js';
import type { Envelope } from './envelope.js';
import type { Request, SendEvent } from './sending.js';

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
  /** Asks somebody, on behalf of this event. As `EventManager.request()`. */
  readonly request: Request;
  /**
   * Answers the request being handled: now, later, several times; what `on` returns is an answer too. Resolves when the broker has taken it.
   * Rejects with 'not-a-request' where nobody waits for an answer. Awaited before the request is settled, unless that has happened.
   */
  reply(value: object): Promise<void>;
}
