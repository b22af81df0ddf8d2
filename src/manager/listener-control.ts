import { TidingsError } from '../core/errors.js';
import type { QueueAdmin } from '../core/provider.js';
import type { Station } from './assembly.js';

export interface ControlParts {
  readonly station: Station;
  readonly queues: QueueAdmin | undefined;
}

/** Steers one listener of this process while it runs. What is set holds until `stop()`. */
export class ListenerControl {
  readonly #parts: () => ControlParts;

  /** For the manager: `parts` is asked at each call and may throw. */
  constructor(parts: () => ControlParts) {
    this.#parts = parts;
  }

  /** Whether nothing is begun now: by `pause()`, or by the listener's breaker. */
  get paused(): boolean {
    const { tap } = this.#parts().station;
    return tap.isShutBy('user') || tap.isShutBy('breaker');
  }

  /**
   * Begins nothing more; resolves when nothing more comes and what was held unbegun has gone back to the queue, for other processes. Running
   * attempts go on and are settled. Idempotent.
   */
  async pause(): Promise<void> {
    await this.#parts().station.tap.shut('user');
  }

  /** Ends a `pause()`; that of a breaker goes on. */
  resume(): void {
    this.#parts().station.tap.open('user');
  }

  /** From now on at most so many attempts at once, in this process. What runs already goes on. Throws 'configuration' below 1. */
  setConcurrency(concurrency: number): void {
    if (!Number.isSafeInteger(concurrency) || concurrency < 1)
      throw new TidingsError('configuration', 'setConcurrency() wants a whole number, 1 or more; pause() stops a listener');
    this.#parts().station.tap.setConcurrency(concurrency);
  }

  /**
   * How many events are still to be handled on the listener's queue, for all processes: waiting, held back for a retry, and running. Rejects
   * with 'not-supported', 'permission' or 'connection' where the broker cannot be asked.
   */
  async lag(): Promise<number> {
    const { station, queues } = this.#parts();
    if (queues === undefined) throw new TidingsError('not-supported', "lag() needs a provider with the capability 'manage'");
    const { event, queue } = station.subscription.spec;
    return queues.count(`${event}::${queue}`);
  }
}
