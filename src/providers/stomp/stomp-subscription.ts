import { TidingsError } from '../../core/errors.js';
import type { CopyOutcome, Delivery, Outcome, ProviderSubscription, Settlement, SubscriptionSpec } from '../../core/provider.js';
import { PeerFault } from '../network/peer-fault.js';
import { subscriptionRefusal } from './artemis-dialect.js';
import { DeliveryCopies } from './delivery-copies.js';
import { Ejections, tellEjections } from './ejections.js';
import type { Epoch } from './epoch.js';
import type { MessageFrame } from './frame-reader.js';
import { HeldDeliveries } from './held-deliveries.js';
import { QueueLine } from './queue-line.js';
import { StompDelivery } from './stomp-delivery.js';
import type { Settler } from './stomp-delivery.js';
import type { StompConnection } from './stompjs-driver.js';
import { Reopening } from './reopening.js';
import type { SubscriptionHost } from './subscription-host.js';
import { Wear } from './wear.js';

const closeTimeoutMs = 2_000;
const settled = Promise.resolve<Settlement>('settled');
const stale = Promise.resolve<Settlement>('stale');

interface Ends {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * One queue consumed over a connection of its own, so that what ends it ends no other listener's. The broker sends ahead by a window of
 * bytes; what is beyond the limit waits here, unsettled, and is not handed over.
 */
export class StompSubscription implements ProviderSubscription, Settler {
  readonly spec: SubscriptionSpec;
  readonly #host: SubscriptionHost;
  readonly #copies: DeliveryCopies;
  readonly #deliver: (delivery: Delivery) => void;
  readonly #held: HeldDeliveries;
  #epoch: Epoch | undefined;
  #line: QueueLine | undefined;
  #state: 'new' | 'open' | 'paused' | 'closed' = 'new';
  readonly #wear: Wear;
  readonly #reopening: Reopening;
  readonly #ejections: Ejections;
  #confirmed: Ends | undefined;
  #onAttempted: (() => void) | undefined;

  constructor(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void, host: SubscriptionHost) {
    this.spec = spec;
    this.#deliver = deliver;
    this.#host = host;
    this.#copies = new DeliveryCopies(spec, host);
    this.#held = new HeldDeliveries(
      spec.concurrency + spec.prefetch,
      (delivery) => {
        this.#handOver(delivery);
      },
      (more) => {
        if (more) this.#line?.readOn();
        else this.#line?.hold();
      },
    );
    this.#reopening = new Reopening(host.clock, host.maxDelayMs);
    this.#wear = new Wear(Math.ceil(spec.maxCrashes / 2));
    this.#ejections = new Ejections(this.#held.limit);
  }

