import type { Clock, Timer } from '../../core/clock.js';
import type { Abortable } from '../../core/aborts.js';
import type { Deadlines, Expiring } from '../../core/deadlines.js';
import { SendError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { Routing, WireMessage, WireSend } from '../../core/provider.js';
import { encodedMessage } from './amqp-encoder.js';
import { capabilityOf, missingRight } from './artemis-dialect.js';
import type { AmqpFault } from './amqp-fault.js';
import type { Refusal, SenderLink, TransferToken } from './rhea-links.js';
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

/** One send, until it is settled. */
class PendingSend implements Expiring, Abortable {
  readonly message: WireMessage;
  readonly options: WireSend;
  readonly #resolve: () => void;
  readonly #reject: (error: SendError) => void;
  readonly #onSettled: (send: PendingSend) => void;
  payload: Buffer | undefined;
  transmitted = false;
  settled = false;

  constructor(
    message: WireMessage,
    options: WireSend,
    ends: { resolve: () => void; reject: (error: SendError) => void; onSettled: (send: PendingSend) => void },
  ) {
    this.message = message;
    this.options = options;
    this.#resolve = ends.resolve;
    this.#reject = ends.reject;
    this.#onSettled = ends.onSettled;
  }

  confirm(): void {
    if (this.#end()) this.#resolve();
  }

  fail(error: SendError): void {
    if (this.#end()) this.#reject(error);
  }

  expire(): void {
    this.#giveUp('send-timeout', 'the deadline passed');
  }

  /** Ends it without a word of the broker's: what that means depends on whether it was ever transmitted. */
  giveUp(reason: string): void {
    this.#giveUp('not-running', reason);
  }

  aborted(): void {
    this.#giveUp('send-aborted', 'the caller aborted it');
  }

  #giveUp(code: 'send-timeout' | 'send-aborted' | 'not-running', reason: string): void {
    const { address, signal } = this.options;
    const aborted: unknown = code === 'send-aborted' ? signal?.reason : undefined;
    const options = aborted === undefined ? {} : { cause: aborted };
    if (this.transmitted)
      this.fail(
        new SendError(
          'unknown',
          code,
          `send to ${address}: ${reason} before the broker confirmed; it may have arrived, and may be repeated with the same id`,
          options,
        ),
      );
    else this.fail(new SendError('not-sent', code, `send to ${address}: ${reason} before it could be transmitted`, options));
  }

  #end(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.payload = undefined;
    this.#onSettled(this);
    return true;
  }
}

/**
 * All sends to one address. They leave in the order of the calls, each stays here until the broker has confirmed it, and what
 * was in flight when a connection ended goes first in the next.
 */
export class AmqpSender {
  readonly #address: string;
  readonly #routing: Routing;
  readonly #host: SenderHost;
  #waiting: PendingSend[] = [];
  #head = 0;
  readonly #inFlight = new Map<TransferToken, PendingSend>();
  readonly #unsettled = new Set<PendingSend>();
  #connection: RheaConnection | undefined;
  #link: SenderLink | undefined;
  #reopenTimer: Timer | undefined;
  #reopenMs = firstReopenMs;
  #onIdle: (() => void) | undefined;
  /** Sends that ended since `#waiting` was last looked through. */
  #gone = 0;

  constructor(address: string, routing: Routing, host: SenderHost) {
    this.#address = address;
    this.#routing = routing;
    this.#host = host;
  }

  get idle(): boolean {
    return this.#unsettled.size === 0;
  }

  /** Rejects with a SendError. */
  send(message: WireMessage, options: WireSend): Promise<void> {
    return new Promise((resolve, reject) => {
      const send = new PendingSend(message, options, { resolve, reject, onSettled: this.#settled });
      this.#unsettled.add(send);
      this.#host.deadlines.add(send, options.deadlineAt);
      if (options.signal !== undefined) this.#host.deadlines.aborts.add(options.signal, send);
      if (options.deadlineAt <= this.#host.clock.now()) {
        send.expire();
        return;
      }
      this.#waiting.push(send);
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
    for (const send of [...this.#unsettled]) send.giveUp(reason);
    this.#connection = undefined;
    const link = this.#link;
    this.#dropLink();
    this.#waiting = [];
    this.#head = 0;
    link?.close();
  }

  #pump(): void {
    if (this.#link === undefined) {
      if (this.#head < this.#waiting.length && this.#reopenTimer === undefined) this.#open();
      return;
    }
    let room = Math.min(this.#link.room, mostInFlight - this.#inFlight.size);
    while (room > 0 && this.#head < this.#waiting.length) {
      const send = this.#waiting[this.#head++];
      if (send === undefined || send.settled || !this.#encode(send)) continue;
      this.#transmit(this.#link, send);
      room--;
    }
    if (this.#head > 1_024 || this.#head === this.#waiting.length) {
      this.#waiting = this.#head === this.#waiting.length ? [] : this.#waiting.slice(this.#head);
      this.#head = 0;
    }
  }

  #transmit(link: SenderLink, send: PendingSend): void {
    if (send.payload === undefined) return;
    send.transmitted = true;
    this.#inFlight.set(link.send(send.payload), send);
  }

  #encode(send: PendingSend): boolean {
    if (send.payload !== undefined) return true;
    const { dedupeId, notBefore } = send.options;
    try {
      const deliveryTime = notBefore === undefined ? undefined : notBefore.getTime() + this.#host.clockOffsetMs();
      send.payload = encodedMessage(send.message, { dedupeId, deliveryTime, asData: this.#host.asData });
      return true;
    } catch (error) {
      send.fail(new SendError('refused', 'send-refused', `send to ${this.#address}: the message cannot be encoded`, { cause: error }));
      return false;
    }
  }

  #open(): void {
    const connection = this.#connection;
    if (connection?.alive !== true) return;
    const link = connection.openSender(
      { address: this.#address, capability: capabilityOf(this.#routing) },
      {
        onOpen: () => {
          this.#pump();
        },
        onSendable: () => {
          this.#reopenMs = firstReopenMs;
          this.#pump();
        },
        onDrained: () => undefined,
        onClosed: (fault) => {
          if (this.#link === link) this.#closed(fault);
        },
        onAccepted: (token) => {
          const send = this.#inFlight.get(token);
          this.#inFlight.delete(token);
          send?.confirm();
          if (this.#head < this.#waiting.length) this.#pump();
        },
        onRefused: (token, refusal) => {
          const send = this.#inFlight.get(token);
          this.#inFlight.delete(token);
          send?.fail(refusedError(this.#address, refusal));
          this.#pump();
        },
      },
    );
    this.#link = link;
  }

  #closed(fault: AmqpFault): void {
    this.#dropLink();
    const right = missingRight(fault.message);
    if (right !== undefined) {
      const message = `send to ${this.#address}: the user lacks the right ${right} on address ${this.#address}. The broker said: ${fault.message}`;
      for (const send of [...this.#unsettled])
        send.fail(new SendError(send.transmitted ? 'unknown' : 'refused', 'permission', message, { cause: fault }));
      return;
    }
    this.#host.logger.warn(
      { address: this.#address, reason: fault.message, retryMs: this.#reopenMs },
      'the link of a sender was closed by the broker and is opened anew',
    );
    this.#reopenTimer = this.#host.clock.schedule(this.#reopenMs, () => {
      this.#reopenTimer = undefined;
      this.#pump();
    });
    this.#reopenMs = Math.min(2 * this.#reopenMs, lastReopenMs);
  }

  #dropLink(): void {
    this.#link = undefined;
    this.#reopenTimer?.cancel();
    this.#reopenTimer = undefined;
    const back = [...this.#inFlight.values()].filter((send) => !send.settled);
    this.#inFlight.clear();
    this.#waiting = [...back, ...this.#waiting.slice(this.#head)];
    this.#head = 0;
  }

  readonly #settled = (send: PendingSend): void => {
    this.#unsettled.delete(send);
    this.#host.deadlines.remove(send, send.options.deadlineAt);
    if (send.options.signal !== undefined) this.#host.deadlines.aborts.remove(send.options.signal, send);
    if (this.#unsettled.size === 0) this.#onIdle?.();
    if (++this.#gone > 1_024 && this.#gone > this.#waiting.length - this.#head) this.#forgetGone();
  };

  /** While nothing leaves, what was given up would stay in the row with its body. */
  #forgetGone(): void {
    this.#waiting = this.#waiting.slice(this.#head).filter((send) => !send.settled);
    this.#head = 0;
    this.#gone = 0;
  }
}

function refusedError(address: string, { kind, condition, description }: Refusal): SendError {
  const right = missingRight(description);
  if (kind !== 'rejected')
    return new SendError('refused', 'send-refused', `send to ${address}: the broker gave it back (${kind})`, { retryable: true });
  const reason = [condition, description].filter((part) => part !== '').join(': ');
  if (right !== undefined)
    return new SendError('refused', 'permission', `send to ${address}: the user lacks the right ${right}. The broker said: ${reason}`);
  // A full address has room again when its listeners have caught up.
  return new SendError('refused', 'send-refused', `send to ${address}: the broker refused it: ${reason}`, {
    retryable: condition === 'amqp:resource-limit-exceeded',
  });
}
