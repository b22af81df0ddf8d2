import type { Clock, Timer } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type {
  CopyOutcome,
  Delivery,
  Outcome,
  ProviderSubscription,
  Settlement,
  SubscriptionSpec,
  WireMessage,
} from '../../core/provider.js';
import { encodedCopy } from './amqp-copy.js';
import { wireMessage } from './amqp-message.js';
import { capabilityOf, fullyQualified, linkRefusal } from './artemis-dialect.js';
import type { Epoch } from './epoch.js';
import type { AmqpFault } from './amqp-fault.js';
import type { ReceiverLink, TransferToken } from './rhea-links.js';
import type { AmqpMessage } from './rhea-message.js';

const firstReopenMs = 100;
const drainTimeoutMs = 1_000;
const closeTimeoutMs = 2_000;
/** The broker does not write its count into large messages, and leaves it out for 0 in small ones. */
const uncountedLength = 90_000;

const settled = Promise.resolve<Settlement>('settled');
const stale = Promise.resolve<Settlement>('stale');

export interface SubscriptionHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxDelayMs: number;
  /** Makes the queue again where that is ours to do. */
  restore(epoch: Epoch, spec: SubscriptionSpec): Promise<void>;
  forget(subscription: AmqpSubscription): void;
}

interface Ends {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * One queue consumed over one link at a time, with credit given by hand: never more deliveries are out than `concurrency` and
 * `prefetch` together, whatever connection they came by.
 */
export class AmqpSubscription implements ProviderSubscription {
  readonly spec: SubscriptionSpec;
  readonly #host: SubscriptionHost;
  readonly #deliver: (delivery: Delivery) => void;
  readonly #limit: number;
  #epoch: Epoch | undefined;
  #link: ReceiverLink | undefined;
  #attached = false;
  #state: 'new' | 'open' | 'paused' | 'closed' = 'new';
  /** Handed over and not settled, those of lost links included. */
  #held = 0;
  /** Given to the link and not used yet. */
  #credit = 0;
  /** Came after `pause()` had given up waiting; handed over by `open()`. */
  #late: AmqpDelivery[] = [];
  #reopenTimer: Timer | undefined;
  #reopenMs = firstReopenMs;
  #confirmed: Ends | undefined;
  #onAttempted: (() => void) | undefined;
  #onDrained: (() => void) | undefined;

  constructor(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void, host: SubscriptionHost) {
    this.spec = spec;
    this.#deliver = deliver;
    this.#host = host;
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
    for (const delivery of this.#late.splice(0)) this.#handOver(delivery);
    this.#grant();
  }

  async pause(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'paused';
    if (this.#credit === 0 || !this.ready) return;
    await new Promise<void>((resolve) => {
      // The broker is silent where no credit was left, or hangs: what comes later is kept back.
      const timer = this.#host.clock.schedule(drainTimeoutMs, resolve);
      this.#onDrained = () => {
        timer.cancel();
        resolve();
      };
      this.#link?.drain();
    });
    this.#onDrained = undefined;
    if (this.#isPaused()) this.#state = 'paused';
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#late = [];
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
    this.#onDrained?.();
    this.#reopenTimer?.cancel();
    await link?.close(this.#host.clock, closeTimeoutMs);
    this.#dropLink();
    this.#host.forget(this);
  }

  settle(delivery: AmqpDelivery, outcome: Outcome): Promise<Settlement> {
    if (!delivery.link.alive) {
      this.#release();
      return stale;
    }
    if (outcome.do === 'return') return settled;
    if (outcome.do === 'copy') return this.#copy(delivery, outcome);
    delivery.link.accept(delivery.token);
    this.#release();
    return settled;
  }

  async #copy(delivery: AmqpDelivery, outcome: CopyOutcome): Promise<Settlement> {
    const { link, epoch, raw } = delivery;
    let confirmed = false;
    try {
      const { headers, contentType } = delivery.message;
      const payload = encodedCopy(raw, outcome, { spec: this.spec, headers, contentType, clockOffsetMs: epoch.clockOffsetMs });
      confirmed = await epoch.relay.copy(payload, () => link.alive);
    } catch (error) {
      this.#host.logger.error(
        { error, event: this.spec.event, listener: this.spec.listener },
        'a retry or archive copy could not be written; the message comes again with the next connection',
      );
    }
    const done = confirmed && link.alive;
    if (done) link.accept(delivery.token);
    this.#release();
    return done ? 'settled' : 'stale';
  }

  #release(): void {
    this.#held--;
    this.#grant();
  }

