import { describe } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { ProviderState } from '../core/provider.js';
import { unlessAborted } from './connecting.js';
import type { ManagerState, StateChange } from './health.js';

/** The state of a manager and of its connection, and who is told of changes. */
export class States {
  readonly #logger: Logger;
  readonly #callbacks = new Set<(change: StateChange) => void>();
  #manager: ManagerState = 'idle';
  #provider: ProviderState = { state: 'stopped' };
  #losses = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get manager(): ManagerState {
    return this.#manager;
  }

  get provider(): ProviderState {
    return this.#provider;
  }

  /** How many connections were lost, those included that did not come about. */
  get losses(): number {
    return this.#losses;
  }

  /** Why the broker cannot be reached. Undefined while it can be, and until a first attempt has failed. */
  get away(): Error | undefined {
    const { state, error } = this.#provider;
    if (state === 'reconnecting') return error ?? new Error('the connection was lost');
    return state === 'connecting' ? error : undefined;
  }

  /** What `up` comes to, unless the broker is found to be away: then it rejects with what `refuse` makes of that. */
  unlessAway(up: Promise<void>, refuse: (why: Error) => Error): Promise<void> {
    if (this.away !== undefined) return Promise.reject(refuse(this.away));
    return new Promise((resolve, reject) => {
      const end = this.listen(() => {
        if (this.away === undefined) return;
        end();
        reject(refuse(this.away));
      });
      up.then(resolve, reject).finally(end);
    });
  }

  /** Resolves when the broker can be reached; rejects with the reason of the signal where that aborts before. */
  async back(leaving: AbortSignal): Promise<void> {
    if (this.away === undefined) return;
    let end: (() => void) | undefined;
    const isBack = new Promise<void>((resolve) => {
      end = this.listen(() => {
        if (this.away === undefined) resolve();
      });
    });
    await unlessAborted(leaving, () => isBack).finally(end);
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
    // A connection may be lost before it was told of.
    if (change.state === 'reconnecting') this.#losses++;
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
