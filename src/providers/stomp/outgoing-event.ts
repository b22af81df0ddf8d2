import { SendError } from '../../core/errors.js';
import type { WireMessage, WireSend } from '../../core/provider.js';
import type { PeerFault } from '../network/peer-fault.js';
import { PendingSend } from '../network/pending-send.js';
import { sendRefusal } from './artemis-dialect.js';
import type { Frame } from './frame-writer.js';
import type { Letter } from './letter.js';
import { outgoingSend } from './stomp-message.js';

export interface EventHost {
  /** How far the broker's clock is ahead. */
  clockOffsetMs(): number;
  receipted(event: OutgoingEvent): void;
  readonly settled: (event: PendingSend<Frame>) => void;
  readonly hindrance: () => string;
}

/** One event on its way to the broker. */
export class OutgoingEvent extends PendingSend<Frame> implements Letter {
  readonly isCopy = false;
  receipt: string | undefined;
  readonly #host: EventHost;

  constructor(message: WireMessage, options: WireSend, host: EventHost, resolve: () => void, reject: (error: SendError) => void) {
    super(message, options, { resolve, reject, onSettled: host.settled, hindrance: host.hindrance });
    this.#host = host;
  }

  get destination(): string {
    return this.options.address;
  }

  get ended(): boolean {
    return this.settled;
  }

  frame(receipt: string): Frame | undefined {
    if (this.payload !== undefined) return this.payload;
    const { address, routing, dedupeId, notBefore } = this.options;
    try {
      this.payload = outgoingSend(this.message, {
        address,
        routing,
        receipt,
        ...(dedupeId !== undefined && { dedupeId }),
        ...(notBefore !== undefined && { deliveryTime: notBefore.getTime() + this.#host.clockOffsetMs() }),
      });
    } catch (error) {
      this.fail(new SendError('refused', 'send-refused', `send to ${address}: the message cannot be encoded`, { cause: error }));
    }
    return this.payload;
  }

  receipted(): void {
    this.#host.receipted(this);
  }

  refusedBy(fault: PeerFault): void {
    this.refused(sendRefusal(`send to ${this.options.address}`, fault));
  }
}
