import { TidingsError } from '../../core/errors.js';
import type { Clock } from '../../core/clock.js';
import { wire } from '../../core/headers.js';
import type { CopyTo, QueueAdmin, WireMessage } from '../../core/provider.js';
import { addressAndQueue, fullyQualified, isInternalAddress, matchesPattern } from './artemis-words.js';
import { OperationFault, waitingIn } from './artemis-management.js';
import type { BrokerAccess, FoundQueue, QueueReader, Shown } from './broker-access.js';
import { QueueTaking } from './queue-taking.js';

const browseWindow = 100;
const pageGrowth = 3;

/** The queues as an operator sees them, through the broker's management. Each call needs a connection and the right to manage. */
export class ArtemisQueues implements QueueAdmin {
  readonly #access: () => BrokerAccess | undefined;
  readonly #clock: () => Clock;

  constructor(access: () => BrokerAccess | undefined, clock: () => Clock) {
    this.#access = access;
    this.#clock = clock;
  }

  async count(queue: string): Promise<number> {
    return Number(await this.#ofQueue(queue, 'getMessageCount'));
  }

  async consumers(queue: string): Promise<number> {
    return Number(await this.#ofQueue(queue, 'getConsumerCount'));
  }

  async expired(queue: string): Promise<number> {
    return Number(await this.#ofQueue(queue, 'getMessagesExpired'));
  }

  async cancel(address: string, id: string): Promise<number> {
    const rows = await this.#connected().management.list('listQueues');
    const holding = rows.filter(({ address: pattern }) => matchesPattern(String(pattern), address));
    const filter = `${wire.id} = '${id.replaceAll("'", "''")}' AND ${wire.attempt} IS NULL`;
    const removed = await Promise.all(
      holding.map((row) => this.#ofQueue(fullyQualified(String(row['address']), String(row['name'])), 'removeMessages', filter)),
    );
    return removed.filter((count) => Number(count) > 0).length;
  }

  async list(prefix: string): Promise<string[]> {
    const rows = await this.#connected().management.list('listQueues');
    return rows
      .filter((row) => row['temporary'] !== 'true' && row['internalQueue'] !== 'true' && !isInternalAddress(String(row['address'])))
      .map((row) => fullyQualified(String(row['address']), String(row['name'])))
      .filter((name) => name.startsWith(prefix));
  }

  async *browse(queue: string, options: { readonly limit?: number } = {}): AsyncIterable<WireMessage> {
    const access = this.#connected();
    const limit = options.limit ?? Infinity;
    const found = await this.#find(access, queue);
    if (found === undefined || found.waiting === 0 || limit <= 0) return;
    if (access.showsByTaking) {
      yield* this.#pages(access, queue, limit);
      return;
    }
    const reader = this.#reader(access, found, Math.min(browseWindow, limit));
    try {
      for (let shown = 0; shown < limit; shown++) {
        const next = await reader.next(shown);
        if (next === undefined) return;
        yield next.message;
      }
    } finally {
      await reader.close();
    }
  }

  /**
   * Nothing is held back while somebody looks at what is shown: it is read page by page, each with a reader of its own, which passes over
   * what was shown before. The pages grow, so that not much is read twice.
   */
  async *#pages(access: BrokerAccess, queue: string, limit: number): AsyncIterable<WireMessage> {
    const seen = new Set<string | undefined>();
    for (let size = browseWindow; ; size *= pageGrowth) {
      const wanted = Math.min(size, limit - seen.size);
      const page = await this.#page(access, queue, seen, wanted);
      for (const { message, identity } of page) {
        seen.add(identity);
        yield message;
      }
      if (page.length < wanted || seen.size >= limit) return;
    }
  }

  async #page(access: BrokerAccess, queue: string, seen: ReadonlySet<string | undefined>, wanted: number): Promise<Shown[]> {
    const found = await this.#find(access, queue);
    if (found === undefined || found.waiting === 0) return [];
    const reader = this.#reader(access, found, seen.size + wanted);
    const page: Shown[] = [];
    try {
      for (let shown = 0; page.length < wanted; shown++) {
        const next = await reader.next(shown);
        if (next === undefined) break;
        if (!seen.has(next.identity)) page.push(next);
      }
    } finally {
      await reader.close();
    }
    return page;
  }

  #reader(access: BrokerAccess, found: FoundQueue, window: number): QueueReader {
    return access.openReader(found, { clock: this.#clock(), browse: true, window, look: () => this.#find(access, found.name) });
  }

  async take(
    queue: string,
    options: { readonly limit?: number },
    decide: (message: WireMessage) => CopyTo | 'remove' | 'skip',
  ): Promise<number> {
    const access = this.#connected();
    const limit = options.limit ?? Infinity;
    if (limit <= 0) return 0;
    const taking = new QueueTaking({ access, clock: this.#clock(), find: (name) => this.#find(access, name) });
    return taking.run(queue, limit, decide);
  }

  /** Attaching to a queue that is not there would make it. */
  async #find(access: BrokerAccess, queue: string): Promise<FoundQueue | undefined> {
    const { address, queue: name } = addressAndQueue(queue);
    const [row] = await access.management.list('listQueues', { field: 'name', value: name });
    // That of a pattern is there under each of its addresses.
    if (row === undefined || (row['address'] !== address && !matchesPattern(String(row['address']), address))) return undefined;
    return {
      name: fullyQualified(address, name),
      routing: row['routingType'] === 'ANYCAST' ? 'anycast' : 'multicast',
      waiting: waitingIn(row),
      delivering: Number(row['deliveringCount']),
    };
  }

  async #ofQueue(queue: string, operation: string, ...parameters: readonly unknown[]): Promise<unknown> {
    try {
      return await this.#connected().management.operation(`queue.${addressAndQueue(queue).queue}`, operation, ...parameters);
    } catch (error) {
      if (error instanceof OperationFault && error.isMissing) return 0;
      if (error instanceof OperationFault) throw new TidingsError('connection', `queue ${queue}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  #connected(): BrokerAccess {
    const access = this.#access();
    if (access === undefined)
      throw new TidingsError('connection', 'there is no connection to the broker now; try again when it is back', { retryable: true });
    return access;
  }
}
