import { TidingsError } from '../../core/errors.js';
import { wireMessage } from './amqp-message.js';
import type { FoundQueue, QueueReader, ReadingOptions, Shown } from '../artemis/broker-access.js';
import { OnItsWay } from '../artemis/on-its-way.js';
import { readingRefused, readingSilent } from '../artemis/reading-faults.js';
import { Stirring } from '../network/stirring.js';
import { capabilityOf } from './artemis-dialect.js';
import type { RheaConnection } from './rhea-driver.js';
import type { ReceiverLink, TransferToken } from './rhea-links.js';
import { decoded } from './rhea-message.js';
import type { AmqpMessage } from './rhea-message.js';

const idleMs = 200;
const silenceMs = 10_000;
const closeMs = 1_000;

/** One message as it is shown. */
export interface ShownByLink extends Shown {
  readonly raw: AmqpMessage;
  readonly token: TransferToken;
}

/**
 * Reads the messages that waited in a queue when it began, oldest first. Whether one is still to come is asked of the broker's
 * management: its answer to a drain may belong to the drain before, or be left out.
 */
export class LinkReader implements QueueReader<ShownByLink> {
  readonly #connection: RheaConnection;
  readonly #queue: FoundQueue;
  readonly #options: ReadingOptions;
  readonly #link: ReceiverLink;
  readonly #here: ShownByLink[] = [];
  /** Messages that were asked for, and that came. */
  #asked = 0;
  #came = 0;
  #failure: TidingsError | undefined;
  readonly #stirring = new Stirring();
  readonly #onItsWay: OnItsWay;

  constructor(connection: RheaConnection, queue: FoundQueue, options: ReadingOptions) {
    this.#connection = connection;
    this.#queue = queue;
    this.#options = options;
    this.#onItsWay = new OnItsWay(options.clock);
    this.#link = connection.openReceiver(
      { address: queue.name, capability: capabilityOf(queue.routing), ...(options.browse && { browse: true }) },
      {
        onOpen: () => {
          this.#ask();
        },
        onClosed: (fault) => {
          this.#failure = readingRefused(queue.name, fault);
          this.#stirring.stir();
        },
        onMessage: (bytes, token) => {
          const raw = decoded(bytes);
          this.#came++;
          this.#onItsWay.came();
          this.#here.push({ raw, message: wireMessage(raw), token });
          this.#stirring.stir();
        },
        onDrained: () => undefined,
      },
    );
  }

  async next(staying: number): Promise<ShownByLink | undefined> {
    const endsAt = this.#options.clock.now() + silenceMs;
    for (;;) {
      this.mustLive();
      const shown = this.#here.shift();
      if (shown !== undefined) {
        this.#ask();
        return shown;
      }
      if (this.#came >= this.#queue.waiting || (await this.#idle(staying))) return undefined;
      if (this.#options.clock.now() >= endsAt) throw readingSilent(this.#queue.name, silenceMs);
    }
  }

  accept({ token }: ShownByLink): void {
    this.mustLive();
    this.#onItsWay.settled();
    this.#link.accept(token);
  }

  passOver({ token }: ShownByLink): void {
    this.mustLive();
    this.#onItsWay.settled();
    this.#link.passOver(token);
  }

  /** A connection that is lost tells its links nothing. */
  mustLive(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#connection.alive)
      throw new TidingsError('connection', `queue ${this.#queue.name}: the connection was lost`, { retryable: true });
  }

  close(): Promise<void> {
    return this.#link.close(this.#options.clock, closeMs);
  }

  #ask(): void {
    const { window } = this.#options;
    const here = this.#asked - this.#came + this.#here.length;
    if (!this.#link.alive || here > window >> 1) return;
    const credit = Math.min(window - here, this.#queue.waiting - this.#asked);
    if (credit <= 0) return;
    this.#asked += credit;
    this.#link.addCredit(credit);
  }

  /** Waits a moment; true when nothing has come and nothing is left there but what was passed over. */
  async #idle(staying: number): Promise<boolean> {
    if (await this.#stirring.within(this.#options.clock, idleMs)) return false;
    const now = await this.#options.look();
    if (this.#here.length > 0 || (now?.waiting ?? 0) > staying) return false;
    // Of one who only looks nothing is delivered.
    return this.#options.browse || !this.#onItsWay.mayBe(now);
  }
}
