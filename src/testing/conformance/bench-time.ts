import { TidingsError } from '../../core/errors.js';
import type { VirtualClock } from '../virtual-clock.js';

const defaultTimeoutMs = 15_000;
const pollMs = 5;
const virtualStepMs = 5;

/** Time as a case sees it: the machine's, or a virtual clock that goes on while somebody waits. */
export class BenchTime {
  readonly #clock: VirtualClock | undefined;
  readonly #quietMs: number;

  constructor(clock: VirtualClock | undefined, quietMs: number) {
    this.#clock = clock;
    this.#quietMs = quietMs;
  }

  now(): number {
    return this.#clock?.now() ?? Date.now();
  }

  /** Resolves with the first truthy value. A connection that is away meanwhile is waited for too. */
  async until<T>(what: string, condition: () => T | Promise<T>, timeoutMs = defaultTimeoutMs): Promise<T> {
    const end = this.now() + timeoutMs;
    for (;;) {
      const value = await attempt(condition);
      if (value !== undefined && value !== false) return value;
      if (this.now() >= end) throw new Error(`waited ${String(timeoutMs)} ms in vain until ${what}`);
      await this.#pass();
    }
  }

  /** Resolves when the condition has been true all the time. */
  async stays(what: string, condition: () => boolean | Promise<boolean>, windowMs = this.#quietMs): Promise<void> {
    const end = this.now() + windowMs;
    while (this.now() < end) {
      if (!(await condition())) throw new Error(`not all the time was it so that ${what}`);
      await this.#pass();
    }
  }

  /** The promise's own result, or an error when it takes too long. */
  async ends<T>(what: string, promise: Promise<T>, timeoutMs = defaultTimeoutMs): Promise<T> {
    let over = false;
    const end = (): void => {
      over = true;
    };
    promise.then(end, end);
    await this.until(`${what} has ended`, () => over, timeoutMs);
    return promise;
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    const end = this.now() + ms;
    while (this.now() < end) await this.#pass();
  }

  async #pass(): Promise<void> {
    if (this.#clock === undefined) await new Promise((wake) => setTimeout(wake, pollMs));
    else await this.#clock.advance(virtualStepMs);
  }
}

async function attempt<T>(condition: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await condition();
  } catch (error) {
    if (TidingsError.is(error) && error.code === 'connection') return undefined;
    throw error;
  }
}
