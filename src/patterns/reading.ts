import type { Run } from '../core/run.js';

/** A subscription of a stream or a pull, as long as that lasts. */
export interface Reading {
  /** Aborts when the manager begins to stop. */
  readonly ending: AbortSignal;
  /** Nothing more comes, and what has not begun goes back. */
  shut(): Promise<void>;
  /** Gives back what is not settled, and takes it from the broker. Never rejects. */
  close(): Promise<void>;
}

/**
 * Subscribes; resolves when the broker has confirmed it. Rejects with the reason of `leaving` where that aborts before, with nothing left of it.
 * Each event's run lasts as long as the promise that it is answered with.
 */
export type OpenReading = (take: (event: object, run: Run) => Promise<void>, leaving: AbortSignal) => Promise<Reading>;
