import type { Clock } from '../../core/clock.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import { fullyQualified } from '../artemis/artemis-words.js';
import type { Endpoint } from '../network/endpoints.js';
import { patiently } from '../network/patiently.js';
import { PeerFault, faultOf } from '../network/peer-fault.js';
import type { Connect } from './connect.js';
import type { MessageFrame } from './frame-reader.js';
import type { SubscriptionHandle } from './connection-subscriptions.js';
import type { StompConnection } from './stompjs-driver.js';

const answerTimeoutMs = 10_000;

export interface LineOptions {
  readonly connect: Connect;
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly windowBytes: number;
  /** Connected, and not subscribed until `listen()`. */
  readonly resting: boolean;
}

export interface LineEvents {
  received(frame: MessageFrame, connection: StompConnection): void;
  /** It serves, or rests as it shall. Once. */
  opened(): void;
  /** Once, and never after `close()`. */
  lost(fault: PeerFault): void;
}

/**
 * A connection that consumes from one queue. Its window can only grow: by one more subscription beside the first. At rest there is none, so
 * that all it had is back on the queue; what is asked while the broker has not answered to the last is done afterwards.
 */
export class QueueLine {
  readonly #spec: Pick<SubscriptionSpec, 'event' | 'queue' | 'routing'>;
  readonly #options: LineOptions;
  readonly #events: LineEvents;
  readonly #abort = new AbortController();
  #connection: StompConnection | undefined;
  #subscriptions: SubscriptionHandle[] = [];
  #wantedBytes: number;
  #windowBytes = 0;
  #resting: boolean;
  /** Counts the rests: what a subscription from before one still brings goes back with it. */
  #rests = 0;
  #subscribedAfter = 0;
  #arranging: Promise<void> | undefined;
  #ended = false;
  #opened = false;
  #openedAt = Infinity;

  constructor(spec: Pick<SubscriptionSpec, 'event' | 'queue' | 'routing'>, options: LineOptions, events: LineEvents) {
    this.#spec = spec;
    this.#options = options;
    this.#events = events;
    this.#wantedBytes = options.windowBytes;
    this.#resting = options.resting;
  }

  get endpoint(): Endpoint {
    return this.#options.endpoint;
  }

  get ready(): boolean {
    return this.#opened && this.#connection?.alive === true;
  }

  /** All that its connection has brought so far. */
  get heardBytes(): number {
    return this.#connection?.heardBytes ?? 0;
  }

  /** Infinity before. */
  get openedAt(): number {
    return this.#openedAt;
  }

  carried(connection: StompConnection): boolean {
    return connection === this.#connection;
  }

  open(): void {
    void this.#open();
  }

  /** The window is at least so large from now on. */
  widen(bytes: number): void {
    this.#wantedBytes = Math.max(bytes, this.#wantedBytes);
    this.#arrange();
  }

  /** What comes waits unread until `readOn()`. */
  hold(): void {
    this.#connection?.hold();
  }

  readOn(): void {
    this.#connection?.readOn();
  }

  listen(): void {
    this.#resting = false;
    this.#arrange();
  }

  rest(): void {
    if (this.#resting) return;
    this.#resting = true;
    this.#rests++;
    this.#arrange();
  }

  /** It is lost, whatever the broker says. */
  abandon(fault: PeerFault): void {
    this.#lost(fault);
    this.#abort.abort();
    this.#connection?.abandon(fault);
  }

  /** What is unsettled goes back, uncounted; what was acknowledged before has arrived when it resolves in time. */
  async close(timeoutMs: number): Promise<void> {
    this.#ended = true;
    this.#abort.abort();
    const connection = this.#connection;
    if (connection === undefined) return;
    const { clock } = this.#options;
    const endsAt = clock.now() + timeoutMs;
    await patiently(clock, timeoutMs, this.#leave());
    await connection.end(clock, Math.max(0, endsAt - clock.now()));
  }

  /** What is being subscribed just now brings messages too, and without an end of its own they would count as lost by a crash. */
  async #leave(): Promise<void> {
    await this.#arranging;
    await this.#unsubscribe();
  }

  async #open(): Promise<void> {
    const { connect, endpoint } = this.#options;
    try {
      this.#connection = await connect(endpoint, this.#abort.signal, (fault) => {
        this.#lost(fault);
      });
      if (this.#ended) await this.#connection.end(this.#options.clock, 0);
      else this.#arrange();
    } catch (error) {
      this.#lost(faultOf(error, 'the connection could not be made'));
    }
  }

  #arrange(): void {
    const connection = this.#connection;
    if (connection === undefined || this.#ended || this.#arranging !== undefined || (this.#opened && this.#arranged)) return;
    // Here at once, so that whoever asks for more meanwhile is served by this one.
    this.#arranging = this.#answered(connection).finally(() => {
      this.#arranging = undefined;
    });
  }

  async #answered(connection: StompConnection): Promise<void> {
    const { clock } = this.#options;
    try {
      while (!this.#ended && !this.#arranged) {
        const timer = clock.schedule(answerTimeoutMs, () => {
          connection.abandon(new PeerFault('timeout', `the broker did not answer to a subscription within ${String(answerTimeoutMs)} ms`));
        });
        await (this.#outlived ? this.#unsubscribe() : this.#subscribe(connection)).finally(() => {
          timer.cancel();
        });
      }
      if (this.#ended || this.#opened) return;
      this.#opened = true;
      this.#openedAt = clock.now();
      this.#events.opened();
    } catch (error) {
      this.#lost(faultOf(error, 'the subscription was not confirmed'));
    }
  }

  /** There are subscriptions from before a rest. */
  get #outlived(): boolean {
    return this.#subscriptions.length > 0 && this.#subscribedAfter !== this.#rests;
  }

  get #arranged(): boolean {
    if (this.#outlived) return false;
    return this.#resting || (this.#subscriptions.length > 0 && this.#windowBytes >= this.#wantedBytes);
  }

  async #subscribe(connection: StompConnection): Promise<void> {
    const { event, queue, routing } = this.#spec;
    const rests = this.#rests;
    const windowBytes = this.#wantedBytes - this.#windowBytes;
    this.#windowBytes = this.#wantedBytes;
    this.#subscribedAfter = rests;
    const subscription = await connection.subscribe({
      destination: fullyQualified(event, queue),
      routing,
      windowBytes,
      onMessage: (frame) => {
        if (!this.#ended && this.#rests === rests) this.#events.received(frame, connection);
      },
    });
    this.#subscriptions.push(subscription);
  }

  async #unsubscribe(): Promise<void> {
    const subscriptions = this.#subscriptions.splice(0);
    this.#windowBytes = 0;
    await Promise.all(subscriptions.map((subscription) => subscription.unsubscribe()));
  }

  #lost(fault: PeerFault): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.lost(fault);
  }
}
