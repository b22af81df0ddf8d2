import type { Delivery, Outcome, Settlement, WireMessage } from '../../core/provider.js';
import { read } from './amqp-decoder.js';
import type { Epoch } from './epoch.js';
import type { ReceiverLink, TransferToken } from './rhea-links.js';
import { decoded } from './rhea-message.js';
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
  readonly link: ReceiverLink;
  readonly epoch: Epoch;
  readonly token: TransferToken;
  readonly #settler: Settler;
  readonly #bytes: Buffer;
  #settlement: Promise<Settlement> | undefined;

  constructor(settler: Settler, bytes: Buffer, { link, epoch, token }: Passage) {
    this.#settler = settler;
    this.#bytes = bytes;
    const { message, deliveryCount } = read(bytes);
    this.message = message;
    const count = deliveryCount ?? (message.body.length < uncountedLength ? 0 : undefined);
    if (count !== undefined) this.brokerCount = count;
    this.link = link;
    this.epoch = epoch;
    this.token = token;
  }

  /** Everything it said, for a copy: few are copied. */
  get raw(): AmqpMessage {
    return decoded(this.#bytes);
  }

  get stale(): boolean {
    return !this.link.alive;
  }

  settle(outcome: Outcome): Promise<Settlement> {
    return (this.#settlement ??= this.#settler.settle(this, outcome));
  }
}
