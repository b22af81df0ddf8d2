import type { Clock } from '../../core/clock.js';
import { Deadlines } from '../../core/deadlines.js';
import { SendError } from '../../core/errors.js';
import type { WireMessage, WireSend } from '../../core/provider.js';
import { Aborts } from '../../core/aborts.js';
import { Roll } from '../../core/roll.js';
import type { MemoryConnection } from './memory-connection.js';
import { MemorySend } from './memory-send.js';
import type { SendKeeper } from './memory-send.js';

/** All sends that have not ended, in the order of the calls, over all connections. */
export class MemoryOutbox implements SendKeeper {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #aborts = new Aborts();
  readonly #pending = new Roll<MemorySend>();
  #connection: MemoryConnection | undefined;
  #closing = false;
  #drained: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock);
  }

  send(message: WireMessage, options: WireSend): Promise<void> {
    const reason = this.#obstacle(options);
    if (reason !== undefined) return Promise.reject(reason);
    const send = new MemorySend(this, message, options);
    this.#pending.add(send);
    this.#deadlines.add(send, send.deadlineAt);
    if (send.signal !== undefined) this.#aborts.add(send.signal, send);
    if (this.#connection !== undefined) send.transmit(this.#connection);
    return send.promise;
  }

  /** What waits and what was unconfirmed goes out, in order. */
  connected(connection: MemoryConnection): void {
    this.#connection = connection;
    for (const send of this.#pending.toArray()) send.transmit(connection);
  }

  disconnected(): void {
    this.#connection = undefined;
    if (this.#closing) this.#giveUp();
  }

  /** A blocked address takes messages again. */
  credit(address: string): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    for (const send of this.#pending.toArray()) if (send.posting.destination.address === address) send.transmit(connection);
  }

  /** No more sends. Resolves when those that are under way have been confirmed; those that have not left reject at once. */
  async drain(): Promise<void> {
    this.#closing = true;
    for (const send of this.#pending.toArray()) if (!send.inFlight) send.stopped();
    if (this.#pending.size > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
  }

  /** Rejects the rest, and leaves no timer. */
  close(): void {
    this.#closing = true;
    this.#giveUp();
    this.#deadlines.expireAll();
  }

  ended(send: MemorySend): void {
    this.#pending.remove(send);
    this.#deadlines.remove(send, send.deadlineAt);
    if (send.signal !== undefined) this.#aborts.remove(send.signal, send);
    if (this.#pending.size === 0) this.#drained?.();
  }

  #giveUp(): void {
    for (const send of this.#pending.toArray()) send.stopped();
  }

  #obstacle({ address, deadlineAt, signal }: WireSend): SendError | undefined {
    if (this.#closing) return new SendError('not-sent', 'not-running', `nothing was sent to '${address}': the provider is stopping`);
    if (signal?.aborted === true)
      return new SendError('not-sent', 'send-aborted', `nothing was sent to '${address}': the signal had been aborted before`, {
        cause: signal.reason,
      });
    if (deadlineAt <= this.#clock.now())
      return new SendError('not-sent', 'send-timeout', `nothing was sent to '${address}': the deadline had passed before`);
    return undefined;
  }
}
