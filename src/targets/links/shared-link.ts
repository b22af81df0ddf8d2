import type { Clock } from '../../core/clock.js';
import { Deadlines } from '../../core/deadlines.js';
import { TidingsError } from '../../core/errors.js';
import { within } from '../../core/within.js';
import { said } from './said.js';

/** A connection of a driver. */
export interface Link {
  /** Whether it can be used. */
  readonly isOpen: boolean;
  /** Ends it in order. What waits on it afterwards rejects. */
  close(): Promise<void>;
}

export interface SharedLinkOptions<L extends Link> {
  /** For people: whose connection it is, and where to, without any secret. */
  readonly name: string;
  /** Makes a connection. Its signal ends the socket at once, whether it is open yet or not; whatever waits on it rejects then. */
  readonly open: (signal: AbortSignal) => Promise<L>;
  /** How long one use may take, with the connecting. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** One try to connect, and what came of it. */
interface Try<L> {
  readonly link: Promise<L>;
  readonly socket: AbortController;
  opened: L | undefined;
}

/** Of `timeoutMs`, where a rule does not say it. */
export const defaultTimeoutMs = 10_000;

const closeMs = 2_000;

/** One connection for all who use it: made for the first, and once more for the first after it was lost. */
export class SharedLink<L extends Link> {
  readonly #options: SharedLinkOptions<L>;
  readonly #deadlines: Deadlines;
  #current: Try<L> | undefined;
  #closed = false;

  constructor(options: SharedLinkOptions<L>) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock);
  }

  /**
   * What comes of the work. Work that takes too long ends the connection for all: nothing tells a broker that is slow from a connection that
   * leads nowhere.
   */
  use<T>(signal: AbortSignal, work: (link: L) => Promise<T>): Promise<T> {
    const { name, timeoutMs, clock } = this.#options;
    if (signal.aborted) return Promise.reject(reasonOf(signal));
    if (this.#closed) return Promise.reject(new TidingsError('not-running', `${name} is closed`, { retryable: true }));
    const current = this.#try();
    const working = current.link.then((link) => {
      // Whoever wanted it has gone while it was made.
      signal.throwIfAborted();
      return work(link);
    });
    return within(this.#told(working), this.#deadlines, { at: clock.now() + timeoutMs, signal }, (why) => {
      if (why === 'aborted') return reasonOf(signal);
      this.#drop(current);
      return new TidingsError('send-timeout', `${name} did not confirm in ${String(timeoutMs)} ms`, { retryable: true });
    });
  }

  /** Ends the connection. Nothing can be done with it afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    const current = this.#current;
    if (current?.opened?.isOpen === true) {
      const at = this.#options.clock.now() + closeMs;
      const closing = within(current.opened.close(), this.#deadlines, { at, signal: undefined }, () => new Error('too slow'));
      // In order or not: it ends.
      await closing.catch(() => undefined);
    }
    if (current !== undefined) this.#drop(current);
    this.#deadlines.expireAll();
  }

  #try(): Try<L> {
    const now = this.#current;
    if (now !== undefined && (now.opened === undefined || now.opened.isOpen)) return now;
    if (now !== undefined) this.#drop(now);
    const { open, timeoutMs, clock, name } = this.#options;
    const socket = new AbortController();
    const opening = within(open(socket.signal), this.#deadlines, { at: clock.now() + timeoutMs, signal: undefined }, () => {
      return new TidingsError('connection', `${name} did not answer in ${String(timeoutMs)} ms`, { retryable: true });
    });
    const made: Try<L> = { link: opening, socket, opened: undefined };
    this.#current = made;
    opening.then(
      (link) => (made.opened = link),
      () => {
        this.#drop(made);
      },
    );
    return made;
  }

  #drop(dropped: Try<L>): void {
    if (this.#current === dropped) this.#current = undefined;
    dropped.socket.abort();
  }

  /** Errors of drivers say neither where nor for whom. */
  async #told<T>(working: Promise<T>): Promise<T> {
    try {
      return await working;
    } catch (error) {
      if (TidingsError.is(error)) throw error;
      throw new TidingsError('connection', `${this.#options.name}: ${said(error)}`, { retryable: true, cause: error });
    }
  }
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('the delivery was ended', { cause: signal.reason });
}
