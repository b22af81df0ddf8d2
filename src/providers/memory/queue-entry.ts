import type { StoredMessage } from './memory-message.js';

/** One message in one queue. */
export class QueueEntry {
  readonly message: StoredMessage;
  /** How many of its deliveries ended with a lost connection. */
  losses = 0;
  /** Its place in the queue. */
  order = 0;
  /** When it came to its place, in milliseconds since the epoch. */
  since = 0;

  constructor(message: StoredMessage) {
    this.message = message;
  }
}
