import type { Abortable } from '../../core/aborts.js';
import type { Expiring } from '../../core/deadlines.js';
import { SendError } from '../../core/errors.js';
import type { WireMessage, WireSend } from '../../core/provider.js';
import type { Listed } from '../../core/roll.js';

/** One send, until it is settled. `P`: what is transmitted for it, kept so that it can go again. */
export class PendingSend<P> implements Expiring, Abortable, Listed<PendingSend<P>> {
  /** Until its payload is made, which is all that is needed then: what waits for its confirmation shall not hold both. */
  message: WireMessage | undefined;
  readonly options: WireSend;
  readonly #resolve: () => void;
  readonly #reject: (error: SendError) => void;
  readonly #onSettled: (send: PendingSend<P>) => void;
  readonly #hindrance: () => string;
  payload: P | undefined;
  place: Expiring['place'];
  roll: object | undefined;
  before: PendingSend<P> | undefined;
  after: PendingSend<P> | undefined;
  /** Transmitted over the present link, and not answered. */
  inFlight = false;
  transmitted = false;
  /** Transmitted more than once, over one link after the other. */
  repeated = false;
  settled = false;

  constructor(
    message: WireMessage,
    options: WireSend,
    ends: {
      resolve: () => void;
      reject: (error: SendError) => void;
      onSettled: (send: PendingSend<P>) => void;
      hindrance: () => string;
    },
  ) {
    this.message = message;
    this.options = options;
    this.#resolve = ends.resolve;
    this.#reject = ends.reject;
    this.#onSettled = ends.onSettled;
    this.#hindrance = ends.hindrance;
  }

  confirm(): void {
    if (this.#end()) this.#resolve();
  }

  fail(error: SendError): void {
    if (this.#end()) this.#reject(error);
  }

  noteTransmission(): void {
    this.repeated = this.transmitted;
    this.transmitted = true;
  }

  /** The broker's word is about this transmission; an earlier one may have been taken. */
  refused(error: SendError): void {
    this.fail(
      this.repeated
        ? new SendError('unknown', 'send-unknown', `${error.message}. It may have arrived before the connection was lost`, { cause: error })
        : error,
    );
  }

  expire(): void {
    this.#giveUp('send-timeout', 'the deadline passed');
  }

  /** Ends it without a word of the broker's: what that means depends on whether it was ever transmitted. */
  giveUp(reason: string): void {
    this.#giveUp('not-running', reason);
  }

  aborted(): void {
    this.#giveUp('send-aborted', 'the caller aborted it');
  }

  #giveUp(code: 'send-timeout' | 'send-aborted' | 'not-running', reason: string): void {
    const { address, signal } = this.options;
    const aborted: unknown = code === 'send-aborted' ? signal?.reason : undefined;
    const options = aborted === undefined ? {} : { cause: aborted };
    if (this.transmitted)
      this.fail(
        new SendError(
          'unknown',
          code,
          `send to ${address}: ${reason} before the broker confirmed; it may have arrived, and may be repeated with the same id`,
          options,
        ),
      );
    else {
      const because = code === 'send-timeout' ? `: ${this.#hindrance()}` : '';
      this.fail(new SendError('not-sent', code, `send to ${address}: ${reason} before it could be transmitted${because}`, options));
    }
  }

  #end(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.payload = undefined;
    this.#onSettled(this);
    return true;
  }
}
