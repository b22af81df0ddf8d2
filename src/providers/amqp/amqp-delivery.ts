import type { Delivery, Outcome, Settlement, WireMessage } from '../../core/provider.js';
import { wireMessage } from './amqp-message.js';
import type { Epoch } from './epoch.js';
import type { ReceiverLink, TransferToken } from './rhea-links.js';
import type { AmqpMessage } from './rhea-message.js';

/** The broker does not write its count into large messages, and leaves it out for 0 in small ones. */
const uncountedLength = 90_000;

/** Where a message came from. */
export interface Passage {
  readonly link: ReceiverLink;
  readonly epoch: Epoch;
  readonly token: TransferToken;
}

export interface Settler {
  settle(delivery: AmqpDelivery, outcome: Outcome): Promise<Settlement>;
}

/** One message with the link it came by: settled there or nowhere. */
export class AmqpDelivery implements Delivery {
  readonly message: WireMessage;
  readonly brokerCount?: number;
  readonly raw: AmqpMessage;
  readonly link: ReceiverLink;
  readonly epoch: Epoch;
  readonly token: TransferToken;
  readonly #settler: Settler;
  #settlement: Promise<Settlement> | undefined;

  constructor(settler: Settler, raw: AmqpMessage, { link, epoch, token }: Passage) {
    this.#settler = settler;
    this.message = wireMessage(raw);
    const count = raw.delivery_count ?? (this.message.body.length < uncountedLength ? 0 : undefined);
    if (count !== undefined) this.brokerCount = count;
    this.raw = raw;
    this.link = link;
    this.epoch = epoch;
    this.token = token;
  }

  get stale(): boolean {
    return !this.link.alive;
  }

  settle(outcome: Outcome): Promise<Settlement> {
    return (this.#settlement ??= this.#settler.settle(this, outcome));
  }
}
