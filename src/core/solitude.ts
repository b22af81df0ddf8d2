import type { Deadlines } from './deadlines.js';
import type { Tap } from './tap.js';
import { within } from './within.js';

/** A listener that can be asked to rest. */
export interface Neighbour {
  readonly tap: Tap;
  /** Resolves when nothing runs. */
  ended(): Promise<void>;
}

/** What runs for longer than this is not waited for. */
const solitudeTimeoutMs = 60_000;

/** Lets one listener of a process work while all others rest: what may end the process shall not be counted against what runs beside it. */
export class Solitude {
  readonly #deadlines: Deadlines;
  readonly #now: () => number;
  readonly #neighbours = new Set<Neighbour>();
  #last: Promise<void> = Promise.resolve();

  constructor(deadlines: Deadlines, now: () => number) {
    this.#deadlines = deadlines;
    this.#now = now;
  }

  join(neighbour: Neighbour): void {
    this.#neighbours.add(neighbour);
  }

  /** It will not run again: listeners come and go. */
  leave(neighbour: Neighbour): void {
    this.#neighbours.delete(neighbour);
  }

  /** Resolves when nothing runs but what `own` begins now; the others go on when the function returned is called. One at a time. */
  async enter(own: Neighbour): Promise<() => void> {
    const before = this.#last;
    let leave: () => void = () => undefined;
    this.#last = new Promise((resolve) => (leave = resolve));
    await before;
    const others = [...this.#neighbours].filter((neighbour) => neighbour !== own);
    await Promise.all(others.map(({ tap }) => tap.shut('solitude')));
    await Promise.all(others.map((other) => this.rest(other)));
    return () => {
      for (const { tap } of others) tap.open('solitude');
      leave();
    };
  }

  /** Resolves when nothing of it runs, or has run for too long to wait for. */
  async rest(neighbour: Neighbour): Promise<void> {
    const late = new Error('late');
    const wait = { at: this.#now() + solitudeTimeoutMs, signal: undefined };
    await within(neighbour.ended(), this.#deadlines, wait, () => late).catch((error: unknown) => {
      if (error !== late) throw error;
    });
  }
}
