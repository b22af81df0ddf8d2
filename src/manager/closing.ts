import type { Clock } from '../core/clock.js';
import type { Deadlines } from '../core/deadlines.js';
import { describe, TidingsError } from '../core/errors.js';
import { within, type Wait } from '../core/within.js';
import type { Assembly } from './assembly.js';
import { defaultStopDeadlineMs, type Settings } from './manager-options.js';
import type { Sends } from './sends.js';

/** What closing may take beyond the deadline of `stop()`, when running listeners have used that up. */
const closingMs = 500;

export interface ClosingParts {
  readonly settings: Settings;
  readonly sends: Sends;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
}

/** The steps of stopping, none of which may take longer than it has. */
export class Closing {
  readonly #parts: ClosingParts;

  constructor(parts: ClosingParts) {
    this.#parts = parts;
  }

  /** No delivery is begun any more; those that run and the sends under way may end. */
  async drain(assembly: Assembly, wait: Wait): Promise<void> {
    assembly.ending.abort(new TidingsError('not-running', 'the event manager stops', { retryable: true }));
    // Those that run may wait for answers.
    const stations = assembly.stations.filter(({ subscription }) => subscription.listener.hears !== 'replies');
    for (const { dispatcher, breaker } of stations) {
      breaker?.stop();
      dispatcher.stop();
    }
    await this.bounded(Promise.all(stations.map(({ tap }) => tap.shut('stop'))), wait);
    await this.bounded(Promise.all(stations.map(({ dispatcher }) => dispatcher.ended())), wait);
    for (const { dispatcher } of stations) dispatcher.abandon();
    await this.bounded(this.#parts.sends.ended(), wait);
  }

  async close({ stations }: Assembly, wait: Wait): Promise<void> {
    const { settings, clock } = this.#parts;
    const closing = this.extended(wait);
    await this.bounded(Promise.all(stations.map(({ tap }) => tap.close())), closing);
    await this.stopProvider(settings, Math.max(closing.at - clock.now(), closingMs));
  }

  /** So much time at least. */
  extended({ at }: Wait): Wait {
    return { at: Math.max(at, this.#parts.clock.now() + closingMs), signal: undefined };
  }

  /** That of a `deadlineMs`. */
  waitOf(deadlineMs = defaultStopDeadlineMs): Wait {
    const ms = deadlineMs >= 0 && deadlineMs < Infinity ? deadlineMs : defaultStopDeadlineMs;
    return { at: this.#parts.clock.now() + ms, signal: undefined };
  }

  /** The provider alone, where nothing was subscribed. */
  async stopProvider({ provider }: Settings, deadlineMs = closingMs): Promise<void> {
    await this.bounded(provider.stop({ deadlineMs }), { at: this.#parts.clock.now() + deadlineMs + closingMs, signal: undefined });
  }

  async hook(name: 'beforeStop' | 'afterStop', wait: Wait = { at: this.#parts.clock.now() + closingMs, signal: undefined }): Promise<void> {
    const hook = async (): Promise<void> => this.#parts.settings.hooks[name]?.();
    await this.bounded(hook(), wait);
  }

  /** Waits, but not beyond the deadline. */
  async bounded(promise: Promise<unknown>, wait: Wait): Promise<void> {
    const { deadlines, settings } = this.#parts;
    const late = new Error('late');
    await within(promise, deadlines, wait, () => late).catch((error: unknown) => {
      if (error !== late) settings.logger.error({ error: describe(error) }, 'something failed while stopping');
    });
  }
}
