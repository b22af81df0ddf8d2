import { describe } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { CopyOutcome, Notice, SubscriptionSpec } from '../../core/provider.js';
import type { Outbox } from './outbox.js';
import { copyDestination, noticeCopy, outcomeCopy } from './stomp-copy.js';
import type { StompDelivery } from './stomp-delivery.js';

export interface CopiesHost {
  /** For copies to single queues. */
  readonly copies: Outbox;
  /** For notices to whole addresses. */
  readonly notices: Outbox;
  readonly logger: Logger;
  /** How far the broker's clock is ahead. */
  clockOffsetMs(): number;
}

/** The copies that a listener's outcomes ask for. */
export class DeliveryCopies {
  readonly #spec: SubscriptionSpec;
  readonly #host: CopiesHost;

  constructor(spec: SubscriptionSpec, host: CopiesHost) {
    this.#spec = spec;
    this.#host = host;
  }

  /** Resolves with true once the broker has confirmed it; its notice has been offered then. Never rejects. */
  async write(delivery: StompDelivery, outcome: CopyOutcome): Promise<boolean> {
    const spec = this.#spec;
    try {
      const confirmed = await this.#host.copies.copy({
        destination: copyDestination(delivery, outcome, spec),
        frame: (receipt) => outcomeCopy(delivery, outcome, spec, { clockOffsetMs: this.#host.clockOffsetMs(), receipt }),
        wanted: () => !delivery.stale,
      });
      if (!confirmed) return false;
    } catch (error) {
      this.#host.logger.error(
        { error, ...this.#whose },
        'a retry or archive copy could not be written; the message comes again with the next connection',
      );
      return false;
    }
    if (outcome.notice !== undefined) await this.#tell(delivery, outcome.notice);
    return true;
  }

  async #tell(delivery: StompDelivery, notice: Notice): Promise<void> {
    const reason = await this.#notTaken(delivery, notice);
    if (reason !== undefined)
      this.#host.logger.warn(
        { reason, address: notice.address, ...this.#whose },
        'a notice was not taken by the broker and is given up; the event itself is safe',
      );
  }

  /** Why a notice did not get through. One whose delivery is lost needs no word: it comes again. */
  async #notTaken(delivery: StompDelivery, notice: Notice): Promise<string | undefined> {
    try {
      const result = await this.#host.notices.offer({
        destination: notice.address,
        frame: (receipt) => noticeCopy(delivery, notice, receipt),
        wanted: () => !delivery.stale,
      });
      if (result === 'confirmed' || result === 'lost') return undefined;
      return result === 'unconfirmed' ? 'not confirmed in time' : result.message;
    } catch (error) {
      return describe(error);
    }
  }

  get #whose(): { event: string; listener: string } {
    return { event: this.#spec.event, listener: this.#spec.listener };
  }
}
