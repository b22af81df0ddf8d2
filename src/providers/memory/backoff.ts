export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** Doubling delays with a jitter of up to a half, so that many clients do not come back in one moment. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  next(): number {
    const { initialMs, maxMs } = this.#options;
    const delay = Math.min(initialMs * 2 ** this.#failures++, maxMs);
    return delay * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
