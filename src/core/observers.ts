import { describe } from './errors.js';
import type { Logger } from './logger.js';
import type { Observer } from './observer.js';

/** The observers of one manager. */
export class Observers {
  readonly #observers = new Set<Observer>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Asked on the hot path, so that nothing is made for nobody. */
  get any(): boolean {
    return this.#observers.size > 0;
  }

  add(observer: Observer): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  tell<K extends keyof Observer>(what: K, fact: Parameters<NonNullable<Observer[K]>>[0]): void {
    for (const observer of this.#observers) {
      try {
        (observer[what] as ((fact: unknown) => void) | undefined)?.call(observer, fact);
      } catch (error) {
        this.#logger.error({ observer: what, error: describe(error) }, 'an observer threw');
      }
    }
  }
}
