import type { Aborts } from '../core/aborts.js';
import { Deferred } from '../core/deferred.js';
import { TidingsError } from '../core/errors.js';
import type { Run } from '../core/run.js';
import { Held, type HeldEvent } from './held-event.js';
import type { OpenReading, Reading } from './reading.js';

export interface StreamParts {
  readonly open: OpenReading;
  /** Of several at once each is settled by itself. */
  readonly concurrency: number;
  readonly signal: AbortSignal | undefined;
  /** One signal may end many. */
  readonly aborts: Aborts;
}

type Next<E extends object> = IteratorResult<HeldEvent<E>, undefined>;

/**
 * The events of one subscription, one after the other. It is made by the first `next()`, or by `ready`, and ends with the loop. One at a time:
 * asking for the next one accepts the last. With a concurrency above 1 so many are out at once, and each is settled by itself.
 */
export class EventStream<E extends object> implements AsyncIterableIterator<HeldEvent<E>, undefined>, AsyncDisposable {
  readonly #parts: StreamParts;
  #opening: Promise<Reading> | undefined;
  #reading: Reading | undefined;
  /** They came, and nobody has asked for them yet. */
  readonly #waiting: Held<E>[] = [];
  readonly #out = new Set<Held<E>>();
  readonly #asking: Deferred<Next<E>>[] = [];
  /** Nothing more is handed out. */
  #over = false;
  #left: Promise<void> | undefined;
  /** Ends what is being opened. */
  readonly #leaving = new AbortController();
  #unwatch: (() => void) | undefined;

  /** For the manager. */
  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  /** Resolves when the broker has confirmed the subscription, which is made for it; rejects where it is refused. */
  get ready(): Promise<void> {
    return this.#open().then(() => undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Next<E>> {
    if (this.#parts.concurrency === 1) await Promise.all(Array.from(this.#out, (held) => held.accept()));
    if (this.#over || this.#parts.signal?.aborted === true) {
      await this.#leave();
      return end;
    }
    const asked = new Deferred<Next<E>>();
    this.#asking.push(asked);
    this.#handOut();
    // Whatever ends it ends the wait for its subscription too.
    this.#open().catch(asked.reject);
    return asked.promise;
  }

  /** The loop was left: what is not settled goes back. */
  async return(): Promise<Next<E>> {
    await this.#leave();
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
  }

  #open(): Promise<Reading> {
    if (this.#over && this.#opening === undefined)
      return Promise.reject(new TidingsError('not-running', 'the stream has ended: make another one'));
    return (this.#opening ??= this.#opened());
  }

  async #opened(): Promise<Reading> {
    const { open, signal } = this.#parts;
    try {
      if (signal !== undefined)
        this.#watch(signal, () => {
          void this.#leave();
        });
      const reading = await open((event, run) => this.#take(event as E, run), this.#leaving.signal);
      this.#reading = reading;
      if (this.#left !== undefined) await reading.close();
      else
        this.#watch(reading.ending, () => {
          this.#end();
        });
      return reading;
    } catch (error) {
      this.#over = true;
      this.#unwatch?.();
      for (const asked of this.#asking.splice(0)) asked.reject(error);
      throw error;
    }
  }

  #watch(signal: AbortSignal, aborted: () => void): void {
    const before = this.#unwatch;
    const { aborts } = this.#parts;
    const entry = { aborted };
    aborts.add(signal, entry);
    this.#unwatch = () => {
      before?.();
      aborts.remove(signal, entry);
    };
    if (signal.aborted) aborted();
  }

  #take(event: E, run: Run): Promise<void> {
    const held = new Held(event, run);
    if (this.#over) held.giveBack();
    else {
      this.#waiting.push(held);
      void held.settled.then(() => {
        this.#forget(held);
      });
      this.#handOut();
    }
    return held.outcome;
  }

  /** Never more than the concurrency: of a base class each event has a subscription of its own. */
  #handOut(): void {
    while (this.#asking.length > 0 && this.#waiting.length > 0 && this.#out.size < this.#parts.concurrency) {
      const held = this.#waiting.shift() as Held<E>;
      this.#out.add(held);
      this.#asking.shift()?.resolve({ done: false, value: held });
    }
  }

  #forget(held: Held<E>): void {
    this.#out.delete(held);
    const at = this.#waiting.indexOf(held);
    if (at >= 0) this.#waiting.splice(at, 1);
    this.#handOut();
  }

  /** What was handed out may still be settled. */
  #end(): void {
    this.#over = true;
    for (const held of this.#waiting.splice(0)) held.giveBack();
    for (const asked of this.#asking.splice(0)) asked.resolve(end);
  }

  #leave(): Promise<void> {
    return (this.#left ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#end();
    for (const held of this.#out) held.giveBack();
    this.#unwatch?.();
    this.#leaving.abort(new TidingsError('not-running', 'the stream was left before its subscription was confirmed'));
    // One that was confirmed meanwhile closes itself.
    await this.#opening?.catch(() => undefined);
    await this.#reading?.close();
  }
}

const end = Object.freeze({ done: true, value: undefined });
