import { TidingsError } from '../core/errors.js';
import type { RequestAllOptions } from '../core/sending.js';
import type { PendingRequest, Receiver } from './pending-request.js';

interface Reader {
  readonly resolve: (result: IteratorResult<object>) => void;
  readonly reject: (error: unknown) => void;
}

/** The answers to one request, as they come, until so many have come or its time is over. */
export class Gathering implements AsyncIterator<object>, Receiver {
  readonly #options: RequestAllOptions;
  readonly #begin: () => PendingRequest | undefined;
  readonly #answers: object[] = [];
  readonly #readers: Reader[] = [];
  #request: PendingRequest | undefined;
  #begun = false;
  #count = 0;
  #done = false;
  /** Told once, after the answers that came before it. */
  #failure: { readonly error: unknown } | undefined;

  constructor(options: RequestAllOptions, begin: () => PendingRequest | undefined) {
    this.#options = options;
    this.#begin = begin;
  }

  next(): Promise<IteratorResult<object>> {
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      if (!this.#begun) this.#start();
      this.#serve();
    });
  }

  return(): Promise<IteratorResult<object>> {
    this.#begun = true;
    this.#answers.length = 0;
    this.#failure = undefined;
    this.#request?.close();
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  answered(event: object): boolean {
    this.#answers.push(event);
    return this.#counted();
  }

  refused(error: unknown): boolean {
    const { onError } = this.#options;
    if (onError === undefined) {
      this.#fail(error);
      return true;
    }
    try {
      onError(error instanceof Error ? error : new Error(String(error)));
    } catch (thrown) {
      this.#fail(thrown);
      return true;
    }
    return this.#counted();
  }

  ended(error: Error): void {
    // What had time to be asked has ended as it should.
    if (TidingsError.is(error) && error.code === 'request-timeout' && this.#request?.sentAt !== undefined) this.#end();
    else this.#fail(error);
  }

  #start(): void {
    this.#begun = true;
    try {
      this.#request = this.#begin();
    } catch (error) {
      this.#fail(error);
    }
  }

  #counted(): boolean {
    const enough = ++this.#count >= (this.#options.count ?? Infinity);
    if (enough) this.#end();
    else this.#serve();
    return enough;
  }

  #fail(error: unknown): void {
    this.#failure = { error };
    this.#end();
  }

  #end(): void {
    this.#done = true;
    this.#serve();
  }

  #serve(): void {
    while (this.#readers.length > 0) {
      const answer = this.#answers.shift();
      if (answer === undefined && !this.#done) return;
      const { resolve, reject } = this.#readers.shift() as Reader;
      if (answer !== undefined) resolve({ done: false, value: answer });
      else if (this.#failure !== undefined) {
        reject(this.#failure.error);
        this.#failure = undefined;
      } else resolve({ done: true, value: undefined });
    }
  }
}
