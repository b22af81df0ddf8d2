import type { Clock } from '../../core/clock.js';
import type { FoundQueue } from './broker-access.js';

/** A heart-beat now and then is no part of a message. */
const beatBytes = 64;
const graceMs = 2_000;

/**
 * Whether a message may still come to a reader of a queue where none waits: a large one is read from the disk before its first byte leaves,
 * and takes its time then. Counted as delivered are those that others hold, too, so that the wait has an end.
 */
export class OnItsWay {
  readonly #clock: Clock;
  #held = 0;
  #bytes = 0;
  #movedAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#movedAt = clock.now();
  }

  /** When a message came last, or a part of one. */
  get movedAt(): number {
    return this.#movedAt;
  }

  came(): void {
    this.#held++;
    this.#movedAt = this.#clock.now();
  }

  /** One that came is no longer held here. */
  settled(): void {
    this.#held--;
  }

  /** `bytes`: all that its connection has brought so far, where it has one of its own. */
  mayBe(queue: FoundQueue | undefined, bytes = 0): boolean {
    if (bytes > this.#bytes + beatBytes) this.#movedAt = this.#clock.now();
    this.#bytes = bytes;
    return (queue?.delivering ?? 0) > this.#held && this.#clock.now() - this.#movedAt < graceMs;
  }
}
