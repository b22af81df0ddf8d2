import { attemptOf, isPutBack } from './attempt.js';
import type { Deadlines, Expiring } from './deadlines.js';
import type { EventListenerDescriptor } from './descriptors.js';
import type { HeaderChanges } from './earlier-attempts.js';
import type { EventContext } from './event-context.js';
import { HandedPromise } from './handed-promise.js';
import type { IncomingEnvelope } from './incoming-envelope.js';
import type { Passage, Thrown } from './pipeline-chain.js';
import type { Delivery } from './provider.js';
import type { Keyed } from './roll.js';
import type { Request, SendEvent } from './sending.js';
import { wire } from './headers.js';

/** Sends on behalf of a run; the manager knows how. */
export type SendWithin = (run: Run, args: Parameters<SendEvent>) => ReturnType<SendEvent>;

/** Asks and answers on behalf of a run. */
export interface Correspondence {
  request(run: Run, args: readonly unknown[]): Promise<unknown>;
  reply(run: Run, value: object): Promise<void>;
  /** What its listener returned. Rejects when it did not get as far as the broker. */
  answer(run: Run, value: unknown): Promise<void>;
  /** That it has failed for good. Never rejects. */
  refuse(run: Run, error: unknown): Promise<void>;
}

/** What all runs of a listener share. */
export interface RunHome {
  readonly listener: EventListenerDescriptor;
  readonly maxAttempts: number;
  readonly maxRequestAttempts: number;
  /** Whether events with a key keep their order over failures. */
  readonly strict: boolean;
  readonly sendWithin: SendWithin;
  readonly correspondence: Correspondence;
  /** It has used up its time. */
  readonly overdue: (run: Run) => void;
  /** Its pipelines, its listener and the sends of both have ended. */
  readonly finished: (run: Run, thrown: Thrown | undefined) => void;
}

/** One attempt at one delivery: from the first pipeline to the settlement. */
export class Run implements EventContext, Passage, Expiring, Keyed<Run, string | Delivery> {
  /** Another one of the same message, once its connection was lost under the run. */
  delivery: Delivery;
  readonly envelope: IncomingEnvelope;
  /** What it is known by among the runs of its listener. */
  readonly key: string | Delivery;
  roll: object | undefined;
  before: Run | undefined;
  after: Run | undefined;
  alike: Run | undefined;
  /** Deliveries of the same message that came while this one ran: they take over its result. */
  followers: Delivery[] | undefined;
  reached = false;
  worked = false;
  /** Settled, or left to others: no send belongs to it any more. */
  ended = false;
  /** Its listener waits for stop(), which therefore does not wait for it. */
  leaving = false;
  /** Left to others at the stop deadline: what it comes to is ignored. */
  abandoned = false;
  /** Its result was decided before its listener has ended; what it comes to is ignored. */
  overdue = false;
  /** The later ones of its key do not wait for it any more. */
  passed = false;
  /** The event seems to end processes. */
  crashed = false;
  /** The event has passed its time. */
  expired = false;
  /** Its listener does not want the event. */
  filtered = false;
  /** Whoever read it has left, and it has not failed: it goes back, whatever pipelines make of that. */
  unwanted = false;
  /** What earlier attempts at this delivery have added to its headers. */
  earlier: HeaderChanges | undefined;
  /** Told when it is settled, or left to others. */
  onSettled: ((settled: boolean) => void) | undefined;
  readonly #home: RunHome;
  #abort: AbortController | undefined;
  #abortReason: Error | undefined;
  #expiry: { readonly at: number; readonly deadlines: Deadlines } | undefined;
  #sends: Set<Promise<unknown>> | undefined;
  #sendFailures: { readonly error: unknown; readonly handed: { readonly taken: boolean } }[] | undefined;
  #sendEvent: SendEvent | undefined;
  #request: Request | undefined;
  #reply: ((value: object) => Promise<void>) | undefined;

