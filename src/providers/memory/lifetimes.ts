import type { Clock } from '../../core/clock.js';
import type { Agenda, AgendaItem } from './agenda.js';
import type { MemoryQueue } from './memory-queue.js';
import type { QueueEntry } from './queue-entry.js';

/** Holds messages until their time, and drops those that nobody has taken by theirs. A message without either costs nothing. */
export class Lifetimes {
  readonly #clock: Clock;
  readonly #agenda: Agenda;

  constructor(clock: Clock, agenda: Agenda) {
    this.#clock = clock;
    this.#agenda = agenda;
  }

  /** `due` is called at the time, unless it is dropped before. */
  delay(queue: MemoryQueue, entry: QueueEntry, at: number, due: () => void): void {
    const run = (): void => {
      queue.delayed.delete(entry);
      entry.delay = undefined;
      due();
    };
    entry.delay = { at, keepsAlive: true, run };
    queue.delayed.add(entry);
    this.#agenda.add(entry.delay);
  }

  /** From then on it is gone, wherever in its queue it is. What is out with a consumer stays there. */
  end(queue: MemoryQueue, entry: QueueEntry, at: number): void {
    const run = (): void => {
      if (!this.undelay(queue, entry) && !queue.lift(entry)) return;
      queue.count--;
      queue.expired++;
    };
    const item: AgendaItem = { at, keepsAlive: false, run };
    entry.end = item;
    if (at <= this.#clock.now()) run();
    else this.#agenda.add(item);
  }

  /** Waits no more for its time; false when it did not. It stays counted. */
  undelay(queue: MemoryQueue, entry: QueueEntry): boolean {
    if (entry.delay === undefined) return false;
    this.#agenda.remove(entry.delay);
    entry.delay = undefined;
    return queue.delayed.delete(entry);
  }

  /** It stands in its queue again: too late, perhaps. */
  returned(entry: QueueEntry): void {
    if (entry.end !== undefined && entry.end.at <= this.#clock.now()) entry.end.run();
  }

  /** It has left its queue. */
  gone(entry: QueueEntry): void {
    if (entry.end !== undefined) this.#agenda.remove(entry.end);
  }
}
