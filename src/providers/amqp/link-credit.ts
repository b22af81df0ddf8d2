import type { Clock, Timer } from '../../core/clock.js';
import type { ReceiverLink } from './rhea-links.js';

/** The broker forgets a request that meets the end of the one before: then it is made again. */
const askAgainMs = 200;

/**
 * What one receiving link may still be sent. Given by hand, and taken back by draining; none is given while that is under way, so that
 * both sides always agree on it.
 */
export class LinkCredit {
  readonly #link: Pick<ReceiverLink, 'addCredit' | 'drain'>;
  readonly #clock: Clock;
  readonly #onDry: () => void;
  #out = 0;
  #asking: Timer | undefined;

  /** `onDry` is called when all that was asked back is gone: used up, or taken back. */
  constructor(link: Pick<ReceiverLink, 'addCredit' | 'drain'>, clock: Clock, onDry: () => void) {
    this.#link = link;
    this.#clock = clock;
    this.#onDry = onDry;
  }

  /** Given and not used yet. */
  get out(): number {
    return this.#out;
  }

  get takingBack(): boolean {
    return this.#asking !== undefined;
  }

  give(credit: number): void {
    if (this.takingBack) return;
    this.#out += credit;
    this.#link.addCredit(credit);
  }

  /** What the broker has for it comes, the rest is void. */
  takeBack(): void {
    if (this.#out > 0 && !this.takingBack) this.#ask();
  }

  /** One message came. */
  used(): void {
    if (this.#out > 0 && --this.#out === 0) this.#dry();
  }

  /** The broker has nothing more for it. */
  drained(): void {
    this.#out = 0;
    this.#dry();
  }

  /** The link is gone. */
  end(): void {
    this.#out = 0;
    this.#asking?.cancel();
    this.#asking = undefined;
  }

  #ask(): void {
    this.#link.drain();
    this.#asking = this.#clock.schedule(askAgainMs, () => {
      this.#ask();
    });
  }

  #dry(): void {
    this.#asking?.cancel();
    this.#asking = undefined;
    this.#onDry();
  }
}
