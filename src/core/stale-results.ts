import { attemptOf, roundOf } from './attempt.js';
import { wire } from './headers.js';
import type { Outcome, WireMessage } from './provider.js';

const most = 1000;

/**
 * Which attempt at which message this is, over redeliveries and reconnects. Only for messages with an id that we made: foreign ids are
 * often not unique.
 */
export function identity(message: WireMessage): string | undefined {
  const { headers } = message;
  const id = headers.get(wire.tidingsId);
  return id === undefined ? undefined : `${id}#${String(roundOf(headers))}.${String(attemptOf(headers))}`;
}

/** Results of runs that outlived their connection, for when the broker delivers those messages again. The last 1 000 are kept. */
export class StaleResults {
  readonly #outcomes = new Map<string, Outcome>();

  keep(message: WireMessage, outcome: Outcome): void {
    const key = identity(message);
    if (key === undefined) return;
    this.#outcomes.set(key, outcome);
    if (this.#outcomes.size <= most) return;
    for (const oldest of this.#outcomes.keys()) {
      this.#outcomes.delete(oldest);
      return;
    }
  }

  take(message: WireMessage): Outcome | undefined {
    if (this.#outcomes.size === 0) return undefined;
    const key = identity(message);
    if (key === undefined) return undefined;
    const outcome = this.#outcomes.get(key);
    this.#outcomes.delete(key);
    return outcome;
  }
}
