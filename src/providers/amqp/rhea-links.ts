import type { AmqpError, Delivery, EventContext, Receiver, Sender, Session } from 'rhea';
import type { Clock } from '../../core/clock.js';
import { faultOf } from '../network/peer-fault.js';
import type { PeerFault } from '../network/peer-fault.js';
import { acceptedState } from './rhea-message.js';

/** An outcome other than accepted. */
export interface Refusal {
  readonly kind: 'rejected' | 'released' | 'modified';
  readonly condition: string;
  readonly description: string;
}

/** As many as may be unsettled in a session: what is settled leaves it in order, so that none is used twice at a time. */
export const mostUnsettled = 2_048;
const tags: Buffer[] = [];

function tagOf(count: number): Buffer {
  const number = count % mostUnsettled;
  return (tags[number] ??= Buffer.from([number >> 8, number & 0xff]));
}

const nothing = Buffer.alloc(0);

/** Stands for one transfer; only to be compared and handed back. Of what is sent it is whatever the sender of it gives. */
export type TransferToken = object;

/** A delivery of rhea's, with what it stands for. */
type Sent = Delivery & { token?: TransferToken };

/** All are called by the driver, must not throw, and are called no more once the connection is lost or ended. */
export interface SenderEvents {
  /** The peer has taken the link. */
  onOpen(): void;
  /** Refused or closed by the peer. */
  onClosed(fault: PeerFault): void;
  /** There may be room again. */
  onSendable(): void;
  /** The peer has taken all credit back. */
  onDrained(): void;
  onAccepted(token: TransferToken): void;
  onRefused(token: TransferToken, refusal: Refusal): void;
}

/** As {@link SenderEvents}. */
export interface ReceiverEvents {
  onOpen(address: string): void;
  onClosed(fault: PeerFault): void;
  /** As it came: whatever it is, for whoever reads it. */
  onMessage(bytes: Buffer, token: TransferToken): void;
  /** The peer has nothing more for the credit that was left. */
  onDrained(): void;
}

export interface ReceiverOptions {
  /** Absent: the peer makes an address of its own. */
  readonly address?: string;
  readonly capability?: string;
  /** Messages are shown and stay. */
  readonly browse?: boolean;
}

/** What a link needs to know of its connection. */
export interface LinkOwner {
  readonly alive: boolean;
}

/** Sends on one link. */
export class SenderLink {
  readonly #connection: LinkOwner;
  readonly #session: Session;
  readonly #sender: Sender & { readonly credit: number };
  #closed = false;
  #sentThisTick = 0;
  #sent = 0;

