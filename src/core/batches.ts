import { runApart } from './ambient.js';
import type { Clock } from './clock.js';
import type { Deadlines, Expiring } from './deadlines.js';
import type { BatchOptions } from './descriptors.js';
import { BatchError, TidingsError } from './errors.js';
import type { EventContext } from './event-context.js';
import type { Run } from './run.js';
import type { Tap } from './tap.js';

export interface BatchesParts {
  readonly options: BatchOptions;
  readonly timeoutMs: number | undefined;
  readonly tap: Tap;
  /** The listener's `on`. */
  readonly call: (events: object[], contexts: EventContext[]) => Promise<void>;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
}

interface Item {
  readonly run: Run;
  readonly event: object;
  readonly succeed: () => void;
  readonly fail: (error: unknown) => void;
}

/** Events that are handed over together. */
class Batch implements Expiring {
  readonly items: Item[] = [];
  readonly at: number;
  readonly expire: () => void;
  /** To be handed over as soon as there is a place, full or not. */
  due = false;

  constructor(at: number, expire: () => void) {
    this.at = at;
    this.expire = expire;
  }
}

/**
 * Gathers the events of a listener that wants several at once. A batch is handed over when it is full, when its first event has waited for
 * `maxAgeMs`, and at once when no more will come; while as many run as may, it fills up. Each event comes to an end of its own.
 */
export class Batches {
  readonly #parts: BatchesParts;
  #filling: Batch | undefined;
  readonly #full: Batch[] = [];
  #running = 0;

  constructor(parts: BatchesParts) {
    this.#parts = parts;
  }

  /** Resolves when the listener has handled the event, rejects with what is wrong with it. */
  join(run: Run, event: object): Promise<void> {
    return new Promise((succeed, fail) => {
      // Left to others while it came through its pipelines.
      if (run.ended) {
        fail(leftToOthers());
        return;
      }
      const batch = (this.#filling ??= this.#begun());
      batch.items.push({ run, event, succeed, fail });
      if (batch.items.length >= this.#parts.options.size) this.#close(batch);
      else if (!this.#parts.tap.isOpen) this.hurry();
    });
  }

  /** No more will come for now. */
  hurry(): void {
    if (this.#filling === undefined) return;
    this.#filling.due = true;
    this.handOver();
  }

  /** All were left to others: those that have not been handed over never are. */
  abandoned(): void {
    const filling = this.#filling;
    this.#filling = undefined;
    if (filling !== undefined) this.#parts.deadlines.remove(filling, filling.at);
    for (const { items } of [...this.#full.splice(0), ...(filling === undefined ? [] : [filling])])
      for (const { fail } of items) fail(leftToOthers());
  }

  /** Hands over what there is a place for. */
  handOver(): void {
    while (this.#running < this.#most) {
      if (this.#full.length === 0 && this.#filling?.due === true) {
        this.#close(this.#filling);
        return;
      }
      const batch = this.#full.shift();
      if (batch === undefined) return;
      this.#running++;
      // No event of several is the cause of what is sent meanwhile: `contexts` tell which one is.
      void runApart(() => this.#handle(batch));
    }
  }

  #begun(): Batch {
    const { options, clock, deadlines } = this.#parts;
    const batch: Batch = new Batch(clock.now() + options.maxAgeMs, () => {
      batch.due = true;
      this.handOver();
    });
    deadlines.add(batch, batch.at);
    return batch;
  }

  #close(batch: Batch): void {
    this.#filling = undefined;
    this.#parts.deadlines.remove(batch, batch.at);
    this.#full.push(batch);
    this.handOver();
  }

  /** The tap counts events. */
  get #most(): number {
    const { tap, options } = this.#parts;
    return Math.ceil(tap.concurrency / options.size);
  }

  async #handle({ items }: Batch): Promise<void> {
    const place = this.#place(items);
    try {
      await this.#parts.call(
        items.map(({ event }) => event),
        items.map(({ run }) => run),
      );
      for (const { succeed } of items) succeed();
    } catch (error) {
      failed(items, error);
    } finally {
      place.leave();
    }
  }

  /** In time, or when its time is up. */
  #place(items: readonly Item[]): { leave: () => void } {
    const { timeoutMs, clock, deadlines } = this.#parts;
    let taken = true;
    const free = (): void => {
      if (!taken) return;
      taken = false;
      this.#running--;
      this.handOver();
    };
    if (timeoutMs === undefined) return { leave: free };
    const at = clock.now() + timeoutMs;
    const entry: Expiring = {
      expire: () => {
        for (const { run } of items) run.expire();
        free();
      },
    };
    deadlines.add(entry, at);
    return {
      leave: () => {
        deadlines.remove(entry, at);
        free();
      },
    };
  }
}

/** For pipelines: what comes of it is ignored. */
function leftToOthers(): TidingsError {
  return new TidingsError('not-running', 'its listener was stopped before the batch was handed over: it is left to others', {
    retryable: true,
  });
}

/** Those that the error names fail with what it says of them; with any other error all do. */
function failed(items: readonly Item[], error: unknown): void {
  const failures = BatchError.is(error) ? error.failures : undefined;
  const isSound = failures?.every(({ index }) => items[index] !== undefined) === true;
  for (const [index, { succeed, fail }] of items.entries()) {
    const failure = isSound ? failures.find((each) => each.index === index) : { error };
    if (failure === undefined) succeed();
    else fail(failure.error);
  }
}