  get ready(): boolean {
    return this.#line?.ready === true;
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
    // What is sent now goes to another broker, and so do the copies of what came from this one.
    if (this.#line !== undefined && this.#line.endpoint !== epoch.endpoint)
      this.#line.abandon(new PeerFault('moved', 'another broker is used now'));
    if (this.ready) return Promise.resolve();
    const attempted = new Promise<void>((resolve) => {
      this.#onAttempted = resolve;
    });
    // It outlived the last epoch and is still on its way.
    if (this.#line !== undefined) return attempted;
    this.#reopening.cancel();
    this.#reopening.reset();
    if (epoch.faulty.has(this.spec)) {
      this.#reopenLater(epoch);
      this.#attempted();
    } else this.#open(epoch);
    return attempted;
  }

  /** The main connection is lost. This one may live on. */
  disconnected(): void {
    this.#epoch = undefined;
    this.#reopening.cancel();
    this.#attempted();
  }

  open(): void {
    if (this.#state === 'closed') return;
    this.#state = 'open';
    this.#line?.listen();
    this.#held.open();
  }

  pause(): Promise<void> {
    if (this.#state !== 'closed') {
      this.#state = 'paused';
      this.#held.shut();
      this.#restWhenDone();
    }
    return Promise.resolve();
  }

  setLimit(deliveries: number): void {
    this.#held.limit = deliveries;
    if (!this.#ejections.careful) this.#line?.widen(this.#windowBytes);
    this.#held.pump();
  }

  async close(timeoutMs = closeTimeoutMs): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#held.shut();
    this.#confirmed?.reject(
      new TidingsError(
        'not-running',
        `listener ${this.spec.listener} of event ${this.spec.event}: the subscription was closed before the broker confirmed it`,
      ),
    );
    this.#confirmed = undefined;
    const line = this.#line;
    this.#line = undefined;
    this.#held.forget();
    this.#attempted();
    this.#reopening.cancel();
    await line?.close(Math.min(timeoutMs, closeTimeoutMs));
    this.#sweep();
    await this.#host.forget();
  }

  isStale({ connection }: StompDelivery): boolean {
    return this.#state === 'closed' || !connection.alive;
  }

  settle(delivery: StompDelivery, outcome: Outcome): Promise<Settlement> {
    if (delivery.stale) {
      this.#release(delivery);
      return stale;
    }
    if (outcome.do === 'copy') return this.#copy(delivery, outcome);
    if (outcome.do === 'return') {
      this.#held.returned(delivery);
      this.#restWhenDone();
    } else {
      delivery.acknowledge();
      this.#release(delivery);
    }
    return settled;
  }

  async #copy(delivery: StompDelivery, outcome: CopyOutcome): Promise<Settlement> {
    const done = (await this.#copies.write(delivery, outcome)) && !delivery.stale;
    if (done) delivery.acknowledge();
    this.#release(delivery);
    return done ? 'settled' : 'stale';
  }

  #release(delivery: StompDelivery): void {
    this.#held.settled(delivery);
    if (this.#line?.carried(delivery.connection) === false) this.#regain(this.#line);
    this.#restWhenDone();
  }

  /** Runs that outlive their connection keep their places: what came for those would only be withheld from others. */
  #regain(line: QueueLine): void {
    if (this.#state === 'paused') return;
    if ([...this.#held.handed].every(({ connection }) => line.carried(connection)) && !this.#ejections.careful)
      line.widen(this.#windowBytes);
    line.listen();
  }

  /** To end the subscription takes back what runs too, so it waits for that; what was not begun goes to others then. */
  #restWhenDone(): void {
    if (this.#state !== 'paused' || !this.#held.resting) return;
    this.#held.forget();
    this.#line?.rest();
  }

  #open(epoch: Epoch): void {
    if (this.#state === 'closed' || !epoch.alive) {
      this.#attempted();
      return;
    }
    const { spec } = this;
    const { places } = this.#held;
    const windowBytes = this.#ejections.careful ? 1 : Math.max(places, 1) * this.#host.windowMessageBytes;
    const resting = this.#state === 'paused' || places <= 0;
    const line = new QueueLine(
      spec,
      { connect: this.#host.connect, clock: this.#host.clock, endpoint: epoch.endpoint, windowBytes, resting },
      {
        received: (frame, connection) => {
          if (this.#line === line) this.#received(frame, connection);
        },
        opened: () => {
          this.#confirmed?.resolve();
          this.#confirmed = undefined;
          this.#attempted();
        },
        lost: (fault) => {
          if (this.#line === line) this.#lost(fault, line);
        },
      },
    );
    this.#line = line;
    line.open();
  }

  #received(frame: MessageFrame, connection: StompConnection): void {
    this.#reopening.reset();
    if (this.#ejections.received()) this.#line?.widen(this.#windowBytes);
    const delivery = this.#read(frame, connection);
    if (delivery !== undefined) this.#held.came(delivery);
  }

  #read(frame: MessageFrame, connection: StompConnection): StompDelivery | undefined {
    try {
      return new StompDelivery(this, frame, connection, this.#wear.isWorn(frame));
    } catch (error) {
      this.#host.logger.error({ error, ...this.#whose }, 'a message could not be read and stays unsettled');
      return undefined;
    }
  }

  #handOver(delivery: StompDelivery): void {
    try {
      this.#deliver(delivery);
    } catch (error) {
      this.#host.logger.error({ error, ...this.#whose }, 'a delivery could not be handed over and stays unsettled');
    }
  }

  #lost(fault: PeerFault, line: QueueLine): void {
    this.#line = undefined;
    for (const delivery of this.#held.all) if (line.carried(delivery.connection)) this.#wear.lost(delivery.frame);
    this.#held.forget();
    this.#sweep();
    this.#attempted();
    const livedMs = this.#host.clock.now() - line.openedAt;
    this.#reopening.lostAfter(livedMs);
    if (this.#ejections.lost(fault, livedMs)) tellEjections(this.#host.logger, this.spec, fault);
    const error = subscriptionRefusal(fault, this.spec);
    if (this.#confirmed !== undefined && !error.retryable) {
      this.#confirmed.reject(error);
      this.#confirmed = undefined;
      this.#state = 'closed';
      this.#held.shut();
      void this.#host.forget();
      return;
    }
    this.#host.logger.warn(
      { error, ...this.#whose, retryMs: this.#reopening.delayMs },
      'the connection of a listener was lost and is made anew',
    );
    if (this.#epoch !== undefined) this.#reopenLater(this.#epoch);
  }

  get #windowBytes(): number {
    return this.#held.limit * this.#host.windowMessageBytes;
  }

  #reopenLater(epoch: Epoch): void {
    if (this.#state === 'closed' || this.#epoch !== epoch) return;
    this.#reopening.later(() => {
      this.#host.restore(epoch, this.spec).then(
        () => {
          if (this.#epoch === epoch && this.#line === undefined) this.#open(epoch);
        },
        (error: unknown) => {
          this.#host.logger.warn({ error, ...this.#whose }, 'the queue of a listener could not be restored');
          this.#reopenLater(epoch);
        },
      );
    });
  }

  /** Copies whose originals are out of reach are given up. */
  #sweep(): void {
    this.#host.copies.sweep();
    this.#host.notices.sweep();
  }

  #attempted(): void {
    this.#onAttempted?.();
    this.#onAttempted = undefined;
  }

  get #whose(): { event: string; listener: string } {
    return { event: this.spec.event, listener: this.spec.listener };
  }
}
