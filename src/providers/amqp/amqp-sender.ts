import type { Clock, Timer } from '../../core/clock.js';
import type { Deadlines } from '../../core/deadlines.js';
import { SendError } from '../../core/errors.js';
import type { TidingsErrorOptions } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { Routing, WireMessage, WireSend } from '../../core/provider.js';
import { Roll } from '../../core/roll.js';
import { encodedMessage } from './amqp-encoder.js';
import { missingRight } from '../artemis/artemis-words.js';
import type { PeerFault } from '../network/peer-fault.js';
import { PendingSend } from '../network/pending-send.js';
import { capabilityOf, isNobodyThere, sendRefusal } from './artemis-dialect.js';
import type { Refusal, SenderLink } from './rhea-links.js';
import type { RheaConnection } from './rhea-driver.js';

const mostInFlight = 1_000;
const firstReopenMs = 100;
const lastReopenMs = 10_000;

export interface SenderHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly deadlines: Deadlines;
  /** Text as a Data section. */
  readonly asData: boolean;
  /** How far the broker's clock is ahead. */
  readonly clockOffsetMs: () => number;
}

/** One address, or whatever addresses of queues that may be gone, over one link. */
export type SenderTarget = { readonly address: string; readonly routing: Routing } | 'if there';

/**
 * All sends to one target. They leave in the order of the calls, each stays here until the broker has confirmed it, and what
 * was in flight when a connection ended goes first in the next.
 */
export class AmqpSender {
  readonly #target: SenderTarget;
  readonly #host: SenderHost;
  /** In the order in which they leave. */
  readonly #unsettled = new Roll<PendingSend<Buffer>>();
  /** The first of them that has not left; all behind it wait too. */
  #next: PendingSend<Buffer> | undefined;
  #inFlight = 0;
  #connection: RheaConnection | undefined;
  #link: SenderLink | undefined;
  #reopenTimer: Timer | undefined;
  #reopenMs = firstReopenMs;
  #onIdle: (() => void) | undefined;
  /** What the broker said last, until it takes something again. */
  #complaint: string | undefined;

  constructor(target: SenderTarget, host: SenderHost) {
    this.#target = target;
    this.#host = host;
  }

  get idle(): boolean {
    return this.#unsettled.size === 0;
  }

  /** Rejects with a SendError. */
  send(message: WireMessage, options: WireSend): Promise<void> {
    return new Promise((resolve, reject) => {
      const send = new PendingSend<Buffer>(message, options, { resolve, reject, onSettled: this.#settled, hindrance: this.#hindrance });
      this.#unsettled.add(send);
      this.#host.deadlines.add(send, options.deadlineAt);
      if (options.signal !== undefined) this.#host.deadlines.aborts.add(options.signal, send);
      if (options.deadlineAt <= this.#host.clock.now()) {
        send.expire();
        return;
      }
      this.#next ??= send;
      this.#pump();
    });
  }

  connected(connection: RheaConnection): void {
    this.#connection = connection;
    this.#reopenMs = firstReopenMs;
    this.#pump();
  }

  /** The connection is gone: what was in flight goes back to the front, in order. */
  disconnected(): void {
    this.#connection = undefined;
    this.#dropLink();
  }

  /** Resolves when nothing waits any more. */
  whenIdle(): Promise<void> {
    return this.idle
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#onIdle = resolve;
        });
  }

