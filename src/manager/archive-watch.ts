import type { Clock, Timer } from '../core/clock.js';
import { describe } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { QueueAdmin } from '../core/provider.js';
import type { Station } from './station.js';

export interface ArchiveWatchParts {
  readonly queues: QueueAdmin;
  readonly stations: readonly Station[];
  readonly logger: Logger;
  readonly clock: Clock;
}

const everyMs = 30_000;
/** Of what the archive keeps: there is time left to look into it before the oldest events go. */
const alarming = 0.8;

/**
 * Looks from time to time how full the archives are, since a full one drops its oldest events: once after the start, then those that grew.
 * Keeps no process alive.
 */
export class ArchiveWatch {
  readonly #parts: ArchiveWatchParts;
  readonly #seen = new WeakMap<Station, number>();
  readonly #full = new Map<Station, number>();
  #timer: Timer | undefined;
  #ended = false;

  constructor(parts: ArchiveWatchParts) {
    this.#parts = parts;
    this.#wait();
  }

  /** In words, which archives are about to lose events. */
  get complaints(): string[] {
    return [...this.#full].map(
      ([
        {
          subscription: { spec },
        },
        count,
      ]) =>
        `the archive ${spec.archive} holds ${String(count)} events of at most ${String(spec.archiveBounds.maxCount)}: the oldest will be dropped`,
    );
  }

  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  #wait(): void {
    if (this.#ended) return;
    this.#timer = this.#parts.clock.schedule(everyMs, () => void this.#look());
    this.#timer.keepAlive(false);
  }

  /** One after the other: there may be a thousand, and there is no hurry. */
  async #look(): Promise<void> {
    const { stations, logger } = this.#parts;
    // Listeners come and go.
    for (const station of this.#full.keys()) if (!stations.includes(station)) this.#full.delete(station);
    try {
      for (const station of stations) if (!this.#ended && this.#isDue(station)) await this.#count(station);
    } catch (error) {
      // The broker is away or does not let us look; the next time will tell.
      logger.debug({ error: describe(error) }, 'the archives could not be counted');
    }
    this.#wait();
  }

  #isDue(station: Station): boolean {
    return this.#full.has(station) || this.#seen.get(station) !== station.dispatcher.archived;
  }

  async #count(station: Station): Promise<void> {
    const { queues, logger } = this.#parts;
    const { archive, archiveBounds } = station.subscription.spec;
    const archived = station.dispatcher.archived;
    const count = await queues.count(archive);
    this.#seen.set(station, archived);
    if (count < alarming * archiveBounds.maxCount) {
      this.#full.delete(station);
      return;
    }
    if (!this.#full.has(station))
      logger.warn(
        { archive, count, maxCount: archiveBounds.maxCount },
        'an archive is nearly full, and drops its oldest events when it is: replay or remove them, or raise archive.maxCount',
      );
    this.#full.set(station, count);
  }
}
