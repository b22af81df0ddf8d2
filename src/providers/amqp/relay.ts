import type { Clock, Timer } from '../../core/clock.js';
import type { Deadlines, Expiring } from '../../core/deadlines.js';
import type { Logger } from '../../core/logger.js';
import { PeerFault } from '../network/peer-fault.js';
import type { Refusal, SenderLink, TransferToken } from './rhea-links.js';
import type { RheaConnection } from './rhea-driver.js';

const confirmTimeoutMs = 10_000;
const creditTimeoutMs = 1_000;
const firstRetryMs = 100;
const lastRetryMs = 10_000;
const mostInFlight = 1_000;

/** What became of a copy. 'lost': with its connection, or nobody wants it any more. 'unconfirmed': in 10 s; it may have arrived. */
export type CopyResult = 'confirmed' | 'lost' | 'unconfirmed' | Refusal;

/** Where one copy stands. Ends by its confirmation, or when nobody wants it any more; one that is offered once, by the first answer. */
class CopyJob implements Expiring {
  readonly payload: Buffer;
  readonly once: boolean;
  readonly wanted: () => boolean;
  readonly done: (result: CopyResult) => void;
  readonly #onExpire: (job: CopyJob) => void;
  retryMs = firstRetryMs;
  expiresAt = 0;
  ended = false;

  constructor(
    payload: Buffer,
    how: { readonly once: boolean; readonly wanted: () => boolean },
    done: (result: CopyResult) => void,
    onExpire: (job: CopyJob) => void,
  ) {
    this.payload = payload;
    this.once = how.once;
    this.wanted = how.wanted;
    this.done = done;
    this.#onExpire = onExpire;
  }

  expire(): void {
    this.#onExpire(this);
  }
}

export interface RelayHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly deadlines: Deadlines;
}

/**
 * Writes copies of one connection over one sender without an address of its own. The broker drops what it cannot route without a word, so
 * only names of queues that are known to exist may be given. And it remembers, for one link, where it routed the last message of an
 * address: a copy for `E::L` right after one for all of `E` would reach them all. So what is for queues and what is for whole addresses
 * never share a relay.
 */
export class Relay {
  readonly #connection: RheaConnection;
  readonly #host: RelayHost;
  readonly #waiting: CopyJob[] = [];
  readonly #inFlight = new Map<TransferToken, CopyJob>();
  readonly #retries = new Map<CopyJob, Timer>();
  #link: SenderLink | undefined;
  #opened: (() => void) | undefined;
  #creditTimer: Timer | undefined;
  #reopenTimer: Timer | undefined;
  #lost = false;

  constructor(connection: RheaConnection, host: RelayHost) {
    this.#connection = connection;
    this.#host = host;
  }

  /** Resolves when the broker has taken the link: a first answer that also proves the credentials. Else it is opened when first needed. */
  open(): Promise<void> {
    return new Promise((resolve) => {
      this.#opened = resolve;
      this.#openLink();
    });
  }

