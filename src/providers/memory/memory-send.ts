import type { Expiring } from '../../core/deadlines.js';
import { SendError } from '../../core/errors.js';
import type { WireMessage, WireSend } from '../../core/provider.js';
import type { Abortable } from '../../core/aborts.js';
import type { Listed } from '../../core/roll.js';
import type { Posting, Refusal, Transfer } from './posting.js';
import type { MemoryConnection } from './memory-connection.js';
import { stored } from './memory-message.js';

/** Where a send is kept until it ends. */
export interface SendKeeper {
  /** Called once. */
  ended(send: MemorySend): void;
}

/** One send on its way: it ends once, with a confirmation, a refusal, its deadline, its signal or the stop. */
export class MemorySend implements Transfer, Expiring, Abortable, Listed<MemorySend> {
  readonly promise: Promise<void>;
  readonly posting: Posting;
  readonly deadlineAt: number;
  readonly signal: AbortSignal | undefined;
  roll: object | undefined;
  before: MemorySend | undefined;
  after: MemorySend | undefined;
  readonly #keeper: SendKeeper;
  #resolve!: () => void;
  #reject!: (error: Error) => void;
  /** The last connection it was handed to. */
  #connection: MemoryConnection | undefined;
  #transmissions = 0;

  constructor(keeper: SendKeeper, message: WireMessage, options: WireSend) {
    this.#keeper = keeper;
    this.deadlineAt = options.deadlineAt;
    this.signal = options.signal;
    this.posting = {
      destination: { address: options.address, routing: options.routing, ifThere: options.ifThere },
      message: stored(message, options.address),
      dedupeId: options.dedupeId,
      notBefore: options.notBefore?.getTime(),
      expiresAt: options.expiresAt,
    };
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether a live connection has it. */
  get inFlight(): boolean {
    return this.#connection?.alive === true;
  }

  /** Goes out unless it is out already or the address gives no credit. */
  transmit(connection: MemoryConnection): void {
    if (this.inFlight || !connection.transfer(this)) return;
    this.#connection = connection;
    this.#transmissions++;
  }

  confirmed(): void {
    this.#keeper.ended(this);
    this.#resolve();
  }

  refused({ code, reason }: Refusal): void {
    // An earlier transmission may have been taken; only the broker's cache of ids would have told.
    const doubtful = this.#transmissions > 1 && this.posting.dedupeId === undefined;
    const message = `the memory broker refused ${this.#what}: ${reason}`;
    this.#fail(
      doubtful
        ? new SendError('unknown', 'send-unknown', `${message}. It may have arrived before the connection was lost`)
        : new SendError('refused', code, message),
    );
  }

  expire(): void {
    if (this.#transmissions === 0)
      this.#fail(
        new SendError(
          'not-sent',
          'send-timeout',
          `the deadline passed before ${this.#what} could be sent: the memory broker is away or gives no credit`,
        ),
      );
    else if (this.inFlight)
      this.#fail(
        new SendError(
          'unknown',
          'send-timeout',
          `the deadline passed before the memory broker confirmed ${this.#what}. It may have arrived; repeating it with the same id is safe`,
        ),
      );
    else this.#fail(lostConnection(this.#what));
  }

  stopped(): void {
    if (this.#transmissions === 0)
      this.#fail(new SendError('not-sent', 'not-running', `${this.#what} was not sent: the provider was stopped`));
    else this.#fail(lostConnection(this.#what));
  }

  aborted(): void {
    const outcome = this.#transmissions === 0 ? 'not-sent' : 'unknown';
    this.#fail(new SendError(outcome, 'send-aborted', `sending ${this.#what} was given up by its signal`, { cause: this.signal?.reason }));
  }

  get #what(): string {
    return `the message to '${this.posting.destination.address}'`;
  }

  #fail(error: Error): void {
    this.#keeper.ended(this);
    this.#reject(error);
  }
}

function lostConnection(what: string): SendError {
  return new SendError(
    'unknown',
    'send-unknown',
    `the connection to the memory broker went before it confirmed ${what}. It may have arrived; repeating it with the same id is safe`,
  );
}
