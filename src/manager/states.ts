import { describe } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { ProviderState } from '../core/provider.js';
import type { ManagerState, StateChange } from './health.js';

/** The state of a manager and of its connection, and who is told of changes. */
export class States {
  readonly #logger: Logger;
  readonly #callbacks = new Set<(change: StateChange) => void>();
  #manager: ManagerState = 'idle';
  #provider: ProviderState = { state: 'stopped' };

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get manager(): ManagerState {
    return this.#manager;
  }

  get provider(): ProviderState {
    return this.#provider;
  }

  listen(callback: (change: StateChange) => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  enter(state: ManagerState, error?: Error): void {
    if (this.#manager === state) return;
    this.#manager = state;
    this.#tell(error);
  }

  readonly providerChanged = (change: ProviderState): void => {
    this.#provider = change;
    this.#tell(change.error);
  };

  #tell(error: Error | undefined): void {
    const change: StateChange = Object.freeze({
      state: this.#manager,
      provider: this.#provider.state,
      ...(error === undefined ? undefined : { error }),
    });
    for (const callback of this.#callbacks) {
      try {
        callback(change);
      } catch (thrown) {
        this.#logger.error({ error: describe(thrown) }, 'a callback of onStateChange threw');
      }
    }
  }
}
