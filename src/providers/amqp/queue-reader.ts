import type { Clock, Timer } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { WireMessage } from '../../core/provider.js';
import { wireMessage } from './amqp-message.js';
import type { AmqpFault } from './amqp-fault.js';
import { missingRight } from './artemis-dialect.js';
import type { Epoch } from './epoch.js';
import type { ReceiverLink, TransferToken } from './rhea-links.js';
import type { AmqpMessage } from './rhea-message.js';

const idleMs = 200;
const silenceMs = 10_000;
const closeMs = 1_000;

/** A queue that is there. */
export interface FoundQueue {
  /** `<address>::<queue>` */
  readonly name: string;
  readonly capability: 'topic' | 'queue';
  /** Messages that are neither delayed nor delivered to somebody. */
  readonly waiting: number;
}

/** One message as it is shown. */
export interface Shown {
  readonly raw: AmqpMessage;
  readonly message: WireMessage;
  readonly token: TransferToken;
}

export interface ReadingOptions {
  readonly clock: Clock;
  /** Messages are shown and stay. */
  readonly browse: boolean;
  /** How many may be here at a time. */
  readonly window: number;
  /** What the broker says of the queue now. */
  readonly look: () => Promise<FoundQueue | undefined>;
}

/**
 * Reads the messages that waited in a queue when it began, oldest first. Whether one is still to come is asked of the broker's
 * management: its answer to a drain may belong to the drain before, or be left out.
 */
export class QueueReader {
  readonly #epoch: Epoch;
  readonly #queue: FoundQueue;
  readonly #options: ReadingOptions;
  readonly #link: ReceiverLink;
  readonly #here: Shown[] = [];
  /** Messages that were asked for, and that came. */
  #asked = 0;
  #came = 0;
  #failure: TidingsError | undefined;
  #wake: (() => void) | undefined;

  constructor(epoch: Epoch, queue: FoundQueue, options: ReadingOptions) {
    this.#epoch = epoch;
    this.#queue = queue;
    this.#options = options;
    this.#link = epoch.connection.openReceiver(
      { address: queue.name, capability: queue.capability, ...(options.browse && { browse: true }) },
      {
        onOpen: () => {
          this.#ask();
        },
        onClosed: (fault) => {
          this.#failure = this.#refused(fault);
          this.#wake?.();
        },
        onMessage: (raw, token) => {
          this.#came++;
          this.#here.push({ raw, message: wireMessage(raw), token });
          this.#wake?.();
        },
        onDrained: () => undefined,
      },
    );
  }

  /** The next, or undefined when there is none. `staying`: how many of those shown before still wait there. */
  async next(staying: number): Promise<Shown | undefined> {
    const endsAt = this.#options.clock.now() + silenceMs;
    for (;;) {
      this.mustLive();
      const shown = this.#here.shift();
      if (shown !== undefined) {
        this.#ask();
        return shown;
      }
      if (this.#came >= this.#queue.waiting || (await this.#idle(staying))) return undefined;
      if (this.#options.clock.now() >= endsAt) throw this.#silent();
    }
  }

  accept({ token }: Shown): void {
    this.mustLive();
    this.#link.accept(token);
  }

  /** It stays at its place, for others. */
  passOver({ token }: Shown): void {
    this.mustLive();
    this.#link.passOver(token);
  }

  /** A connection that is lost tells its links nothing. */
  mustLive(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#epoch.alive) throw new TidingsError('connection', `queue ${this.#queue.name}: the connection was lost`, { retryable: true });
  }

  /** What was shown and not accepted goes back. */
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
    const woken = await new Promise<boolean>((resolve) => {
      const timer: Timer = this.#options.clock.schedule(idleMs, () => {
        this.#wake = undefined;
        resolve(false);
      });
      this.#wake = () => {
        this.#wake = undefined;
        timer.cancel();
        resolve(true);
      };
    });
    if (woken) return false;
    const now = await this.#options.look();
    return this.#here.length === 0 && (now?.waiting ?? 0) <= staying;
  }

  #refused(fault: AmqpFault): TidingsError {
    const right = missingRight(fault.message);
    const { name } = this.#queue;
    return right === undefined
      ? new TidingsError('connection', `queue ${name}: the broker closed the link: ${fault.message}`, { cause: fault, retryable: true })
      : new TidingsError('permission', `queue ${name}: the user lacks the right ${right}. The broker said: ${fault.message}`, {
          cause: fault,
        });
  }

  #silent(): TidingsError {
    return new TidingsError(
      'connection',
      `queue ${this.#queue.name}: messages wait there, and the broker gave none in ${String(silenceMs)} ms. It may be paused, or another consumer has their groups.`,
      { retryable: true },
    );
  }
}