  #grant(): void {
    if (this.#state !== 'open' || !this.#attached) return;
    const missing = this.#limit - this.#held - this.#credit;
    // In quarters, so that a busy listener does not cost a frame for each message; but never none.
    if (missing <= 0 || (this.#credit > 0 && missing < this.#limit >> 2)) return;
    this.#credit += missing;
    this.#link?.addCredit(missing);
  }

  #attach(epoch: Epoch): void {
    if (this.#state === 'closed' || !epoch.alive) {
      this.#attempted();
      return;
    }
    const { event, queue, routing } = this.spec;
    const link: ReceiverLink = epoch.connection.openReceiver(
      { address: fullyQualified(event, queue), capability: capabilityOf(routing) },
      {
        onOpen: () => {
          if (this.#link !== link || this.#state === 'closed') return;
          this.#attached = true;
          this.#credit = 0;
          this.#confirmed?.resolve();
          this.#confirmed = undefined;
          this.#attempted();
          this.#grant();
        },
        onClosed: (fault) => {
          if (this.#link === link) this.#closed(fault, epoch);
        },
        onMessage: (message, token) => {
          this.#received(message, token, { link, epoch });
        },
        onDrained: () => {
          if (this.#link !== link) return;
          this.#credit = 0;
          this.#onDrained?.();
          this.#grant();
        },
      },
    );
    this.#link = link;
  }

  #received(raw: AmqpMessage, token: TransferToken, { link, epoch }: { link: ReceiverLink; epoch: Epoch }): void {
    if (this.#state === 'closed') return;
    if (this.#link === link && this.#credit > 0) this.#credit--;
    this.#reopenMs = firstReopenMs;
    const delivery = this.#read(raw, { link, epoch, token });
    if (delivery === undefined) return;
    if (this.#state === 'paused' && this.#onDrained === undefined) this.#late.push(delivery);
    else this.#handOver(delivery);
    if (this.#credit === 0) this.#onDrained?.();
  }

  #read(raw: AmqpMessage, from: { link: ReceiverLink; epoch: Epoch; token: TransferToken }): AmqpDelivery | undefined {
    try {
      return new AmqpDelivery(this, raw, from);
    } catch (error) {
      // Thrown into the driver it would end the connection.
      this.#host.logger.error(
        { error, event: this.spec.event, listener: this.spec.listener },
        'a message could not be read and stays unsettled',
      );
      this.#held++;
      return undefined;
    }
  }

  #handOver(delivery: AmqpDelivery): void {
    this.#held++;
    try {
      this.#deliver(delivery);
    } catch (error) {
      this.#host.logger.error(
        { error, event: this.spec.event, listener: this.spec.listener },
        'a delivery could not be handed over and stays unsettled',
      );
    }
  }

  #closed(fault: AmqpFault, epoch: Epoch): void {
    this.#dropLink();
    this.#attempted();
    const error = linkRefusal(fault, this.spec);
    if (this.#confirmed !== undefined && !error.retryable) {
      this.#confirmed.reject(error);
      this.#confirmed = undefined;
      this.#state = 'closed';
      this.#host.forget(this);
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
    this.#credit = 0;
    this.#late = [];
    this.#reopenTimer?.cancel();
    this.#reopenTimer = undefined;
    this.#onDrained?.();
  }

  #attempted(): void {
    this.#onAttempted?.();
    this.#onAttempted = undefined;
  }

  #isPaused(): boolean {
    return this.#state === 'paused';
  }
}

/** One message with the link it came by: settled there or nowhere. */
export class AmqpDelivery implements Delivery {
  readonly message: WireMessage;
  readonly brokerCount?: number;
  readonly raw: AmqpMessage;
  readonly link: ReceiverLink;
  readonly epoch: Epoch;
  readonly token: TransferToken;
  readonly #subscription: AmqpSubscription;
  #settlement: Promise<Settlement> | undefined;

  constructor(
    subscription: AmqpSubscription,
    raw: AmqpMessage,
    { link, epoch, token }: { link: ReceiverLink; epoch: Epoch; token: TransferToken },
  ) {
    this.#subscription = subscription;
    this.message = wireMessage(raw);
    const count = raw.delivery_count ?? (this.message.body.length < uncountedLength ? 0 : undefined);
    if (count !== undefined) this.brokerCount = count;
    this.raw = raw;
    this.link = link;
    this.epoch = epoch;
    this.token = token;
  }

  get stale(): boolean {
    return !this.link.alive;
  }

  settle(outcome: Outcome): Promise<Settlement> {
    return (this.#settlement ??= this.#subscription.settle(this, outcome));
  }
}
