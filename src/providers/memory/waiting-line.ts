import { Fifo } from './fifo.js';
import type { QueueEntry } from './queue-entry.js';

/**
 * Messages of one priority that nobody holds, by their places. What came back from a holder is kept beside what never left, so that
 * neither coming back nor going out moves a long queue.
 */
export class WaitingLine {
  readonly #fresh = new Fifo<QueueEntry>();
  readonly #back = new Fifo<QueueEntry>();

  get size(): number {
    return this.#back.size + this.#fresh.size;
  }

  get first(): QueueEntry | undefined {
    return earlier(this.#back.at(0), this.#fresh.at(0));
  }

  /** Stands behind all others: its place must be the highest. */
  push(entry: QueueEntry): void {
    this.#fresh.push(entry);
  }

  /** Stands at its place, wherever that is. */
  insert(entry: QueueEntry): void {
    const last = this.#fresh.at(this.#fresh.size - 1);
    if (last === undefined || last.order < entry.order) this.push(entry);
    else this.putBack(entry);
  }

  /** Stands again where it stood. */
  putBack(entry: QueueEntry): void {
    this.#back.insert(indexAfter(this.#back, entry.order), entry);
  }

  shift(): QueueEntry | undefined {
    // The usual case, for each message.
    if (this.#back.size === 0) return this.#fresh.shift();
    return (this.first === this.#fresh.at(0) ? this.#fresh : this.#back).shift();
  }

  /** The first one whose place is behind this one. */
  after(order: number): QueueEntry | undefined {
    return earlier(this.#back.at(indexAfter(this.#back, order)), this.#fresh.at(indexAfter(this.#fresh, order)));
  }

  /** False when it does not wait here. */
  remove(entry: QueueEntry): boolean {
    for (const part of [this.#back, this.#fresh]) {
      const index = indexAfter(part, entry.order) - 1;
      if (part.at(index) !== entry) continue;
      part.removeAt(index);
      return true;
    }
    return false;
  }

  toArray(): QueueEntry[] {
    const fresh = this.#fresh.toArray();
    return this.#back.size === 0 ? fresh : [...this.#back.toArray(), ...fresh].sort((a, b) => a.order - b.order);
  }
}

function earlier(a: QueueEntry | undefined, b: QueueEntry | undefined): QueueEntry | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.order < b.order ? a : b;
}

/** How many stand at this place or before it. */
function indexAfter(part: Fifo<QueueEntry>, order: number): number {
  let low = 0;
  let high = part.size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((part.at(middle)?.order ?? Infinity) <= order) low = middle + 1;
    else high = middle;
  }
  return low;
}
