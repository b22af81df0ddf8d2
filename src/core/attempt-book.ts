import type { Subscription } from './catalog.js';
import type { Counters } from './counters.js';
import type { Fate } from './failure-policy.js';
import type { Observers } from './observers.js';
import type { Thrown } from './pipeline-chain.js';
import type { Run } from './run.js';

/** Told how attempts end, to see whether the listener is able to work at all. */
export interface Watch {
  succeeded(): void;
  failed(error: unknown): void;
}

export interface AttemptBookParts {
  readonly subscription: Subscription;
  readonly counters: Counters;
  readonly observers: Observers;
  readonly watch: Watch | undefined;
}

/** Notes what attempts came to: in the counters, for the breaker, for observers. */
export class AttemptBook {
  readonly #parts: AttemptBookParts;

  constructor(parts: AttemptBookParts) {
    this.#parts = parts;
  }

  succeeded(run: Run): void {
    const { counters, watch } = this.#parts;
    // Counted already, and nothing that the listener could take credit for.
    if (run.expired) return;
    // An answer is no event: who waited for it has it.
    if (run.listener.hears === 'replies') return;
    if (run.filtered) counters.filtered++;
    else if (!run.reached) counters.stopped++;
    else {
      counters.handled++;
      watch?.succeeded();
    }
  }

  tell(run: Run, thrown: Thrown | undefined, fate: Fate | undefined): void {
    const { observers, subscription } = this.#parts;
    if (!observers.any) return;
    const { envelope, attempt, reached, filtered } = run;
    const fact = { envelope, listener: subscription.listener, attempt };
    if (thrown !== undefined && fate !== undefined)
      observers.tell('failed', { ...fact, error: thrown.error, fate, archived: fate === 'archived' });
    else if (reached && !filtered) observers.tell('handled', fact);
  }
}
