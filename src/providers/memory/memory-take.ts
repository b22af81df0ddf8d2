import type { Clock, Timer } from '../../core/clock.js';
import { SendError, TidingsError } from '../../core/errors.js';
import type { CopyTo, QueueAdmin } from '../../core/provider.js';
import { Backoff } from './backoff.js';
import type { BrokerCore } from './broker-core.js';
import type { MemoryConnection } from './memory-connection.js';
import type { Undertaking } from './memory-consumer.js';
import { copied, loaded } from './memory-message.js';
import type { MemoryQueue } from './memory-queue.js';
import type { Posting, Refusal, Transfer } from './posting.js';
import type { QueueEntry } from './queue-entry.js';

/** How long one copy may wait for credit and for its confirmation. */
const copyMs = 30_000;

export interface TakeOptions {
  readonly core: BrokerCore;
  readonly connection: MemoryConnection;
  readonly clock: Clock;
  readonly source: MemoryQueue;
  readonly limit: number;
  readonly decide: Parameters<QueueAdmin['take']>[2];
  /** The queue that a copy goes to. */
  readonly find: (name: string) => MemoryQueue | undefined;
}

/** An operator's one way through a queue: what it works on is held by it and by nobody else. */
export class MemoryTake implements Undertaking {
  readonly #options: TakeOptions;
  #held: QueueEntry | undefined;
  #copy: TakenCopy | undefined;
  #lost = false;

  constructor(options: TakeOptions) {
    this.#options = options;
  }

  /** The connection is gone: at once, so that a restart finds everything in its queue. */
  abandon(): void {
    this.#lost = true;
    this.#putBack();
    this.#copy?.end(connectionLost(this.#options.source));
  }

  async run(): Promise<number> {
    const { connection } = this.#options;
    connection.undertakings.add(this);
    try {
      return await this.#all();
    } finally {
      this.#putBack();
      connection.undertakings.delete(this);
    }
  }

  async #all(): Promise<number> {
    const { core, source, limit, decide } = this.#options;
    const end = source.nextOrder;
    let done = 0;
    for (let next = source.oldest; next !== undefined && next.order < end && done < limit; next = source.after(next.order)) {
      const decision = decide(loaded(next.message));
      if (decision !== 'skip' && this.#hold(next)) {
        if (decision !== 'remove') await this.#copied(next, decision);
        if (!this.#finish()) throw connectionLost(source);
        done++;
      }
      core.pace.spend(1);
      await new Promise<void>((resolve) => {
        core.pace.soon(resolve);
      });
      if (this.#lost) throw connectionLost(source);
    }
    return done;
  }

  async #copied(entry: QueueEntry, { to, headers, dedupeId }: CopyTo): Promise<void> {
    const { find, source, connection, clock } = this.#options;
    const queue = find(to);
    if (queue === undefined)
      throw new TidingsError(
        'missing-queue',
        `the queue '${to}' is not there: the message stays in '${source.fullName}'. Start its listener first, or choose another queue`,
      );
    const posting: Posting = {
      destination: { address: addressIn(to), routing: queue.routing, queue },
      message: copied(entry.message, headers, addressIn(to)),
      dedupeId,
      notBefore: undefined,
      expiresAt: undefined,
    };
    this.#copy = new TakenCopy(connection, clock, posting);
    const failure = await this.#copy.ended;
    this.#copy = undefined;
    if (failure !== undefined) throw failure;
  }

  /** False: whoever was asked has done something to the queue or the connection. */
  #hold(entry: QueueEntry): boolean {
    if (this.#lost || !this.#options.source.lift(entry)) return false;
    this.#held = entry;
    return true;
  }

  /** What is held is gone. False: the connection went, so that it is back in its queue, whatever became of the copy. */
  #finish(): boolean {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#options.core.gone(this.#options.source, held);
    return held !== undefined;
  }

  #putBack(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#options.core.putBack(this.#options.source, [held]);
  }
}

/** One copy on its way: it ends with the broker's word, the deadline, or the connection. */
class TakenCopy implements Transfer {
  readonly posting: Posting;
  /** Why it was not made. */
  readonly ended: Promise<Error | undefined>;
  readonly #connection: MemoryConnection;
  readonly #clock: Clock;
  readonly #deadline: Timer;
  readonly #backoff = new Backoff({ initialMs: 100, maxMs: 1_000 });
  #again: Timer | undefined;
  #left = false;
  #resolve!: (failure: Error | undefined) => void;

  constructor(connection: MemoryConnection, clock: Clock, posting: Posting) {
    this.#connection = connection;
    this.#clock = clock;
    this.posting = posting;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#deadline = clock.schedule(copyMs, () => {
      this.end(this.#late());
    });
    this.#try();
  }

  confirmed(): void {
    this.end(undefined);
  }

  refused({ code, reason }: Refusal): void {
    this.end(new SendError('refused', code, `the memory broker refused ${this.#what}: ${reason}`));
  }

  end(failure: Error | undefined): void {
    this.#again?.cancel();
    this.#deadline.cancel();
    this.#resolve(failure);
  }

  #try(): void {
    this.#left = this.#connection.transfer(this);
    if (this.#left) return;
    this.#again = this.#clock.schedule(this.#backoff.next(), () => {
      this.#try();
    });
  }

  #late(): SendError {
    if (this.#left)
      return new SendError(
        'unknown',
        'send-timeout',
        `the memory broker did not confirm ${this.#what} in time. It may be there; repeating it with the same id is safe`,
      );
    return new SendError('not-sent', 'send-timeout', `${this.#what} could not be made in time: the memory broker gives no credit`);
  }

  get #what(): string {
    return `the copy to '${this.posting.destination.queue?.fullName ?? ''}'`;
  }
}

function connectionLost(source: MemoryQueue): TidingsError {
  return new TidingsError(
    'connection',
    `the connection to the memory broker went while messages were taken from '${source.fullName}': what was not taken is there still`,
    { retryable: true },
  );
}

/** By which the message comes: one of many where the queue is that of a pattern. */
function addressIn(to: string): string {
  const at = to.indexOf('::');
  return at < 0 ? to : to.slice(0, at);
}
