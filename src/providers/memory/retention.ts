import type { Clock } from '../../core/clock.js';
import type { ArchiveBounds } from '../../core/provider.js';
import type { Agenda, AgendaItem } from './agenda.js';
import type { MemoryQueue } from './memory-queue.js';

/**
 * Keeps archives within their bounds. Only what waits is counted and dropped: what somebody holds is looked at when it comes
 * back. All of a queue has one age, so that the one that came first is the next to go, whatever its priority.
 */
export class Retention {
  readonly #clock: Clock;
  readonly #agenda: Agenda;

  constructor(clock: Clock, agenda: Agenda) {
    this.#clock = clock;
    this.#agenda = agenda;
  }

  /** From now on, for what is there already too. */
  apply(queue: MemoryQueue, bounds: ArchiveBounds): void {
    queue.bounds = bounds;
    if (queue.expiry !== undefined) this.#agenda.remove(queue.expiry);
    queue.expiry = undefined;
    this.enforce(queue);
  }

  /** Has to be called for all that comes, and comes back, to the line. */
  enforce(queue: MemoryQueue): void {
    if (queue.bounds === undefined) return;
    const { maxCount, maxAgeMs } = queue.bounds;
    const now = this.#clock.now();
    while (queue.waitingCount > maxCount) queue.dropOldest();
    for (let first = queue.oldest; first !== undefined && first.since + maxAgeMs <= now; first = queue.oldest) queue.dropOldest();
    if (queue.oldest !== undefined && queue.expiry === undefined) this.#expireLater(queue, queue.oldest.since + maxAgeMs);
  }

  #expireLater(queue: MemoryQueue, at: number): void {
    const item: AgendaItem = {
      at,
      keepsAlive: false,
      run: () => {
        queue.expiry = undefined;
        this.enforce(queue);
      },
    };
    queue.expiry = item;
    this.#agenda.add(item);
  }
}
