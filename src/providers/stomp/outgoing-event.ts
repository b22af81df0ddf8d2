import { SendError } from '../../core/errors.js';
import type { WireMessage, WireSend } from '../../core/provider.js';
import type { PeerFault } from '../network/peer-fault.js';
import { PendingSend } from '../network/pending-send.js';
import { isMissing, sendRefusal } from './artemis-dialect.js';
import type { Frame } from './frame-writer.js';
import type { Letter } from './letter.js';
import { outgoingSend } from './stomp-message.js';

export interface EventHost {
  /** How far the broker's clock is ahead. */
  clockOffsetMs(): number;
  now(): number;
  receipted(event: OutgoingEvent): void;
  readonly settled: (event: PendingSend<Frame>) => void;
  readonly hindrance: () => string;
}

/** Keeps what goes to queues that may be gone, and knows which are. */
export interface Whereabouts {
  /** Lets it enter the outbox when its queue is there; else it is confirmed and dropped. */
  hold(event: OutgoingEvent): void;
  /** The broker says so. */
  noteGone(address: string): void;
  /** Whether its queue was gone after it had been handed over. */
  isGone(event: OutgoingEvent): boolean;
}

/** One event on its way to the broker. */
export class OutgoingEvent extends PendingSend<Frame> implements Letter {
  readonly isCopy = false;
  receipt: string | undefined;
  flight: Letter['flight'];
  /** When it was handed over; only of an answer. */
  readonly heldAt: number;
  readonly #host: EventHost;
  /** Of an answer whose queue may be gone. */
  readonly #whereabouts: Whereabouts | undefined;

  constructor(
    message: WireMessage,
    options: WireSend,
    host: EventHost,
    { resolve, reject }: { readonly resolve: () => void; readonly reject: (error: SendError) => void },
    whereabouts?: Whereabouts,
  ) {
    super(message, options, { resolve, reject, onSettled: host.settled, hindrance: host.hindrance });
    this.#host = host;
    this.heldAt = whereabouts === undefined ? 0 : host.now();
    this.#whereabouts = whereabouts;
  }

  get destination(): string {
    return this.options.address;
  }

  get ended(): boolean {
    return this.settled;
  }

  frame(receipt: string): Frame | undefined {
    if (this.#whereabouts?.isGone(this) === true) {
      this.confirm();
      return undefined;
    }
    if (this.payload !== undefined || this.message === undefined) return this.payload;
    const { address, routing, dedupeId, notBefore, expiresAt } = this.options;
    try {
      this.payload = outgoingSend(this.message, {
        address,
        routing,
        receipt,
        dedupeId,
        deliveryTime: notBefore === undefined ? undefined : notBefore.getTime() + this.#host.clockOffsetMs(),
        expiresAt: expiresAt === undefined ? undefined : expiresAt + this.#host.clockOffsetMs(),
      });
      this.message = undefined;
    } catch (error) {
      this.fail(new SendError('refused', 'send-refused', `send to ${address}: the message cannot be encoded`, { cause: error }));
    }
    return this.payload;
  }

  receipted(): void {
    this.#host.receipted(this);
  }

  refusedBy(fault: PeerFault): void {
    if (this.#whereabouts !== undefined && isMissing(fault)) {
      this.#whereabouts.noteGone(this.destination);
      this.confirm();
      return;
    }
    this.refused(sendRefusal(`send to ${this.options.address}`, fault));
  }
}
