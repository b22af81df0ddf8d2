import { attemptOf, roundOf } from './attempt.js';
import { wire } from './headers.js';
import type { Fate } from './failure-policy.js';
import type { Outcome, WireMessage } from './provider.js';

const most = 1000;

/**
 * Which attempt at which message this is, over redeliveries and reconnects. Only for messages with an id that we made: foreign ids are
 * often not unique.
 */
export function identity(message: WireMessage): string | undefined {
  const { headers } = message;
  const id = headers.get(wire.tidingsId);
  if (id === undefined) return undefined;
  const round = roundOf(headers);
  const attempt = attemptOf(headers);
  // Most are: a text that need not be made is known already.
  return round === 0 && attempt === 1 ? id : `${id}#${String(round)}.${String(attempt)}`;
}

/** What a run came to. */
export interface Result {
  readonly outcome: Outcome;
  /** Undefined: it succeeded. */
  readonly fate: Fate | undefined;
}

/** Results of runs that outlived their connection, for when the broker delivers those messages again. The last 1 000 are kept. */
export class StaleResults {
  readonly #results = new Map<string, Result>();

  keep(message: WireMessage, result: Result): void {
    const key = identity(message);
    if (key === undefined) return;
    this.#results.set(key, result);
    if (this.#results.size <= most) return;
    for (const oldest of this.#results.keys()) {
      this.#results.delete(oldest);
      return;
    }
  }

  take(message: WireMessage): Result | undefined {
    if (this.#results.size === 0) return undefined;
    const key = identity(message);
    if (key === undefined) return undefined;
    const result = this.#results.get(key);
    this.#results.delete(key);
    return result;
  }
}
