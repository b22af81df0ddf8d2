import { TidingsError } from '../core/errors.js';
import type { Provider, QueueAdmin } from '../core/provider.js';
import type { Wait } from '../core/within.js';
import type { Station } from './station.js';
import type { StationSwitch } from './station-switch.js';

export interface ControlParts {
  readonly station: Station;
  readonly provider: Provider;
  readonly line: StationSwitch;
}

export interface StopListenerOptions {
  /**
   * What runs may take so long to end; then its signal aborts and it goes back to the queue.
   * @default 10 000
   */
  deadlineMs?: number | undefined;
}

/** Steers one listener of this process while it runs. What is set holds until the manager's `stop()`. */
export class ListenerControl {
  readonly #parts: () => ControlParts;
  readonly #waitOf: (deadlineMs: number | undefined) => Wait;

  /** For the manager: `parts` is asked at each call and may throw. */
  constructor(parts: () => ControlParts, waitOf: (deadlineMs: number | undefined) => Wait) {
    this.#parts = parts;
    this.#waitOf = waitOf;
  }

  /** Whether nothing is begun now: by `pause()`, or by the listener's breaker. */
  get paused(): boolean {
    return isPaused(this.#parts().station);
  }

  /** Whether it was taken from the broker by `stop()`. */
  get stopped(): boolean {
    return this.#parts().station.tap.isShutBy('off');
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

  /**
   * As `pause()`, and more: waits until what runs has ended, at most to the deadline, and takes the subscription from the broker. The queue
   * stays, and goes on collecting. Inside the listener it resolves when all others have ended. Idempotent.
   */
  async stop({ deadlineMs }: StopListenerOptions = {}): Promise<void> {
    await this.#parts().line.off(this.#waitOf(deadlineMs));
  }

  /** Ends a `stop()`: resolves when the broker has confirmed the subscription. Rejects as `EventManager.start()` does. Idempotent. */
  async start(): Promise<void> {
    await this.#parts().line.on();
  }

  /** From now on at most so many attempts at once, in this process. What runs already goes on. Throws 'configuration' below 1. */
  setConcurrency(concurrency: number): void {
    setConcurrency([this.#parts().station], concurrency);
  }

  /**
   * How many events are still to be handled on the listener's queue, for all processes: waiting, held back for a retry, and running. Rejects
   * with 'not-supported', 'permission' or 'connection' where the broker cannot be asked.
   */
  async lag(): Promise<number> {
    const { station, provider } = this.#parts();
    return lagOf([station], provider);
  }

  /**
   * How many events of the listener's queue passed their time with nobody to take them, as the broker counts them. Rejects as `lag()` does, also
   * where the broker drops nothing (capability 'ttl').
   */
  async expired(): Promise<number> {
    const { station, provider } = this.#parts();
    const queues = adminOf(provider, 'expired');
    if (!provider.capabilities.has('ttl')) throw lacking('expired', 'ttl', provider);
    const { event, queue } = station.subscription.spec;
    return queues.expired(`${event}::${queue}`);
  }
}

function adminOf(provider: Provider, method: string): QueueAdmin {
  if (provider.queues === undefined) throw lacking(method, 'manage', provider);
  return provider.queues;
}

function lacking(method: string, capability: string, { name }: Provider): TidingsError {
  return new TidingsError('not-supported', `${method}() needs a provider with the capability '${capability}', and ${name} is without`);
}

export function isPaused({ tap }: Station): boolean {
  return tap.isShutBy('user') || tap.isShutBy('breaker');
}

export function setConcurrency(stations: readonly Station[], concurrency: number): void {
  if (!Number.isSafeInteger(concurrency) || concurrency < 1)
    throw new TidingsError('configuration', 'setConcurrency() wants a whole number, 1 or more; pause() stops a listener');
  for (const { tap } of stations) tap.setConcurrency(concurrency);
}

export async function lagOf(stations: readonly Station[], provider: Provider): Promise<number> {
  const queues = adminOf(provider, 'lag');
  const counts = stations.map(({ subscription: { spec } }) => queues.count(`${spec.event}::${spec.queue}`));
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
