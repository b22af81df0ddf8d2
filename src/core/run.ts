import { attemptOf } from './attempt.js';
import type { EventListenerDescriptor } from './descriptors.js';
import type { EventContext } from './event-context.js';
import { HandedPromise } from './handed-promise.js';
import type { IncomingEnvelope } from './incoming-envelope.js';
import type { Passage } from './pipeline-chain.js';
import type { Delivery } from './provider.js';
import type { SendEvent } from './sending.js';
import { wire } from './headers.js';

/** Sends on behalf of a run; the manager knows how. */
export type SendWithin = (run: Run, args: Parameters<SendEvent>) => ReturnType<SendEvent>;

/** What all runs of a listener share. */
export interface RunHome {
  readonly listener: EventListenerDescriptor;
  readonly maxAttempts: number;
  readonly sendWithin: SendWithin;
}

/** One attempt at one delivery: from the first pipeline to the settlement. */
export class Run implements EventContext, Passage {
  readonly delivery: Delivery;
  readonly envelope: IncomingEnvelope;
  readonly attempt: number;
  /** Deliveries of the same message that came while this one ran: they take over its result. */
  followers: Delivery[] | undefined;
  inner: Promise<void> | undefined;
  /** Settled, or left to others: no send belongs to it any more. */
  ended = false;
  /** Its listener waits for stop(), which therefore does not wait for it. */
  leaving = false;
  /** Left to others at the stop deadline: what it comes to is ignored. */
  abandoned = false;
  readonly #home: RunHome;
  #abort: AbortController | undefined;
  #sends: Set<Promise<unknown>> | undefined;
  #sendFailures: { readonly error: unknown; readonly handed: HandedPromise<unknown> }[] | undefined;
  #sendEvent: SendEvent | undefined;

  constructor(delivery: Delivery, envelope: IncomingEnvelope, home: RunHome) {
    this.delivery = delivery;
    this.envelope = envelope;
    this.attempt = attemptOf(delivery.message.headers);
    this.#home = home;
  }

  get listener(): EventListenerDescriptor {
    return this.#home.listener;
  }

  get maxAttempts(): number {
    return this.#home.maxAttempts;
  }

  get firstFailureAt(): Date | undefined {
    const said = this.delivery.message.headers.get(wire.firstFailureAt);
    return said === undefined ? undefined : new Date(said);
  }

  // Made at first use: most listeners never ask.
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.abandoned) this.#abort.abort();
    return this.#abort.signal;
  }

  // Bound, so that `const { sendEvent } = context` works.
  get sendEvent(): SendEvent {
    const send = (...args: Parameters<SendEvent>): ReturnType<SendEvent> => this.#home.sendWithin(this, args);
    return (this.#sendEvent ??= send as SendEvent);
  }

  get hasSends(): boolean {
    return this.#sends !== undefined;
  }

  abandon(): void {
    this.abandoned = true;
    this.ended = true;
    this.#abort?.abort();
  }

  /**
   * Keeps a send with this run: it is awaited before the settlement, and its failure is the run's, unless the listener took the
   * promise and with it the failure.
   */
  keep<T>(sending: Promise<T>): Promise<T> {
    this.#sends ??= new Set();
    const sends = this.#sends;
    const handed = HandedPromise.of(sending);
    const watched: Promise<void> = sending.then(
      () => {
        sends.delete(watched);
      },
      (error: unknown) => {
        sends.delete(watched);
        (this.#sendFailures ??= []).push({ error, handed });
      },
    );
    sends.add(watched);
    return handed;
  }

  /** Waits for all sends that were kept; throws the first failure that nobody took. */
  async sendsEnded(): Promise<void> {
    if (this.#sends === undefined) return;
    while (this.#sends.size > 0) await Promise.all(this.#sends);
    const lost = this.#sendFailures?.find(({ handed }) => !handed.taken);
    if (lost !== undefined) throw lost.error;
  }
}
