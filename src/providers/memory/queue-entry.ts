import type { Listed } from '../../core/roll.js';
import type { AgendaItem } from './agenda.js';
import type { StoredMessage } from './memory-message.js';

/** Messages of one group that are with its consumer. */
export interface Group {
  out: number;
}

/** One message in one queue. */
export class QueueEntry implements Listed<QueueEntry> {
  readonly message: StoredMessage;
  /** How many of its deliveries ended with a lost connection. */
  losses = 0;
  /** Its place in the queue. */
  order = 0;
  /** When it came to its place, in milliseconds since the epoch. */
  since = 0;
  /** Its group, while it is out. */
  group: Group | undefined;
  roll: object | undefined;
  before: QueueEntry | undefined;
  after: QueueEntry | undefined;
  /** What ends its delay. */
  delay: AgendaItem | undefined;
  /** What drops it, unless somebody has taken it by then. */
  end: AgendaItem | undefined;

  constructor(message: StoredMessage) {
    this.message = message;
  }
}
