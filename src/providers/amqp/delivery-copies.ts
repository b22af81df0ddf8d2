import { describe } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { CopyOutcome, Notice, SubscriptionSpec } from '../../core/provider.js';
import { noticeCopy, outcomeCopy } from './amqp-copy.js';
import type { AmqpDelivery } from './amqp-delivery.js';
import { refusalFault } from './relay.js';

/** The copies that a listener's outcomes ask for. */
export class DeliveryCopies {
  readonly #spec: SubscriptionSpec;
  readonly #logger: Logger;

  constructor(spec: SubscriptionSpec, logger: Logger) {
    this.#spec = spec;
    this.#logger = logger;
  }

  /** Resolves with true once the broker has confirmed it; its notice has been offered then. Never rejects. */
  async write(delivery: AmqpDelivery, outcome: CopyOutcome): Promise<boolean> {
    const { link, epoch } = delivery;
    try {
      const payload = outcomeCopy(delivery, outcome, this.#spec, epoch.clockOffsetMs);
      if (!(await epoch.relay.copy(payload, () => link.alive))) return false;
    } catch (error) {
      this.#logger.error(
        { error, ...this.#whose },
        'a retry or archive copy could not be written; the message comes again with the next connection',
      );
      return false;
    }
    if (outcome.notice !== undefined) await this.#tell(delivery, outcome.notice);
    return true;
  }

  async #tell(delivery: AmqpDelivery, notice: Notice): Promise<void> {
    const reason = await notTaken(delivery, notice);
    if (reason !== undefined)
      this.#logger.warn(
        { reason, address: notice.address, ...this.#whose },
        'a notice was not taken by the broker and is given up; the event itself is safe',
      );
  }

  get #whose(): { event: string; listener: string } {
    return { event: this.#spec.event, listener: this.#spec.listener };
  }
}

/** Why a notice did not get through. One that is lost with its connection needs no word: its delivery comes again. */
async function notTaken(delivery: AmqpDelivery, notice: Notice): Promise<string | undefined> {
  try {
    const result = await delivery.epoch.notices.offer(noticeCopy(delivery, notice), () => delivery.link.alive);
    if (result === 'confirmed' || result === 'lost') return undefined;
    return result === 'unconfirmed' ? 'not confirmed in time' : refusalFault(result).message;
  } catch (error) {
    return describe(error);
  }
}
