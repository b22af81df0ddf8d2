import type { TidingsError } from '../../core/errors.js';
import { addressAndQueue } from '../artemis/artemis-words.js';
import type { FoundQueue, QueueReader, ReadingOptions, Shown } from '../artemis/broker-access.js';
import { OnItsWay } from '../artemis/on-its-way.js';
import { readingRefused, readingSilent } from '../artemis/reading-faults.js';
import { Stirring } from '../network/stirring.js';
import type { Endpoint } from '../network/endpoints.js';
import type { Connect } from './connect.js';
import type { MessageFrame } from './frame-reader.js';
import { QueueLine } from './queue-line.js';
import { brokersId, wireMessage } from './stomp-message.js';
import type { StompConnection } from './stompjs-driver.js';

const idleMs = 200;
const silenceMs = 10_000;
const closeMs = 5_000;

/** One message as it is shown. */
export interface ShownByFrame extends Shown {
  readonly frame: MessageFrame;
  readonly connection: StompConnection;
}

export interface ReaderHost {
  readonly connect: Connect;
  readonly endpoint: Endpoint;
  readonly windowMessageBytes: number;
}

/**
 * STOMP on Artemis cannot look without taking: what is shown is held back from others until the reader closes, and goes back then to its
 * place, uncounted. What stays unsettled uses the window up, so that it is widened for the rest.
 */
export class SubscriptionReader implements QueueReader<ShownByFrame> {
  readonly #queue: FoundQueue;
  readonly #options: ReadingOptions;
  readonly #line: QueueLine;
  readonly #here: ShownByFrame[] = [];
  #windowBytes: number;
  #shown = 0;
  #failure: TidingsError | undefined;
  readonly #stirring = new Stirring();
  readonly #onItsWay: OnItsWay;

  constructor(queue: FoundQueue, options: ReadingOptions, { connect, endpoint, windowMessageBytes }: ReaderHost) {
    this.#queue = queue;
    this.#options = options;
    this.#onItsWay = new OnItsWay(options.clock);
    this.#windowBytes = options.window * windowMessageBytes;
    const { address, queue: name } = addressAndQueue(queue.name);
    this.#line = new QueueLine(
      { event: address, queue: name, routing: queue.routing },
      { connect, endpoint, clock: options.clock, windowBytes: this.#windowBytes, resting: false },
      {
        received: (frame, connection) => {
          this.#onItsWay.came();
          this.#here.push({ frame, connection, message: wireMessage(frame), identity: brokersId(frame) });
          this.#stirring.stir();
        },
        opened: () => undefined,
        lost: (fault) => {
          this.#failure = readingRefused(queue.name, fault);
          this.#stirring.stir();
        },
      },
    );
    this.#line.open();
  }

  async next(): Promise<ShownByFrame | undefined> {
    const endsAt = this.#options.clock.now() + silenceMs;
    for (;;) {
      this.mustLive();
      // What comes beyond those was written later.
      if (this.#shown >= this.#queue.waiting) return undefined;
      const shown = this.#here.shift();
      if (shown !== undefined) {
        this.#shown++;
        return shown;
      }
      if (await this.#idle()) return undefined;
      if (this.#options.clock.now() >= Math.max(endsAt, this.#onItsWay.movedAt + silenceMs))
        throw readingSilent(this.#queue.name, silenceMs);
    }
  }

  accept({ frame, connection }: ShownByFrame): void {
    this.mustLive();
    this.#onItsWay.settled();
    connection.ack(frame.said.get('ack') ?? '');
  }

  passOver(): void {
    this.mustLive();
  }

  mustLive(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): Promise<void> {
    return this.#line.close(closeMs);
  }

  /** Waits a moment; true when nothing has come and nothing is left there. */
  async #idle(): Promise<boolean> {
    if (await this.#stirring.within(this.#options.clock, idleMs)) return false;
    const now = await this.#options.look();
    if (this.#here.length > 0) return false;
    const coming = this.#onItsWay.mayBe(now, this.#line.heardBytes);
    if ((now?.waiting ?? 0) <= 0) return !coming;
    if (this.#line.ready) {
      this.#windowBytes *= 2;
      this.#line.widen(this.#windowBytes);
    }
    return false;
  }
}