  constructor(delivery: Delivery, key: string | Delivery, envelope: IncomingEnvelope, home: RunHome) {
    this.key = key;
    this.delivery = delivery;
    this.envelope = envelope;
    this.#home = home;
  }

  get listener(): EventListenerDescriptor {
    return this.#home.listener;
  }

  get attempt(): number {
    return attemptOf(this.envelope.message.headers);
  }

  get maxAttempts(): number {
    return this.isRequest ? this.#home.maxRequestAttempts : this.#home.maxAttempts;
  }

  /** Whether somebody waits for an answer. Word of what failed is no request, though it carries what that did. */
  get isRequest(): boolean {
    return this.delivery.message.replyTo !== undefined && this.listener.hears === 'events';
  }

  get firstFailureAt(): Date | undefined {
    const { headers } = this.envelope.message;
    const said = isPutBack(headers) ? undefined : headers.get(wire.firstFailureAt);
    return said === undefined ? undefined : new Date(said);
  }

  /** Whether another attempt is made here, with the same delivery, so that the later ones of its key wait for it. */
  get staysHere(): boolean {
    return this.#home.strict && this.delivery.message.group !== undefined;
  }

  // Made at first use: most listeners never ask.
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.abandoned || this.overdue) this.#abort.abort(this.#abortReason);
    return this.#abort.signal;
  }

  // Bound, so that `const { sendEvent } = context` works.
  get sendEvent(): SendEvent {
    const send = (...args: Parameters<SendEvent>): ReturnType<SendEvent> => this.#home.sendWithin(this, args);
    return (this.#sendEvent ??= send as SendEvent);
  }

  // Bound too.
  get request(): Request {
    const ask = (...args: readonly unknown[]): Promise<unknown> => this.#home.correspondence.request(this, args);
    return (this.#request ??= ask as Request);
  }

  get reply(): (value: object) => Promise<void> {
    return (this.#reply ??= (value) => this.#home.correspondence.reply(this, value));
  }

  /** What its listener returned, for whoever asked. */
  answer(value: unknown): Promise<void> {
    return this.#home.correspondence.answer(this, value);
  }

  get hasSends(): boolean {
    return this.#sends !== undefined;
  }

  abandon(): void {
    this.abandoned = true;
    this.envelope.abandoned = true;
    this.ended = true;
    this.#abort?.abort();
    this.onSettled?.(false);
  }

  /** Its result is decided, for this reason, which its signal tells. */
  giveUp(reason: Error): void {
    this.overdue = true;
    this.envelope.abandoned = true;
    this.#abortReason = reason;
    this.#abort?.abort(reason);
  }

  expireAt(at: number, deadlines: Deadlines): void {
    this.#expiry = { at, deadlines };
    deadlines.add(this, at);
  }

  cancelExpiry(): void {
    this.#expiry?.deadlines.remove(this, this.#expiry.at);
  }

  finished(thrown: Thrown | undefined): void {
    if (this.#sends === undefined) this.#home.finished(this, thrown);
    else void this.#finishedWithSends(thrown);
  }

  expire(): void {
    if (!this.ended) this.#home.overdue(this);
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

  /** Waits for all sends that were kept; throws the first failure that nobody took. Each failure is told once. */
  async sendsEnded(): Promise<void> {
    if (this.#sends === undefined) return;
    while (this.#sends.size > 0) await Promise.all(this.#sends);
    const lost = this.#sendFailures?.find(({ handed }) => !handed.taken);
    // A pipeline that has seen it may have dealt with it.
    this.#sendFailures = undefined;
    if (lost !== undefined) throw lost.error;
  }

  /** Nothing of an attempt may still be under way when the next one begins. */
  async #finishedWithSends(thrown: Thrown | undefined): Promise<void> {
    let came = thrown;
    try {
      await this.sendsEnded();
    } catch (error) {
      came ??= { error };
    }
    this.#home.finished(this, came);
  }
}
