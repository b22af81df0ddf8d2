import type { Clock, Timer } from '../../core/clock.js';
import type { Deadlines, Expiring } from '../../core/deadlines.js';
import type { Logger } from '../../core/logger.js';
import type { PeerFault } from '../network/peer-fault.js';
import type { Frame } from './frame-writer.js';
import type { Letter } from './letter.js';

const offerTimeoutMs = 10_000;
const firstRetryMs = 100;
const lastRetryMs = 10_000;

/** What became of a copy. 'lost': nobody wants it any more. 'unconfirmed': in 10 s; it may have arrived. */
export type CopyResult = 'confirmed' | 'lost' | 'unconfirmed' | PeerFault;

/** A copy to be written. */
export interface CopyToSend {
  readonly destination: string;
  frame(receipt: string): Frame;
  /** Whether its original can still be settled. Default: always. */
  wanted?(): boolean;
}

export interface CopyHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly deadlines: Deadlines;
  receipted(copy: OutgoingCopy): void;
  ended(copy: OutgoingCopy): void;
  /** It shall go again. */
  again(copy: OutgoingCopy): void;
}

export interface CopyEnds {
  /** By the first answer, after 10 s at the latest; else it is tried until it is confirmed or not wanted. */
  readonly once: boolean;
  resolve(result: CopyResult): void;
  reject(error: unknown): void;
}

/** One copy on its way to the broker. */
export class OutgoingCopy implements Letter, Expiring {
  readonly isCopy = true;
  receipt: string | undefined;
  flight: Letter['flight'];
  ended = false;
  readonly #copy: CopyToSend;
  readonly #ends: CopyEnds;
  readonly #host: CopyHost;
  readonly #expiresAt: number;
  #frame: Frame | undefined;
  #retryMs = firstRetryMs;
  #retry: Timer | undefined;

  constructor(copy: CopyToSend, ends: CopyEnds, host: CopyHost) {
    this.#copy = copy;
    this.#ends = ends;
    this.#host = host;
    this.#expiresAt = host.clock.now() + offerTimeoutMs;
    if (ends.once) host.deadlines.add(this, this.#expiresAt);
  }

  get destination(): string {
    return this.#copy.destination;
  }

  get wanted(): boolean {
    return this.#copy.wanted?.() ?? true;
  }

  frame(receipt: string): Frame | undefined {
    try {
      return (this.#frame ??= this.#copy.frame(receipt));
    } catch (error) {
      if (this.#end()) this.#ends.reject(error);
      return undefined;
    }
  }

  noteTransmission(): void {
    return;
  }

  receipted(): void {
    this.#host.receipted(this);
    this.end('confirmed');
  }

  refusedBy(fault: PeerFault): void {
    if (this.#ends.once) {
      this.end(fault);
      return;
    }
    this.#host.logger.warn(
      { reason: fault.message, destination: this.destination, retryMs: this.#retryMs },
      'a retry or archive copy was not taken by the broker; its original stays unsettled',
    );
    this.#retry = this.#host.clock.schedule(this.#retryMs, () => {
      this.#retry = undefined;
      this.#host.again(this);
    });
    this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
  }

  expire(): void {
    this.end('unconfirmed');
  }

  end(result: CopyResult): void {
    if (this.#end()) this.#ends.resolve(result);
  }

  #end(): boolean {
    if (this.ended) return false;
    this.ended = true;
    this.#frame = undefined;
    this.#retry?.cancel();
    if (this.#ends.once) this.#host.deadlines.remove(this, this.#expiresAt);
    this.#host.ended(this);
    return true;
  }
}
