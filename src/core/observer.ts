import type { EventDescriptor, EventListenerDescriptor } from './descriptors.js';
import type { Envelope } from './envelope.js';
import type { Fate } from './failure-policy.js';

/**
 * Is told what happened, after it happened: for tests, metrics, logs. Called synchronously on the way of each event; what an observer throws
 * is logged and changes nothing.
 */
export interface Observer {
  /** The broker has confirmed it. */
  sent?(fact: SentFact): void;
  /** The listener's promise was fulfilled and the delivery is settled. */
  handled?(fact: HandledFact): void;
  /** An attempt failed and what becomes of the event is done: written as another attempt or to the archive. */
  failed?(fact: FailedFact): void;
}

export interface SentFact {
  readonly envelope: Envelope;
  readonly event: EventDescriptor;
}

export interface HandledFact {
  readonly envelope: Envelope;
  readonly listener: EventListenerDescriptor;
  readonly attempt: number;
}

export interface FailedFact extends HandledFact {
  readonly error: unknown;
  /** What becomes of the event. */
  readonly fate: Fate;
  /** Whether it ended in the archive. */
  readonly archived: boolean;
}
