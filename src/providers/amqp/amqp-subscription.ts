import type { Clock, Timer } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { CopyOutcome, Delivery, Outcome, ProviderSubscription, Settlement, SubscriptionSpec } from '../../core/provider.js';
import { AmqpDelivery } from './amqp-delivery.js';
import type { Passage, Settler } from './amqp-delivery.js';
import { fullyQualified } from '../artemis/artemis-words.js';
import { capabilityOf, linkRefusal } from './artemis-dialect.js';
import { DeliveryCopies } from './delivery-copies.js';
import type { Epoch } from './epoch.js';
import type { PeerFault } from '../network/peer-fault.js';
import { LinkCredit } from './link-credit.js';
import type { ReceiverLink } from './rhea-links.js';

const firstReopenMs = 100;
const drainTimeoutMs = 1_000;
const closeTimeoutMs = 2_000;
const settled = Promise.resolve<Settlement>('settled');
const stale = Promise.resolve<Settlement>('stale');

export interface SubscriptionHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxDelayMs: number;
  /** Makes the queue again where that is ours to do. */
  restore(epoch: Epoch, spec: SubscriptionSpec): Promise<void>;
  /** Resolves soon and always. */
  forget(subscription: AmqpSubscription): Promise<void>;
}

interface Ends {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * One queue consumed over one link at a time, with credit given by hand: never more deliveries are out than the limit, whatever
 * connection they came by.
 */
export class AmqpSubscription implements ProviderSubscription, Settler {
  readonly spec: SubscriptionSpec;
  readonly #host: SubscriptionHost;
  readonly #copies: DeliveryCopies;
  readonly #deliver: (delivery: Delivery) => void;
  #limit: number;
  #epoch: Epoch | undefined;
  #link: ReceiverLink | undefined;
  #attached = false;
  #state: 'new' | 'open' | 'paused' | 'closed' = 'new';
  /** Handed over and not settled, those of lost links included. */
  #held = 0;
  #credit: LinkCredit | undefined;
  /** To be released as soon as they cannot come again at once: when it is paused, and no credit is out. */
  #returned: AmqpDelivery[] = [];
  #reopenTimer: Timer | undefined;
  #reopenMs = firstReopenMs;
  #confirmed: Ends | undefined;
  #onAttempted: (() => void) | undefined;
  readonly #pausing = new Set<() => void>();

  constructor(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void, host: SubscriptionHost) {
    this.spec = spec;
    this.#deliver = deliver;
    this.#host = host;
    this.#copies = new DeliveryCopies(spec, host.logger);
    this.#limit = spec.concurrency + spec.prefetch;
  }

  get ready(): boolean {
    return this.#attached && this.#link?.alive === true;
  }

