import type { Listed } from '../../core/roll.js';
import type { Delivery, Outcome, Settlement, WireMessage } from '../../core/provider.js';
import type { MessageFrame } from './frame-reader.js';
import { wireMessage } from './stomp-message.js';
import type { StompConnection } from './stompjs-driver.js';

export interface Settler {
  /** Whether settling it would do nothing. */
  isStale(delivery: StompDelivery): boolean;
  settle(delivery: StompDelivery, outcome: Outcome): Promise<Settlement>;
}

/** One message with the connection it came by: settled there or nowhere. STOMP tells no count of deliveries. */
export class StompDelivery implements Delivery, Listed<StompDelivery> {
  readonly message: WireMessage;
  readonly frame: MessageFrame;
  readonly connection: StompConnection;
  readonly worn: boolean;
  roll: object | undefined;
  before: StompDelivery | undefined;
  after: StompDelivery | undefined;
  readonly #settler: Settler;
  #settlement: Promise<Settlement> | undefined;

  constructor(settler: Settler, frame: MessageFrame, connection: StompConnection, worn: boolean) {
    this.#settler = settler;
    this.message = wireMessage(frame);
    this.frame = frame;
    this.connection = connection;
    this.worn = worn;
  }

  get stale(): boolean {
    return this.#settler.isStale(this);
  }

  settle(outcome: Outcome): Promise<Settlement> {
    return (this.#settlement ??= this.#settler.settle(this, outcome));
  }

  /** The same message, to be handed over once more. */
  again(): StompDelivery {
    return new StompDelivery(this.#settler, this.frame, this.connection, this.worn);
  }

  /** Once: a second one would end the connection. */
  acknowledge(): void {
    const id = this.frame.said.get('ack');
    if (id !== undefined) this.connection.ack(id);
  }
}
