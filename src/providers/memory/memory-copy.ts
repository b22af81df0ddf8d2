import type { Timer } from '../../core/clock.js';
import type { CopyOutcome, ProviderHost, SubscriptionSpec } from '../../core/provider.js';
import { Backoff } from './backoff.js';
import type { MemoryConsumer, Undertaking } from './memory-consumer.js';
import { withHeaders } from './memory-message.js';
import type { StoredMessage } from './memory-message.js';
import type { Destination, Posting, Refusal, Transfer } from './posting.js';

export interface CopyOptions {
  readonly host: ProviderHost;
  readonly spec: SubscriptionSpec;
  readonly consumer: MemoryConsumer;
  readonly message: StoredMessage;
  readonly outcome: CopyOutcome;
}

/** Writes a copy into a queue or an archive until the broker has confirmed it, or has taken the original back. */
export class MemoryCopy implements Transfer, Undertaking {
  /** Whether the copy is confirmed; false: given up, the original goes another way. */
  readonly made: Promise<boolean>;
  readonly posting: Posting;
  readonly #options: CopyOptions;
  readonly #backoff = new Backoff({ initialMs: 100, maxMs: 10_000 });
  #resolve!: (made: boolean) => void;
  #timer: Timer | undefined;
  #complained = false;

  constructor(options: CopyOptions) {
    this.#options = options;
    this.posting = postingOf(options);
    this.made = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    options.consumer.undertakings.add(this);
    this.#try();
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
    if (!this.#options.consumer.connection.transfer(this)) this.#again('the address gives no credit');
  }

  #again(reason: string): void {
    // The outcome of a consumer that was closed alone, on a connection that lives on.
    if (!this.#options.consumer.undertakings.has(this)) return;
    const { host, spec, outcome } = this.#options;
    const fields = { event: spec.event, listener: spec.listener, to: outcome.to, reason };
    if (!this.#complained) host.logger.warn(fields, 'the broker did not take a copy; the original stays unsettled until it does');
    this.#complained = true;
    this.#timer = host.clock.schedule(this.#backoff.next(), () => {
      this.#try();
    });
  }

  #end(made: boolean): void {
    this.#timer?.cancel();
    this.#options.consumer.undertakings.delete(this);
    this.#resolve(made);
  }
}

function postingOf({ spec, consumer, message, outcome }: CopyOptions): Posting {
  const self: Destination = { address: spec.event, routing: spec.routing, queue: consumer.queue };
  return {
    destination: outcome.to === 'self' ? self : { address: spec.archive, routing: 'anycast' },
    message: withHeaders(message, outcome.headers),
    dedupeId: outcome.dedupeId,
    notBefore: outcome.notBefore?.getTime(),
  };
}
