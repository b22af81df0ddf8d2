import { TidingsError } from '../../core/errors.js';
import type { Clock } from '../../core/clock.js';
import type { QueueAdmin, WireMessage } from '../../core/provider.js';
import { wireMessage } from './amqp-message.js';
import { addressAndQueue, fullyQualified, isInternalAddress } from './artemis-dialect.js';
import { OperationFault } from './artemis-management.js';
import type { Epoch } from './epoch.js';
import type { AmqpFault } from './amqp-fault.js';
import type { ReceiverLink } from './rhea-links.js';

const browsePage = 100;
const browseTimeoutMs = 10_000;

/** The queues as an operator sees them, through the broker's management. Each call needs a connection and the right to manage. */
export class ArtemisQueues implements QueueAdmin {
  readonly #epoch: () => Epoch | undefined;
  readonly #clock: () => Clock;

  constructor(epoch: () => Epoch | undefined, clock: () => Clock) {
    this.#epoch = epoch;
    this.#clock = clock;
  }

  async count(queue: string): Promise<number> {
    return Number(await this.#ofQueue(queue, 'getMessageCount'));
  }

  async consumers(queue: string): Promise<number> {
    return Number(await this.#ofQueue(queue, 'getConsumerCount'));
  }

  async list(prefix: string): Promise<string[]> {
    const rows = await this.#connected().management.list('listQueues');
    return rows
      .filter((row) => row['temporary'] !== 'true' && row['internalQueue'] !== 'true' && !isInternalAddress(String(row['address'])))
      .map((row) => fullyQualified(String(row['address']), String(row['name'])))
      .filter((name) => name.startsWith(prefix));
  }

  async *browse(queue: string, options: { readonly limit?: number } = {}): AsyncIterable<WireMessage> {
    const epoch = this.#connected();
    const { address, queue: name } = addressAndQueue(queue);
    const [row] = await epoch.management.list('listQueues', { field: 'name', value: name });
    // Attaching would make a queue that is not there.
    if (row?.['address'] !== address) return;
    const browser = new Browser(epoch, fullyQualified(address, name), row['routingType'] === 'ANYCAST' ? 'queue' : 'topic', this.#clock());
    try {
      let left = options.limit ?? Infinity;
      while (left > 0) {
        const page = await browser.page(Math.min(left, browsePage));
        yield* page.messages;
        left -= page.messages.length;
        if (page.last) return;
      }
    } finally {
      await browser.close();
    }
  }

  async #ofQueue(queue: string, operation: string): Promise<unknown> {
    try {
      return await this.#connected().management.operation(`queue.${addressAndQueue(queue).queue}`, operation);
    } catch (error) {
      if (error instanceof OperationFault && error.isMissing) return 0;
      if (error instanceof OperationFault) throw new TidingsError('connection', `queue ${queue}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  #connected(): Epoch {
    const epoch = this.#epoch();
    if (epoch === undefined)
      throw new TidingsError('connection', 'there is no connection to the broker now; try again when it is back', { retryable: true });
    return epoch;
  }
}

/** A link that shows messages and leaves them. */
class Browser {
  readonly #clock: Clock;
  readonly #link: ReceiverLink;
  readonly #open: Promise<void>;
  #messages: WireMessage[] = [];
  #wanted = 0;
  #pageDone: ((last: boolean) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;
  #failure: Error | undefined;

  constructor(epoch: Epoch, address: string, capability: string, clock: Clock) {
    this.#clock = clock;
    let opened: () => void = () => undefined;
    const failed = (fault: AmqpFault): void => {
      this.#failure = new TidingsError('connection', `queue ${address} cannot be browsed: ${fault.message}`, {
        cause: fault,
        retryable: true,
      });
      this.#fail?.(this.#failure);
      opened();
    };
    this.#open = new Promise((resolve) => {
      opened = resolve;
    });
    this.#link = epoch.connection.openReceiver(
      { address, capability, browse: true },
      {
        onOpen: opened,
        onClosed: failed,
        onMessage: (message) => {
          this.#messages.push(wireMessage(message));
          // The broker says nothing when the credit is used up.
          if (this.#messages.length === this.#wanted) this.#pageDone?.(false);
        },
        onDrained: () => this.#pageDone?.(true),
      },
    );
  }

  async page(size: number): Promise<{ messages: WireMessage[]; last: boolean }> {
    const last = await new Promise<boolean>((resolve, reject) => {
      // A connection that is lost meanwhile tells a browser nothing.
      const timer = this.#clock.schedule(browseTimeoutMs, () => {
        reject(new TidingsError('connection', 'the broker did not answer to a browser in time', { retryable: true }));
      });
      const ended = (done: () => void): void => {
        timer.cancel();
        done();
      };
      this.#pageDone = (end) => {
        ended(() => {
          resolve(end);
        });
      };
      this.#fail = (error) => {
        ended(() => {
          reject(error);
        });
      };
      this.#wanted = size;
      void this.#open.then(() => {
        if (this.#failure !== undefined) this.#fail?.(this.#failure);
        else {
          this.#link.addCredit(size);
          this.#link.drain();
        }
      });
    });
    return { messages: this.#messages.splice(0), last };
  }

  close(): Promise<void> {
    return this.#link.close(this.#clock, 1_000);
  }
}
