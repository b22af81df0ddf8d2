import type { MessageFrame } from './frame-reader.js';
import { brokersId } from './stomp-message.js';

const most = 10_000;

/**
 * How often each message went with a connection of this process, which outlived that. The broker counts every loss for all that it had sent
 * ahead, tells nobody over STOMP, and gives a message up in the end that nothing is wrong with. Of messages lost the last 10 000 are known.
 */
export class Wear {
  readonly #losses = new Map<string | undefined, number>();
  readonly #limit: number;

  /** `limit`: from so many losses on a message is worn. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  lost(frame: MessageFrame): void {
    const key = brokersId(frame);
    const losses = (this.#losses.get(key) ?? 0) + 1;
    this.#losses.delete(key);
    this.#losses.set(key, losses);
    if (this.#losses.size > most) this.#losses.delete(this.#losses.keys().next().value);
  }

  /** To be asked as it comes. */
  isWorn(frame: MessageFrame): boolean {
    return this.#losses.size > 0 && (this.#losses.get(brokersId(frame)) ?? 0) >= this.#limit;
  }
}
