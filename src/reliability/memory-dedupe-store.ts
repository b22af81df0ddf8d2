import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { isClock, systemClock, type Clock } from '../core/clock.js';
import { ConfigurationError } from '../core/errors.js';
import { optionMistakes } from '../core/option-mistakes.js';
import type { DedupeStore } from './dedupe-store.js';

export interface MemoryDedupeStoreOptions {
  /**
   * One more forgets the oldest.
   * @default 100 000
   */
  readonly maxEntries?: number;
  /** @default the machine's clock */
  readonly clock?: Clock;
}

export const defaultMaxEntries = 100_000;

const shape = z.strictObject({
  maxEntries: z.int().min(1).optional(),
  clock: z.custom<Clock>(isClock, 'expected an object with now() and schedule()').optional(),
});

/** Remembers in this process, as long as it lives: for a listener that runs in one process, and for tests. Needs no timers. */
export class MemoryDedupeStore implements DedupeStore {
  readonly #keys: LRUCache<string, true>;

  /** Throws a `ConfigurationError` with every mistake. */
  constructor(options: MemoryDedupeStoreOptions = {}) {
    const { success, data, error } = shape.safeParse(options);
    if (!success)
      throw new ConfigurationError('the options of MemoryDedupeStore', optionMistakes(error.issues, { '': Object.keys(shape.shape) }));
    const { maxEntries = defaultMaxEntries, clock = systemClock } = data;
    // Without a resolution it keeps no timer of its own.
    this.#keys = new LRUCache({ max: maxEntries, ttlResolution: 0, perf: { now: () => clock.now() } });
  }

  has(key: string): Promise<boolean> {
    return Promise.resolve(this.#keys.has(key));
  }

  add(key: string, ttlMs: number): Promise<void> {
    this.#keys.set(key, true, { ttl: ttlMs });
    return Promise.resolve();
  }
}
