import type { Timer } from '../../core/clock.js';
import type { Endpoint } from '../network/endpoints.js';
import { PeerFault, faultOf } from '../network/peer-fault.js';
import type { Connect } from './connect.js';
import type { Epoch } from './epoch.js';
import { Outbox } from './outbox.js';
import type { OutboxHost } from './outbox.js';
import type { StompConnection } from './stompjs-driver.js';

const firstRetryMs = 100;
const goodbyeMs = 500;
/** A connection that lived so long was a good one: the next attempts begin with the shortest delay again. */
const goodLifeMs = 5_000;

/**
 * Copies to single queues, and answers to those that may be gone, over a connection of their own: one that is refused must not make the events go again that are being sent, nor an
 * event that is refused the copies.
 */
export class CopyLine {
  readonly outbox: Outbox;
  readonly #host: OutboxHost;
  readonly #connect: Connect;
  readonly #abort = new AbortController();
  #epoch: Epoch | undefined;
  #connection: StompConnection | undefined;
  #endpoint: Endpoint | undefined;
  #since = 0;
  #opening: Promise<void> | undefined;
  #retry: Timer | undefined;
  readonly #maxDelayMs: number;
  #retryMs = firstRetryMs;

  constructor(connect: Connect, host: OutboxHost, maxDelayMs: number) {
    this.#host = host;
    this.#maxDelayMs = maxDelayMs;
    this.#connect = connect;
    this.outbox = new Outbox(host, () => {
      this.#needed();
    });
  }

  /** The broker to connect to is known. Resolves when the first attempt has ended, well or not; without `atOnce` it is made when needed. */
  async connected(epoch: Epoch, { atOnce }: { readonly atOnce: boolean }): Promise<void> {
    this.#epoch = epoch;
    // Its queues are on the broker that the main connection goes to.
    if (this.#endpoint !== epoch.endpoint) this.#connection?.abandon(new PeerFault('moved', 'another broker is used now'));
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#retryMs = firstRetryMs;
    if (atOnce || this.outbox.waiting) this.#needed();
    await this.#opening;
  }

  /** No new attempts until the next; what is connected may live on. */
  disconnected(): void {
    this.#epoch = undefined;
    this.#retry?.cancel();
    this.#retry = undefined;
  }

  async close(reason: string, timeoutMs: number): Promise<void> {
    this.#abort.abort();
    this.disconnected();
    this.outbox.close(reason);
    await this.#connection?.end(this.#host.clock, Math.min(timeoutMs, goodbyeMs));
  }

  #needed(): void {
    if (this.#epoch === undefined || this.#opening !== undefined || this.#connection !== undefined || this.#retry !== undefined) return;
    this.#opening = this.#open(this.#epoch);
  }

  async #open({ endpoint }: Epoch): Promise<void> {
    try {
      const connection = await this.#connect(endpoint, this.#abort.signal, (fault) => {
        this.#lost(fault);
      });
      this.#opening = undefined;
      // Lost in the same breath: that is known already.
      if (!connection.open) return;
      this.#connection = connection;
      this.#endpoint = endpoint;
      this.#since = this.#host.clock.now();
      if (this.#abort.signal.aborted) await connection.end(this.#host.clock, 0);
      else if (this.#epoch !== undefined && this.#epoch.endpoint !== endpoint)
        connection.abandon(new PeerFault('moved', 'another broker is used now'));
      else {
        this.outbox.connected(connection);
        this.outbox.release();
      }
    } catch (error) {
      this.#opening = undefined;
      this.#again(faultOf(error, 'the connection could not be made'));
    }
  }

  #lost(fault: PeerFault): void {
    this.#connection = undefined;
    const refused = this.outbox.disconnected(fault);
    // A refusal says nothing against the connection.
    if (refused || this.#host.clock.now() - this.#since >= goodLifeMs) this.#retryMs = firstRetryMs;
    this.#again(fault);
  }

  #again(fault: PeerFault): void {
    if (this.#abort.signal.aborted || this.#epoch === undefined) return;
    this.#host.logger.debug({ reason: fault.message, retryMs: this.#retryMs }, 'the connection for retry and archive copies is made anew');
    this.#retry = this.#host.clock.schedule(this.#retryMs, () => {
      this.#retry = undefined;
      if (this.outbox.waiting) this.#needed();
    });
    this.#retryMs = Math.min(2 * this.#retryMs, this.#maxDelayMs);
  }
}