  /** Rejects what is not confirmed, and closes the link. */
  close(reason: string): void {
    for (const send of this.#unsettled.toArray()) send.giveUp(reason);
    this.#connection = undefined;
    const link = this.#link;
    this.#dropLink();
    link?.close();
  }

  #pump(): void {
    if (this.#link === undefined) {
      if (this.#next !== undefined && this.#reopenTimer === undefined) this.#open();
      return;
    }
    let room = Math.min(this.#link.room, mostInFlight - this.#inFlight);
    while (room > 0 && this.#next !== undefined) {
      const send = this.#next;
      this.#next = send.after;
      if (!this.#encode(send)) continue;
      this.#transmit(this.#link, send);
      room--;
    }
  }

  #transmit(link: SenderLink, send: PendingSend<Buffer>): void {
    if (send.payload === undefined) return;
    send.noteTransmission();
    send.inFlight = true;
    this.#inFlight++;
    link.send(send.payload, send);
  }

  #encode(send: PendingSend<Buffer>): boolean {
    if (send.payload !== undefined || send.message === undefined) return true;
    const { address: to, dedupeId, notBefore, expiresAt } = send.options;
    try {
      const deliveryTime = notBefore === undefined ? undefined : notBefore.getTime() + this.#host.clockOffsetMs();
      const expiryTime = expiresAt === undefined ? undefined : expiresAt + this.#host.clockOffsetMs();
      send.payload = encodedMessage(send.message, { to, dedupeId, deliveryTime, expiryTime, asData: this.#host.asData });
      send.message = undefined;
      return true;
    } catch (error) {
      send.fail(new SendError('refused', 'send-refused', `send to ${to}: the message cannot be encoded`, { cause: error }));
      return false;
    }
  }

  #open(): void {
    const connection = this.#connection;
    if (connection?.alive !== true) return;
    const link = connection.openSender(
      this.#target === 'if there' ? {} : { address: this.#target.address, capability: capabilityOf(this.#target.routing) },
      {
        onOpen: () => {
          this.#pump();
        },
        onSendable: () => {
          this.#reopenMs = firstReopenMs;
          this.#pump();
        },
        onDrained: () => {
          if (this.#link === link && this.#target === 'if there') this.#renewLater(link);
        },
        onClosed: (fault) => {
          if (this.#link === link) this.#closed(fault);
        },
        onAccepted: (token) => {
          const send = this.#answered(token as PendingSend<Buffer>);
          this.#complaint = undefined;
          send.confirm();
          if (this.#next !== undefined) this.#pump();
        },
        onRefused: (token, refusal) => {
          this.#refused(this.#answered(token as PendingSend<Buffer>), refusal);
          this.#pump();
        },
      },
    );
    this.#link = link;
  }

  /** It may have been given up meanwhile. */
  #answered(send: PendingSend<Buffer>): PendingSend<Buffer> {
    if (send.inFlight) this.#inFlight--;
    send.inFlight = false;
    return send;
  }

  #refused(send: PendingSend<Buffer>, refusal: Refusal): void {
    if (this.#target === 'if there' && isNobodyThere(refusal)) {
      send.confirm();
      return;
    }
    const error = sendRefusal(`send to ${send.options.address}`, refusal);
    this.#complaint = error.message;
    send.refused(error);
  }

  /** A full address takes the credit of the whole link, which has none again; what is in flight is answered before. */
  #renewLater(link: SenderLink): void {
    this.#reopenTimer ??= this.#host.clock.schedule(firstReopenMs, () => {
      this.#reopenTimer = undefined;
      if (this.#link !== link || link.room > 0) return;
      this.#dropLink();
      link.close();
      this.#pump();
    });
  }

  #closed(fault: PeerFault): void {
    this.#dropLink();
    const right = missingRight(fault.message);
    if (right !== undefined) {
      this.#refuseAll('permission', `the user lacks the right ${right} on that address. The broker said: ${fault.message}`, {
        cause: fault,
      });
      return;
    }
    if (fault.condition === 'amqp:not-found') {
      this.#refuseAll('send-refused', `there is no such address, and the broker makes none. The broker said: ${fault.message}`, {
        cause: fault,
        retryable: true,
      });
      return;
    }
    this.#complaint = `the broker closed the link: ${fault.message}`;
    this.#host.logger.warn(
      { address: this.#target === 'if there' ? undefined : this.#target.address, reason: fault.message, retryMs: this.#reopenMs },
      'the link of a sender was closed by the broker and is opened anew',
    );
    this.#reopenTimer = this.#host.clock.schedule(this.#reopenMs, () => {
      this.#reopenTimer = undefined;
      this.#pump();
    });
    this.#reopenMs = Math.min(2 * this.#reopenMs, lastReopenMs);
  }

  #refuseAll(code: 'permission' | 'send-refused', why: string, options: TidingsErrorOptions): void {
    for (const send of this.#unsettled.toArray())
      send.fail(new SendError(send.transmitted ? 'unknown' : 'refused', code, `send to ${send.options.address}: ${why}`, options));
  }

  readonly #hindrance = (): string => {
    const said = this.#complaint === undefined ? '' : ` (${this.#complaint})`;
    if (this.#connection?.alive !== true) return 'there was no connection to the broker';
    if (this.#link === undefined) return `the broker took no link to the address${said}`;
    return `the broker gave no credit: the address may be full${said}`;
  };

  #dropLink(): void {
    this.#link = undefined;
    this.#reopenTimer?.cancel();
    this.#reopenTimer = undefined;
    for (const send of this.#unsettled.toArray()) send.inFlight = false;
    this.#inFlight = 0;
    this.#next = this.#unsettled.first;
  }

  readonly #settled = (send: PendingSend<Buffer>): void => {
    if (send === this.#next) this.#next = send.after;
    this.#unsettled.remove(send);
    this.#host.deadlines.remove(send, send.options.deadlineAt);
    if (send.options.signal !== undefined) this.#host.deadlines.aborts.remove(send.options.signal, send);
    if (this.#unsettled.size === 0) this.#onIdle?.();
  };
}
