import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../../core/clock.js';
import type { ManagementChannel, ManagementEvents, ManagementRequest } from '../artemis/artemis-management.js';
import { managementAddress } from '../artemis/artemis-words.js';
import type { Endpoint } from '../network/endpoints.js';
import { PeerFault, faultOf } from '../network/peer-fault.js';
import type { Connect } from './connect.js';
import type { MessageFrame } from './frame-reader.js';
import { sendFrame } from './frame-writer.js';
import type { StompConnection } from './stompjs-driver.js';

/** Every process listens here, each to the answers to its own requests. Below the reply addresses the broker may be told to make none. */
const answersAddress = 'activemq.management.tidings';
const mostInFlight = 100;
const idleMs = 10_000;
/** STOMP has no message without a body, and an operation called with an empty one ends the connection. */
const noParameters = '[]';

export interface ManagementHost {
  readonly connect: Connect;
  readonly endpoint: Endpoint;
  readonly clock: Clock;
}

/**
 * A connection of its own: a request that is refused ends it, and that must not end what is being sent or handled. It is closed when nothing
 * was asked for a while.
 */
export class ManagementConnection implements ManagementChannel {
  readonly #clock: Clock;
  readonly #events: ManagementEvents;
  readonly #abort = new AbortController();
  /** Answers are told from those for others by it. */
  readonly #key = randomUUID();
  #connection: StompConnection | undefined;
  #ready = false;
  #sent = 0;
  #usedAt = 0;
  #idle: Timer | undefined;

  constructor({ connect, endpoint, clock }: ManagementHost, events: ManagementEvents) {
    this.#clock = clock;
    this.#events = events;
    void this.#open(connect, endpoint);
  }

  get room(): number {
    return this.#ready ? mostInFlight : 0;
  }

  send({ id, properties, body }: ManagementRequest): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#usedAt = this.#clock.now();
    const receipt = `${connection.receiptPrefix}${String(++this.#sent)}`;
    const headers: [string, string][] = [
      ['destination', managementAddress],
      ['reply-to', answersAddress],
      ['correlation-id', `${this.#key}/${id}`],
      ['receipt', receipt],
      ...Object.entries(properties),
    ];
    connection.send(sendFrame(headers, body ?? noParameters), receipt, this);
  }

  /** That it was taken says nothing: only the answer does. */
  receipted(): void {
    return;
  }

  close(): void {
    this.#abort.abort();
    this.#idle?.cancel();
    this.#ready = false;
    void this.#connection?.end(this.#clock, 0);
  }

  async #open(connect: Connect, endpoint: Endpoint): Promise<void> {
    const { signal } = this.#abort;
    try {
      const connection = await connect(endpoint, signal, (fault) => {
        this.#lost(fault);
      });
      this.#connection = connection;
      if (signal.aborted) {
        await connection.end(this.#clock, 0);
        return;
      }
      await connection.subscribe({
        destination: answersAddress,
        routing: 'multicast',
        selector: `JMSCorrelationID LIKE '${this.#key}/%'`,
        onMessage: (frame) => {
          this.#answered(frame);
        },
      });
      this.#ready = true;
      this.#usedAt = this.#clock.now();
      this.#whenIdle();
      this.#events.ready();
    } catch (error) {
      this.#lost(faultOf(error, 'the management could not be asked'));
    }
  }

  #answered({ said, body }: MessageFrame): void {
    const [key, id] = said.get('correlation-id')?.split('/') ?? [];
    if (key !== this.#key || id === undefined) return;
    this.#usedAt = this.#clock.now();
    this.#events.answered({
      id,
      succeeded: said.get('_AMQ_OperationSucceeded') === 'true',
      body: body.length === 0 ? undefined : body.toString(),
    });
  }

  #lost(fault: PeerFault): void {
    if (this.#abort.signal.aborted) return;
    this.#ready = false;
    this.#events.closed(fault);
  }

  #whenIdle(): void {
    this.#idle = this.#clock.schedule(idleMs, () => {
      if (this.#clock.now() - this.#usedAt < idleMs) this.#whenIdle();
      else this.#lost(new PeerFault('idle', 'nothing was asked'));
    });
  }
}