  constructor(
    connection: LinkOwner,
    session: Session,
    sender: Sender,
    { events, anonymous }: { events: SenderEvents; anonymous: boolean },
  ) {
    this.#connection = connection;
    this.#session = session;
    this.#sender = sender as Sender & { readonly credit: number };
    const told = (call: () => void): void => {
      if (!this.#closed && connection.alive) call();
    };
    sender.on('sender_open', () => {
      // A link that is being refused opens first, without an address.
      if (anonymous || hasAddress(sender.target))
        told(() => {
          events.onOpen();
        });
    });
    sender.on('sender_error', () => undefined);
    // Else it is looked for in the session, the connection and the container, each time.
    sender.on('settled', () => undefined);
    sender.on('sender_close', () => {
      told(() => {
        this.#closed = true;
        this.#endSession();
        events.onClosed(faultOf(sender.error, 'link closed by the broker'));
      });
    });
    sender.on('sendable', () => {
      told(() => {
        events.onSendable();
      });
    });
    sender.on('sender_draining', () => {
      sender.set_drained(true);
      told(() => {
        events.onDrained();
      });
    });
    sender.on('accepted', (context: EventContext) => {
      const token = (context.delivery as Sent | undefined)?.token;
      if (!this.#closed && connection.alive && token !== undefined) events.onAccepted(token);
    });
    for (const kind of ['rejected', 'released', 'modified'] as const) {
      sender.on(kind, (context: EventContext) => {
        const delivery = context.delivery as Sent | undefined;
        const token = delivery?.token;
        if (token !== undefined)
          told(() => {
            events.onRefused(token, refusalOf(kind, delivery as Sent));
          });
      });
    }
  }

  /** How many may be sent now. More would wait inside rhea and leave when nobody wants it any more. */
  get room(): number {
    if (this.#closed || !this.#connection.alive || !this.#sender.is_open() || !this.#sender.sendable()) return 0;
    return this.#sender.credit - this.#sentThisTick;
  }

  /** Only while there is `room`. The outcome is told of `token`. */
  send(payload: Buffer, token: TransferToken): void {
    // rhea takes a send off the credit only when it writes, one tick later.
    if (this.#sentThisTick++ === 0) process.nextTick(this.#tick);
    const sent: Sent = this.#sender.send(payload, tagOf(this.#sent++), 0);
    sent.token = token;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#connection.alive) return;
    this.#sender.close();
    this.#endSession();
  }

  readonly #tick = (): void => {
    this.#sentThisTick = 0;
  };

  #endSession(): void {
    endSession(this.#session);
  }
}

/** Receives on one link. */
export class ReceiverLink {
  readonly #connection: LinkOwner;
  readonly #session: Session;
  readonly #receiver: Receiver;
  #closed = false;
  #gone: (() => void) | undefined;

  constructor(connection: LinkOwner, session: Session, receiver: Receiver, events: ReceiverEvents) {
    this.#connection = connection;
    this.#session = session;
    this.#receiver = receiver;
    receiver.on('receiver_open', () => {
      const source: unknown = receiver.source;
      if (!this.#closed && connection.alive && hasAddress(source)) events.onOpen(source.address);
    });
    receiver.on('receiver_error', () => undefined);
    receiver.on('receiver_close', () => {
      this.#gone?.();
      if (this.#closed || !connection.alive) return;
      this.#closed = true;
      endSession(session);
      events.onClosed(faultOf(receiver.error, 'link closed by the broker'));
    });
    receiver.on('receiver_drained', () => {
      if (!this.#closed && connection.alive) events.onDrained();
    });
    receiver.on('message', (context: EventContext) => {
      if (this.#closed || !connection.alive || context.delivery === undefined) return;
      // A transfer may carry nothing at all.
      events.onMessage((context.message as Buffer | undefined) ?? nothing, context.delivery);
    });
  }

  /** Whether a settlement made now reaches the broker on the link that the delivery came by. */
  get alive(): boolean {
    return !this.#closed && this.#connection.alive && this.#receiver.is_open();
  }

  addCredit(credit: number): void {
    // rhea would start its heart-beat timers again on a connection that is gone.
    if (!this.alive) return;
    this.#receiver.drain = false;
    this.#receiver.add_credit(credit);
  }

  /** Takes the credit back: what the peer has for it comes, then `onDrained`, unless all of it was used up. */
  drain(): void {
    if (!this.alive) return;
    this.#receiver.drain_credit();
  }

  /** Nothing is done once the link is gone. */
  accept(token: TransferToken): void {
    if (this.alive) (token as Delivery).update(true, acceptedState);
  }

  /** Back to its place in the queue, uncounted. While there is credit it comes again at once. */
  release(token: TransferToken): void {
    this.#giveBack(() => {
      (token as Delivery).release();
    });
  }

  /** As {@link release}, and never to this link again. */
  passOver(token: TransferToken): void {
    this.#giveBack(() => {
      (token as Delivery).modified({ delivery_failed: false, undeliverable_here: true });
    });
  }

  /** Resolves when the peer has closed it too, the connection is lost, or after `timeoutMs`. Unsettled deliveries go back. */
  async close(clock: Clock, timeoutMs: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#connection.alive) return;
    await new Promise<void>((resolve) => {
      const timer = clock.schedule(timeoutMs, resolve);
      this.#gone = () => {
        timer.cancel();
        resolve();
      };
      this.#receiver.close();
    });
    this.#gone = undefined;
    this.#end();
  }

  #giveBack(settle: () => void): void {
    if (!this.alive) return;
    this.#writeOutcomes();
    settle();
    this.#writeOutcomes();
  }

  /** rhea writes the first two outcomes of one tick as one, even when they differ: a message given back would be taken for accepted. */
  #writeOutcomes(): void {
    const { incoming } = this.#session as unknown as { incoming: { process(session: Session): void } };
    incoming.process(this.#session);
  }

  #end(): void {
    if (this.#connection.alive) endSession(this.#session);
  }

  /** Tells `close()` that nobody will answer any more. */
  abandon(): void {
    this.#gone?.();
  }
}

function endSession(session: Session): void {
  session.removeAllListeners('session_close');
  session.on('session_close', () => undefined);
  session.close();
}

function refusalOf(kind: Refusal['kind'], delivery: Delivery): Refusal {
  const state = delivery.remote_state as { error?: AmqpError } | undefined;
  return { kind, condition: state?.error?.condition ?? '', description: state?.error?.description ?? '' };
}

function hasAddress(terminus: unknown): terminus is { readonly address: string } {
  const address = (terminus as { address?: unknown } | null | undefined)?.address;
  return typeof address === 'string' && address !== '';
}
