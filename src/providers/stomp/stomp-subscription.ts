import type { Clock, Timer } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { CopyOutcome, Delivery, Outcome, ProviderSubscription, Settlement, SubscriptionSpec } from '../../core/provider.js';
import { PeerFault } from '../network/peer-fault.js';
import { subscriptionRefusal } from './artemis-dialect.js';
import type { Connect } from './connect.js';
import { DeliveryCopies } from './delivery-copies.js';
import type { CopiesHost } from './delivery-copies.js';
import { Ejections } from './ejections.js';
import type { Epoch } from './epoch.js';
import type { MessageFrame } from './frame-reader.js';
import { QueueLine } from './queue-line.js';
import { StompDelivery } from './stomp-delivery.js';
import type { Settler } from './stomp-delivery.js';
import type { StompConnection } from './stompjs-driver.js';
import { Wear } from './wear.js';

const firstReopenMs = 100;
const closeTimeoutMs = 2_000;
/** A connection that lived so long was a good one: the next attempts begin with the shortest delay again. */
const goodLifeMs = 5_000;
const settled = Promise.resolve<Settlement>('settled');
const stale = Promise.resolve<Settlement>('stale');

export interface SubscriptionHost extends CopiesHost {
  readonly clock: Clock;
  readonly maxDelayMs: number;
  readonly windowMessageBytes: number;
  readonly connect: Connect;
  /** Makes the queue again where that is ours to do. */
  restore(epoch: Epoch, spec: SubscriptionSpec): Promise<void>;
  forget(subscription: StompSubscription): void;
}

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
  #limit: number;
  #epoch: Epoch | undefined;
  #line: QueueLine | undefined;
  #state: 'new' | 'open' | 'paused' | 'closed' = 'new';
  /** Handed over and not settled, those of lost connections included; what is given back keeps its place until it has gone. */
  readonly #handed = new Set<StompDelivery>();
  /** Came, and wait for their turn. */
  #waiting: StompDelivery[] = [];
  /** Of those, given back: they go to the broker as soon as nothing runs that would go with them. */
  #returned: StompDelivery[] = [];
  readonly #wear: Wear;
  /** Settled in this tick. */
  #unwritten = 0;
  #reopenTimer: Timer | undefined;
  #reopenMs = firstReopenMs;
  readonly #ejections: Ejections;
  #confirmed: Ends | undefined;
  #onAttempted: (() => void) | undefined;

  constructor(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void, host: SubscriptionHost) {
    this.spec = spec;
    this.#deliver = deliver;
    this.#host = host;
    this.#copies = new DeliveryCopies(spec, host);
    this.#limit = spec.concurrency + spec.prefetch;
    this.#wear = new Wear(Math.ceil(spec.maxCrashes / 2));
    this.#ejections = new Ejections(this.#limit);
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
    this.#reopenTimer?.cancel();
    this.#reopenMs = firstReopenMs;
    if (epoch.faulty.has(this.spec)) {
      this.#reopenLater(epoch);
      this.#attempted();
    } else this.#open(epoch);
    return attempted;
  }

  /** The main connection is lost. This one may live on. */
  disconnected(): void {
    this.#epoch = undefined;
    this.#reopenTimer?.cancel();
    this.#reopenTimer = undefined;
    this.#attempted();
  }

  open(): void {
    if (this.#state === 'closed') return;
    this.#state = 'open';
    // Given back, and still here: they are the first again.
    this.#waiting = [...this.#takeReturned().map((delivery) => delivery.again()), ...this.#waiting];
    this.#line?.listen();
    this.#pump();
  }

  pause(): Promise<void> {
    if (this.#state !== 'closed') {
      this.#state = 'paused';
      this.#restWhenDone();
    }
    return Promise.resolve();
  }

  setLimit(deliveries: number): void {
    this.#limit = deliveries;
    if (!this.#ejections.careful) this.#line?.widen(this.#windowBytes);
    this.#pump();
  }

  async close(timeoutMs = closeTimeoutMs): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#confirmed?.reject(
      new TidingsError(
        'not-running',
        `listener ${this.spec.listener} of event ${this.spec.event}: the subscription was closed before the broker confirmed it`,
      ),
    );
    this.#confirmed = undefined;
    const line = this.#line;
    this.#line = undefined;
    this.#forgetHeld();
    this.#attempted();
    this.#reopenTimer?.cancel();
    await line?.close(Math.min(timeoutMs, closeTimeoutMs));
    this.#sweep();
    this.#host.forget(this);
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
      this.#returned.push(delivery);
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
    this.#handed.delete(delivery);
    if (this.#line?.carried(delivery.connection) === false) this.#regain(this.#line);
    if (this.#unwritten++ === 0) setImmediate(this.#written);
    this.#restWhenDone();
  }

  /**
   * The ACKs of this tick are written: their places are free. Before, quick listeners would handle all that waits here with no ACK on its
   * way, and it would be handled again if the process died just then.
   */
  readonly #written = (): void => {
    this.#unwritten = 0;
    this.#pump();
  };

  #pump(): void {
    while (this.#state === 'open' && this.#handed.size + this.#unwritten < this.#limit) {
      const delivery = this.#waiting.shift();
      if (delivery === undefined) return;
      if (delivery.stale) continue;
      this.#handed.add(delivery);
      this.#handOver(delivery);
    }
  }

  /** Runs that outlive their connection keep their places: what came for those would only be withheld from others. */
  #regain(line: QueueLine): void {
    if (this.#state === 'paused') return;
    if ([...this.#handed].every(({ connection }) => line.carried(connection)) && !this.#ejections.careful) line.widen(this.#windowBytes);
    line.listen();
  }

  /** To end the subscription takes back what runs too, so it waits for that; what was not begun goes to others then. */
  #restWhenDone(): void {
    if (this.#state !== 'paused' || this.#handed.size > this.#returned.length) return;
    this.#forgetHeld();
    this.#line?.rest();
  }

  #forgetHeld(): void {
    this.#waiting = [];
    this.#takeReturned();
  }

  #takeReturned(): StompDelivery[] {
    const returned = this.#returned.splice(0);
    for (const delivery of returned) this.#handed.delete(delivery);
    return returned;
  }

  #open(epoch: Epoch): void {
    if (this.#state === 'closed' || !epoch.alive) {
      this.#attempted();
      return;
    }
    const { spec } = this;
    const places = this.#limit - this.#handed.size;
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
    this.#reopenMs = firstReopenMs;
    if (this.#ejections.received()) this.#line?.widen(this.#windowBytes);
    const delivery = this.#read(frame, connection);
    if (delivery === undefined) return;
    this.#waiting.push(delivery);
    this.#pump();
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
    for (const delivery of [...this.#handed, ...this.#waiting]) if (line.carried(delivery.connection)) this.#wear.lost(delivery.frame);
    this.#forgetHeld();
    this.#sweep();
    this.#attempted();
    if (this.#host.clock.now() - line.openedAt >= goodLifeMs) {
      this.#reopenMs = firstReopenMs;
    }
    if (this.#ejections.lost(fault, this.#host.clock.now() - line.openedAt)) this.#tellEjections(fault);
    const error = subscriptionRefusal(fault, this.spec);
    if (this.#confirmed !== undefined && !error.retryable) {
      this.#confirmed.reject(error);
      this.#confirmed = undefined;
      this.#state = 'closed';
      this.#host.forget(this);
      return;
    }
    this.#host.logger.warn({ error, ...this.#whose, retryMs: this.#reopenMs }, 'the connection of a listener was lost and is made anew');
    if (this.#epoch !== undefined) this.#reopenLater(this.#epoch);
  }

  #tellEjections(fault: PeerFault): void {
    this.#host.logger.error(
      { ...this.#whose, queue: this.spec.queue, reason: fault.message },
      'the broker ends the connection of this listener again and again: its queue most likely holds a message that cannot be written in STOMP ' +
        '(a property that is a timestamp, a list or a map, a footer, a nested map as body). Remove that message, or listen over AMQP; the broker moves it to its dead-letter address in the end',
    );
  }

  get #windowBytes(): number {
    return this.#limit * this.#host.windowMessageBytes;
  }

  #reopenLater(epoch: Epoch): void {
    if (this.#state === 'closed' || this.#epoch !== epoch) return;
    this.#reopenTimer = this.#host.clock.schedule(this.#reopenMs, () => {
      this.#reopenTimer = undefined;
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
    this.#reopenMs = Math.min(2 * this.#reopenMs, this.#host.maxDelayMs);
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
