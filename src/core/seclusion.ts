import type { Subscription } from './catalog.js';
import type { Logger } from './logger.js';
import type { Delivery } from './provider.js';
import type { Neighbour, Solitude } from './solitude.js';
import type { Suspects } from './suspects.js';
import type { Tap } from './tap.js';

export interface SeclusionParts {
  readonly subscription: Subscription;
  readonly tap: Tap;
  readonly solitude: Solitude;
  readonly logger: Logger;
  readonly suspects: Suspects;
  /** Whose deliveries they are. */
  readonly own: Neighbour;
  readonly isStopping: () => boolean;
  readonly run: (delivery: Delivery) => void;
  /** It is not handled now. */
  readonly leave: (delivery: Delivery) => void;
}

/** Handles what may end the process when nothing else is held in its listener that would be counted with it. */
export class Seclusion {
  readonly #parts: SeclusionParts;
  #waiting = 0;

  constructor(parts: SeclusionParts) {
    this.#parts = parts;
  }

  /** Waiting to be handled alone. */
  get waiting(): number {
    return this.#waiting;
  }

  async handle(delivery: Delivery): Promise<void> {
    const { tap, solitude, subscription, logger, suspects, own, isStopping, run, leave } = this.#parts;
    const { listener } = subscription;
    this.#waiting++;
    logger.warn(
      { event: subscription.event.name, listener: listener.name, deliveries: delivery.brokerCount },
      'an event was delivered to processes or connections that ended, and is handled alone',
    );
    await tap.shut('suspect');
    await solitude.rest(own);
    const end = suspects.isLastChance(delivery) ? await solitude.enter(own) : undefined;
    this.#waiting--;
    // Paused meanwhile, or to let another one be alone: it comes again.
    if (isStopping() || delivery.stale === true || tap.isShutBesides('suspect')) leave(delivery);
    else {
      run(delivery);
      // Not for its listener's promise: that may hang, long after its timeout.
      await solitude.rest(own);
    }
    end?.();
    tap.open('suspect');
  }
}