  /** Resolves when a broker has confirmed it for the first time; rejects when it never will. */
  confirmed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#confirmed = { resolve, reject };
    });
  }

  /** Resolves when the broker has answered to the first attempt in this epoch, yes or no, or the epoch is lost. */
  connected(epoch: Epoch): Promise<void> {
    this.#epoch = epoch;
    this.#reopenMs = firstReopenMs;
    if (epoch.faulty.has(this.spec)) {
      this.#reopenLater(epoch);
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#onAttempted = resolve;
      this.#attach(epoch);
    });
  }

  disconnected(): void {
    this.#epoch = undefined;
    this.#dropLink();
    this.#attempted();
  }

  open(): void {
    if (this.#state === 'closed') return;
    this.#state = 'open';
    this.#releaseReturned();
    this.#grant();
  }

  async pause(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'paused';
    if (this.#isDry) {
      this.#releaseReturned();
      return;
    }
    await new Promise<void>((resolve) => {
      const ended = (): void => {
        this.#pausing.delete(ended);
        timer.cancel();
        resolve();
      };
      // A broker that hangs does not answer: what comes later is not handed over.
      const timer = this.#host.clock.schedule(drainTimeoutMs, ended);
      this.#pausing.add(ended);
      this.#credit?.takeBack();
    });
  }

  setLimit(deliveries: number): void {
    this.#limit = deliveries;
    // Credit that waits for messages would let in more than the limit later.
    if (this.#state === 'open' && this.#missing < 0) this.#credit?.takeBack();
    this.#grant();
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#confirmed?.reject(
      new TidingsError(
        'not-running',
        `listener ${this.spec.listener} of event ${this.spec.event}: the subscription was closed before the broker confirmed it`,
      ),
    );
    this.#confirmed = undefined;
    const link = this.#link;
    this.#attached = false;
    this.#attempted();
    this.#paused();
    this.#reopenTimer?.cancel();
    await link?.close(this.#host.clock, closeTimeoutMs);
    this.#dropLink();
    await this.#host.forget(this);
  }

  settle(delivery: AmqpDelivery, outcome: Outcome): Promise<Settlement> {
    if (!delivery.link.alive) {
      this.#release();
      return stale;
    }
    if (outcome.do === 'copy') return this.#copy(delivery, outcome);
    if (outcome.do === 'return') this.#return(delivery);
    else {
      delivery.link.accept(delivery.token);
      this.#release();
    }
    return settled;
  }

  async #copy(delivery: AmqpDelivery, outcome: CopyOutcome): Promise<Settlement> {
    const { link, token } = delivery;
    const done = (await this.#copies.write(delivery, outcome)) && link.alive;
    if (done) link.accept(token);
    this.#release();
    return done ? 'settled' : 'stale';
  }

  #return(delivery: AmqpDelivery): void {
    this.#returned.push(delivery);
    if (this.#state === 'paused' && this.#isDry) this.#releaseReturned();
  }

  /** The broker puts each back to its place, in whatever order they are released. */
  #releaseReturned(): void {
    for (const { link, token } of this.#returned.splice(0)) {
      link.release(token);
      this.#held--;
    }
  }

  #release(): void {
    this.#held--;
    this.#grant();
  }

  /** None of the credit is out, so that nothing can come. */
  get #isDry(): boolean {
    return !this.ready || this.#credit === undefined || this.#credit.out === 0;
  }

  get #missing(): number {
    return this.#limit - this.#held - (this.#credit?.out ?? 0);
  }

  #grant(): void {
    const credit = this.#credit;
    if (this.#state !== 'open' || !this.#attached || credit === undefined) return;
    const missing = this.#missing;
    // In quarters, so that a busy listener does not cost a frame for each message; but never none.
    if (missing <= 0 || (credit.out > 0 && missing < this.#limit >> 2)) return;
    credit.give(missing);
  }

  #attach(epoch: Epoch): void {
    if (this.#state === 'closed' || !epoch.alive) {
      this.#attempted();
      return;
    }
    const { event, queue, routing } = this.spec;
    const dry = (): void => {
      if (this.#link === link) this.#ranDry();
    };
    const link: ReceiverLink = epoch.connection.openReceiver(
      { address: fullyQualified(event, queue), capability: capabilityOf(routing) },
      {
        onOpen: () => {
          if (this.#link !== link || this.#state === 'closed') return;
          this.#attached = true;
          this.#confirmed?.resolve();
          this.#confirmed = undefined;
          this.#attempted();
          this.#grant();
        },
        onClosed: (fault) => {
          if (this.#link === link) this.#closed(fault, epoch);
        },
        onMessage: (bytes, token) => {
          this.#received(bytes, { link, epoch, token });
        },
        onDrained: () => {
          if (this.#link === link) this.#credit?.drained();
        },
      },
    );
    this.#link = link;
    this.#credit = new LinkCredit(link, this.#host.clock, dry);
  }

  #ranDry(): void {
    if (this.#state === 'paused') this.#releaseReturned();
    this.#paused();
    this.#grant();
  }

  #paused(): void {
    for (const ended of this.#pausing) ended();
  }

  #received(bytes: Buffer, passage: Passage): void {
    if (this.#state === 'closed') return;
    this.#reopenMs = firstReopenMs;
    this.#held++;
    const late = this.#state === 'paused' && this.#pausing.size === 0;
    if (this.#link === passage.link) this.#credit?.used();
    const delivery = this.#read(bytes, passage);
    if (delivery === undefined) return;
    // It came after pause() had given up waiting.
    if (late) this.#return(delivery);
    else this.#handOver(delivery);
  }

  #read(bytes: Buffer, passage: Passage): AmqpDelivery | undefined {
    try {
      return new AmqpDelivery(this, bytes, passage);
    } catch (error) {
      // Thrown into the driver it would end the connection.
      this.#host.logger.error(
        { error, event: this.spec.event, listener: this.spec.listener },
        'a message could not be read and stays unsettled',
      );
      return undefined;
    }
  }

  #handOver(delivery: AmqpDelivery): void {
    try {
      this.#deliver(delivery);
    } catch (error) {
      this.#host.logger.error(
        { error, event: this.spec.event, listener: this.spec.listener },
        'a delivery could not be handed over and stays unsettled',
      );
    }
  }

  #closed(fault: PeerFault, epoch: Epoch): void {
    this.#dropLink();
    this.#attempted();
    const error = linkRefusal(fault, this.spec);
    if (this.#confirmed !== undefined && !error.retryable) {
      this.#confirmed.reject(error);
      this.#confirmed = undefined;
      this.#state = 'closed';
      void this.#host.forget(this);
      return;
    }
    this.#host.logger.warn(
      { error, event: this.spec.event, listener: this.spec.listener, retryMs: this.#reopenMs },
      'the link of a listener was closed by the broker and is opened anew',
    );
    this.#reopenLater(epoch);
  }

  #reopenLater(epoch: Epoch): void {
    if (this.#state === 'closed' || this.#epoch !== epoch) return;
    this.#reopenTimer = this.#host.clock.schedule(this.#reopenMs, () => {
      this.#reopenTimer = undefined;
      this.#host.restore(epoch, this.spec).then(
        () => {
          if (this.#epoch === epoch && this.#link === undefined) this.#attach(epoch);
        },
        (error: unknown) => {
          this.#host.logger.warn(
            { error, event: this.spec.event, listener: this.spec.listener },
            'the queue of a listener could not be restored',
          );
          this.#reopenLater(epoch);
        },
      );
    });
    this.#reopenMs = Math.min(2 * this.#reopenMs, this.#host.maxDelayMs);
  }

  #dropLink(): void {
    this.#link?.abandon();
    this.#link = undefined;
    this.#attached = false;
    this.#credit?.end();
    this.#credit = undefined;
    // They come again without a word of ours.
    this.#held -= this.#returned.splice(0).length;
    this.#reopenTimer?.cancel();
    this.#reopenTimer = undefined;
    this.#paused();
  }

  #attempted(): void {
    this.#onAttempted?.();
    this.#onAttempted = undefined;
  }
}