  /**
   * Resolves with true once a copy is confirmed, with false when the connection is lost or `wanted` says no. A copy that is
   * refused or not confirmed in 10 s is tried again, after 100 ms, then twice as long each time up to 10 s.
   */
  async copy(payload: Buffer, wanted: () => boolean): Promise<boolean> {
    return (await this.#add(payload, { once: false, wanted })) === 'confirmed';
  }

  /** Resolves with the broker's first answer, after 10 s at the latest. */
  offer(payload: Buffer, wanted: () => boolean = () => true): Promise<CopyResult> {
    return this.#add(payload, { once: true, wanted });
  }

  #add(payload: Buffer, how: { readonly once: boolean; readonly wanted: () => boolean }): Promise<CopyResult> {
    if (this.#lost || !how.wanted()) return Promise.resolve('lost');
    return new Promise((resolve) => {
      const job = new CopyJob(payload, how, resolve, this.#expired);
      this.#waiting.push(job);
      // The time of what is offered once runs on while it waits for its turn, and over a link that is opened anew.
      if (job.once) this.#watch(job);
      if (this.#link === undefined && this.#reopenTimer === undefined) this.#openLink();
      this.#pump();
    });
  }

  /** To be called when the connection is gone or is about to be ended. */
  lost(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#creditTimer?.cancel();
    this.#reopenTimer?.cancel();
    for (const timer of this.#retries.values()) timer.cancel();
    for (const job of [...this.#waiting, ...this.#inFlight.values(), ...this.#retries.keys()]) this.#end(job, 'lost');
    this.#waiting.length = 0;
    this.#inFlight.clear();
    this.#retries.clear();
    this.#opened?.();
  }

  #openLink(): void {
    const link = this.#connection.openSender(
      {},
      {
        onOpen: () => {
          this.#opened?.();
          this.#pump();
        },
        onSendable: () => {
          this.#pump();
        },
        onDrained: () => {
          if (this.#link === link) this.#reopenDrained(link, this.#host.clock.now() + creditTimeoutMs);
        },
        onClosed: (fault) => {
          if (this.#link === link) this.#reopen(fault.message);
        },
        onAccepted: (token) => {
          const job = this.#take(token);
          if (job !== undefined) this.#end(job, 'confirmed');
          this.#pump();
        },
        onRefused: (token, refusal) => {
          const job = this.#take(token);
          if (job?.once === true) this.#end(job, refusal);
          else if (job !== undefined) this.#retry(job, refusal);
        },
      },
    );
    this.#link = link;
  }

  #pump(): void {
    const link = this.#link;
    if (this.#lost || link === undefined) return;
    while (this.#waiting.length > 0 && this.#inFlight.size < mostInFlight && link.room > 0) {
      const job = this.#waiting.shift();
      if (job === undefined) break;
      if (job.ended) continue;
      if (!job.wanted()) {
        this.#end(job, 'lost');
        continue;
      }
      // Of this transmission: an answer to an earlier one must not be taken for its.
      const token = {};
      this.#inFlight.set(token, job);
      link.send(job.payload, token);
      if (!job.once) this.#watch(job);
    }
    this.#watchCredit(link);
  }

  #watch(job: CopyJob): void {
    job.expiresAt = this.#host.clock.now() + confirmTimeoutMs;
    this.#host.deadlines.add(job, job.expiresAt);
  }

  /** Once what is in flight is answered: most often with the refusal that the draining comes of. */
  #reopenDrained(link: SenderLink, notAfter: number): void {
    this.#reopenTimer ??= this.#host.clock.schedule(firstRetryMs, () => {
      this.#reopenTimer = undefined;
      if (this.#link !== link || link.room > 0) return;
      if (this.#inFlight.size > 0 && this.#host.clock.now() < notAfter) this.#reopenDrained(link, notAfter);
      else this.#reopen('the broker took its credit back');
    });
  }

  /** A link that was drained once gets no credit again, for no address; a fresh one works at once. */
  #watchCredit(link: SenderLink): void {
    const stuck = this.#waiting.length > 0 && this.#inFlight.size < mostInFlight && link.room <= 0;
    if (!stuck) {
      this.#creditTimer?.cancel();
      this.#creditTimer = undefined;
    } else {
      this.#creditTimer ??= this.#host.clock.schedule(creditTimeoutMs, () => {
        this.#creditTimer = undefined;
        if (link === this.#link && link.room <= 0) this.#reopen('the broker gave no credit');
        else this.#pump();
      });
    }
  }

  #reopen(reason: string): void {
    if (this.#lost) return;
    this.#host.logger.warn({ reason }, 'the link for retry and archive copies is opened anew');
    const old = this.#link;
    this.#link = undefined;
    // Its outcomes come no more: those copies may have arrived, and go again with the same ids.
    for (const [token, job] of this.#inFlight) {
      this.#inFlight.delete(token);
      this.#unwatch(job);
      this.#retry(job, undefined);
    }
    old?.close();
    this.#creditTimer?.cancel();
    this.#creditTimer = undefined;
    // At once would be a hot loop with a broker that refuses it each time.
    this.#reopenTimer?.cancel();
    this.#reopenTimer = this.#host.clock.schedule(firstRetryMs, () => {
      this.#reopenTimer = undefined;
      if (!this.#lost) this.#openLink();
    });
  }

  readonly #expired = (job: CopyJob): void => {
    for (const [token, other] of this.#inFlight) if (other === job) this.#inFlight.delete(token);
    if (job.once) this.#end(job, 'unconfirmed');
    else this.#retry(job, undefined);
  };

  #take(token: TransferToken): CopyJob | undefined {
    const job = this.#inFlight.get(token);
    if (job === undefined) return undefined;
    this.#inFlight.delete(token);
    this.#unwatch(job);
    return job;
  }

  #unwatch(job: CopyJob): void {
    if (!job.once) this.#host.deadlines.remove(job, job.expiresAt);
  }

  #retry(job: CopyJob, refusal: Refusal | undefined): void {
    if (this.#lost || !job.wanted()) {
      this.#end(job, 'lost');
      return;
    }
    const reason = refusal === undefined ? 'not confirmed' : refusalFault(refusal).message;
    this.#host.logger.warn(
      { reason, retryMs: job.retryMs },
      'a retry or archive copy was not taken by the broker; its original stays unsettled',
    );
    const timer = this.#host.clock.schedule(job.retryMs, () => {
      this.#retries.delete(job);
      this.#waiting.push(job);
      this.#pump();
    });
    job.retryMs = Math.min(2 * job.retryMs, lastRetryMs);
    this.#retries.set(job, timer);
  }

  #end(job: CopyJob, result: CopyResult): void {
    if (job.ended) return;
    job.ended = true;
    this.#host.deadlines.remove(job, job.expiresAt);
    job.done(result);
  }
}

export function refusalFault({ condition, kind, description }: Refusal): PeerFault {
  return new PeerFault(condition === '' ? kind : condition, description);
}
