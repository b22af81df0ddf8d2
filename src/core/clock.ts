/** Where time comes from. Tests put a virtual one in its place. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once, not before `delayMs` have passed. The callback must not throw. */
  schedule(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  /** Nothing is called afterwards. Idempotent. */
  cancel(): void;
  /** Whether waiting for it keeps the process alive; true at first. */
  keepAlive(on: boolean): void;
}

/** Whether it may be one: for options that come unchecked. */
export function isClock(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'now' in value && 'schedule' in value;
}

// setTimeout() fires at once for anything above this.
const longestTimeoutMs = 2 ** 31 - 1;

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout | undefined;
  readonly #dueAt: number;
  readonly #callback: () => void;
  #kept = true;

  constructor(delayMs: number, callback: () => void) {
    this.#dueAt = Date.now() + Math.max(0, delayMs);
    this.#callback = callback;
    this.#arm();
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  keepAlive(on: boolean): void {
    this.#kept = on;
    if (on) this.#handle?.ref();
    else this.#handle?.unref();
  }

  #arm(): void {
    const leftMs = this.#dueAt - Date.now();
    this.#handle = setTimeout(
      () => {
        // A timer may be early by a fraction of a millisecond, and long delays come in several parts.
        if (Date.now() < this.#dueAt) this.#arm();
        else this.#callback();
      },
      Math.min(Math.max(leftMs, 1), longestTimeoutMs),
    );
    if (!this.#kept) this.#handle.unref();
  }
}

/** The machine's clock. Timers keep the process alive until they are cancelled. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule: (delayMs, callback) => new SystemTimer(delayMs, callback),
};
