import type { QueueEntry } from './queue-entry.js';

/** Who takes from a queue. */
export interface QueueConsumer {
  readonly serviceName: string;
  readonly hasCredit: boolean;
  take(entry: QueueEntry): void;
}
