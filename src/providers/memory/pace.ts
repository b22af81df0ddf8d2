// Kept from the time of loading, so that a test framework that replaces the globals does not stop the broker.
const nextTurn = setImmediate;

// Small enough that sockets and timers wait for well under a millisecond, large enough that a turn costs nothing per message.
const burst = 256;

/**
 * Runs the broker's work soon after, never inside, the call that caused it: as a promise job, which is fast, and after each burst
 * of messages in a new turn of the event loop, so that endless work does not starve I/O.
 */
export class Pace {
  #spent = 0;

  /** Tells that so many messages were moved. */
  spend(messages: number): void {
    this.#spent += messages;
  }

  /** How many messages may be moved before the next turn. */
  get left(): number {
    return Math.max(0, burst - this.#spent);
  }

  soon(job: () => void): void {
    if (this.#spent < burst) {
      queueMicrotask(job);
      return;
    }
    this.#spent = 0;
    nextTurn(job);
  }
}
