import type { Timer } from '../../core/clock.js';
import type { CopyOutcome, Notice, ProviderHost, SubscriptionSpec } from '../../core/provider.js';
import { Backoff } from './backoff.js';
import type { MemoryConsumer, Undertaking } from './memory-consumer.js';
import { copied } from './memory-message.js';
import type { StoredMessage } from './memory-message.js';
import type { Destination, Posting, Refusal, Transfer } from './posting.js';

/** What a copy is made of, and for whom. */
export interface CopyOrigin {
  readonly host: ProviderHost;
  readonly spec: SubscriptionSpec;
  readonly consumer: MemoryConsumer;
  readonly message: StoredMessage;
}

interface Complaint {
  readonly to: string;
  readonly text: string;
}

/** Writes a copy of a delivered message until the broker has confirmed it, or has taken the original back. */
export class MemoryCopy implements Transfer, Undertaking {
  /** Whether the copy is confirmed; false: given up. */
  readonly made: Promise<boolean>;
  readonly posting: Posting;
  readonly #origin: CopyOrigin;
  readonly #complaint: Complaint;
  /** Between attempts; without it one refusal is the end. */
  readonly #backoff: Backoff | undefined;
  #resolve!: (made: boolean) => void;
  #timer: Timer | undefined;
  #complained = false;

  private constructor(origin: CopyOrigin, posting: Posting, complaint: Complaint, backoff?: Backoff) {
    this.#origin = origin;
    this.posting = posting;
    this.#complaint = complaint;
    this.#backoff = backoff;
    this.made = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    origin.consumer.undertakings.add(this);
    this.#try();
  }

  /** Into the queue or the archive: tried again until it is taken. */
  static of(outcome: CopyOutcome, origin: CopyOrigin): MemoryCopy {
    const { spec, consumer, message } = origin;
    // A pattern is no address: its copies go by the one that the message came by.
    const address = spec.pattern === true ? (outcome.address ?? message.address) : spec.event;
    const self: Destination = { address, routing: spec.routing, queue: consumer.queue };
    const destination: Destination = outcome.to === 'self' ? self : { address: spec.archive, routing: 'anycast' };
    const posting: Posting = {
      destination,
      message: copied(message, outcome.headers, destination.address),
      dedupeId: outcome.dedupeId,
      notBefore: outcome.notBefore?.getTime(),
      expiresAt: undefined,
    };
    const complaint = { to: outcome.to, text: 'the broker did not take a copy; the original stays unsettled until it does' };
    return new MemoryCopy(origin, posting, complaint, new Backoff({ initialMs: 100, maxMs: 10_000 }));
  }

  /** To whoever listens: tried once. */
  static ofNotice({ address, headers, dedupeId }: Notice, origin: CopyOrigin): MemoryCopy {
    const posting: Posting = {
      destination: { address, routing: 'multicast' },
      message: copied(origin.message, headers, address),
      dedupeId,
      notBefore: undefined,
      expiresAt: undefined,
    };
    return new MemoryCopy(origin, posting, { to: address, text: 'the broker did not take a notice; it is given up' });
  }

  confirmed(): void {
    this.#end(true);
  }

  refused(refusal: Refusal): void {
    this.#again(refusal.reason);
  }

  abandon(): void {
    this.#end(false);
  }

  #try(): void {
    this.#timer = undefined;
    if (!this.#origin.consumer.connection.transfer(this)) this.#again('the address gives no credit');
  }

  #again(reason: string): void {
    const { host, spec, consumer } = this.#origin;
    // The outcome of a consumer that was closed alone, on a connection that lives on.
    if (!consumer.undertakings.has(this)) return;
    const { to, text } = this.#complaint;
    if (!this.#complained) host.logger.warn({ event: spec.event, listener: spec.listener, to, reason }, text);
    this.#complained = true;
    if (this.#backoff === undefined) this.#end(false);
    else
      this.#timer = host.clock.schedule(this.#backoff.next(), () => {
        this.#try();
      });
  }

  #end(made: boolean): void {
    this.#timer?.cancel();
    this.#origin.consumer.undertakings.delete(this);
    this.#resolve(made);
  }
}
