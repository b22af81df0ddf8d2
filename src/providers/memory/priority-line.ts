import type { QueueEntry } from './queue-entry.js';
import { WaitingLine } from './waiting-line.js';

const usual = 4;
const highest = 9;

/** Messages that nobody holds: those of a higher priority first, those of one priority by their places. */
export class PriorityLine {
  readonly #usual = new WaitingLine();
  /** Highest first, once there was a message of another priority than the usual one. */
  #levels: readonly WaitingLine[] | undefined;

  get size(): number {
    return this.#levels === undefined ? this.#usual.size : this.#levels.reduce((sum, { size }) => sum + size, 0);
  }

  /** The next to be handed out. */
  get first(): QueueEntry | undefined {
    return this.#levels === undefined ? this.#usual.first : this.#highest?.first;
  }

  /** The one at the foremost place, whatever its priority. */
  get oldest(): QueueEntry | undefined {
    return this.#levels === undefined ? this.#usual.first : foremost(this.#levels.map(({ first }) => first));
  }

  /** Its place must be behind all others. */
  push(entry: QueueEntry): void {
    this.#lineOf(entry).push(entry);
  }

  /** Stands at its place, wherever that is. */
  insert(entry: QueueEntry): void {
    this.#lineOf(entry).insert(entry);
  }

  /** Stands again where it stood. */
  putBack(entry: QueueEntry): void {
    this.#lineOf(entry).putBack(entry);
  }

  shift(): QueueEntry | undefined {
    return this.#levels === undefined ? this.#usual.shift() : this.#highest?.shift();
  }

  /** The oldest one whose place is behind this one. */
  after(order: number): QueueEntry | undefined {
    return this.#levels === undefined ? this.#usual.after(order) : foremost(this.#levels.map((line) => line.after(order)));
  }

  /** False when it does not wait here. */
  remove(entry: QueueEntry): boolean {
    return this.#lineOf(entry).remove(entry);
  }

  /** Oldest first. */
  toArray(): QueueEntry[] {
    if (this.#levels === undefined) return this.#usual.toArray();
    return byPlace(this.#levels.flatMap((line) => line.toArray()));
  }

  get #highest(): WaitingLine | undefined {
    return this.#levels?.find(({ size }) => size > 0);
  }

  #lineOf({ message: { priority = usual } }: QueueEntry): WaitingLine {
    if (priority === usual) return this.#usual;
    this.#levels ??= Array.from({ length: highest + 1 }, (_, at) => (highest - at === usual ? this.#usual : new WaitingLine()));
    return this.#levels[highest - priority] ?? this.#usual;
  }
}

/** Whether one is handed out before the other. */
export function isBefore(one: QueueEntry, other: QueueEntry): boolean {
  const [mine, its] = [one.message.priority ?? usual, other.message.priority ?? usual];
  return mine > its || (mine === its && one.order < other.order);
}

/** The one whose place is foremost. */
export function foremost(entries: readonly (QueueEntry | undefined)[]): QueueEntry | undefined {
  return entries.reduce(
    (best, entry) => (best === undefined || (entry !== undefined && entry.order < best.order) ? entry : best),
    undefined,
  );
}

export function byPlace(entries: QueueEntry[]): QueueEntry[] {
  return entries.sort((a, b) => a.order - b.order);
}
