import type { Clock } from '../core/clock.js';
import type { Deadlines, Expiring } from '../core/deadlines.js';
import { TidingsError } from '../core/errors.js';
import type { QueueAdmin } from '../core/provider.js';
import { routingOf } from '../core/routing.js';
import type { PendingRequest } from './pending-request.js';

/** A queue that has consumers, or that we may not look at, is not looked at again so soon. */
const quietMs = 5000;

export interface ProbeParts {
  /** Undefined where the broker cannot be asked. */
  readonly queues: () => Pick<QueueAdmin, 'consumers' | 'list'> | undefined;
  readonly namePrefix: string;
  /** How long a queue must be without consumers: they may be on their way back. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
}

/** Finds requests that nobody can answer, where the broker knows who listens: one look for all that wait for the same address. */
export class ResponderProbe {
  readonly #parts: ProbeParts;
  readonly #looks = new Map<string, Look>();

  constructor(parts: ProbeParts) {
    this.#parts = parts;
  }

  /** The broker has it. */
  sent(request: PendingRequest): void {
    const { descriptor } = request.question;
    // Who gets copies of the others is not told by one queue.
    if (this.#parts.graceMs === Infinity || routingOf(descriptor) !== 'anycast' || this.#parts.queues() === undefined) return;
    let look = this.#looks.get(descriptor.name);
    if (look === undefined) this.#looks.set(descriptor.name, (look = new Look(descriptor.name, this.#parts)));
    look.add(request);
  }

  forget(request: PendingRequest): void {
    this.#looks.get(request.question.descriptor.name)?.delete(request);
  }

  stop(): void {
    for (const look of this.#looks.values()) look.stop();
    this.#looks.clear();
  }
}

/** What is known of the consumers of one address. */
class Look implements Expiring {
  readonly #name: string;
  readonly #parts: ProbeParts;
  readonly #waiting = new Set<PendingRequest>();
  #looking = false;
  #stopped = false;
  /** Some were sent since the last look began. */
  #unseen = false;
  /** Since when no consumer was seen. */
  #emptySince: number | undefined;
  /** When it looks again. */
  #next: number | undefined;

  constructor(name: string, parts: ProbeParts) {
    this.#name = name;
    this.#parts = parts;
  }

  add(request: PendingRequest): void {
    this.#waiting.add(request);
    this.#unseen = true;
    if (!this.#looking && this.#next === undefined) void this.#look();
  }

  delete(request: PendingRequest): void {
    this.#waiting.delete(request);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#next !== undefined) this.#parts.deadlines.remove(this, this.#next);
  }

  expire(): void {
    this.#next = undefined;
    if (this.#stopped) return;
    if (this.#waiting.size > 0 && (this.#unseen || this.#emptySince !== undefined)) void this.#look();
    else this.#emptySince = undefined;
  }

  async #look(): Promise<void> {
    const { clock, graceMs } = this.#parts;
    const begun = clock.now();
    this.#looking = true;
    this.#unseen = false;
    const none = await this.#hasNone();
    this.#looking = false;
    if (this.#stopped) return;
    if (!none) {
      this.#emptySince = undefined;
      this.#later(quietMs);
    } else if (this.#emptySince === undefined) {
      this.#emptySince = begun;
      this.#later(graceMs);
    } else {
      this.#emptySince = undefined;
      this.#giveUp(begun);
      // What was sent while it looked.
      if (this.#waiting.size > 0) void this.#look();
    }
  }

  /** False where it cannot be told: the request has its deadline. */
  async #hasNone(): Promise<boolean> {
    const address = this.#parts.namePrefix + this.#name;
    const queue = `${address}::${address}`;
    const queues = this.#parts.queues();
    try {
      if ((await queues?.consumers(queue)) !== 0) return false;
      // Programs of other makes may take requests from queues of their own.
      return (await queues?.list(`${address}::`))?.every((name) => name === queue) === true;
    } catch {
      return false;
    }
  }

  #giveUp(before: number): void {
    for (const request of this.#waiting) if ((request.sentAt ?? before) < before) request.fail(this.#nobody());
  }

  #nobody(): TidingsError {
    const address = this.#parts.namePrefix + this.#name;
    return new TidingsError(
      'no-responder',
      `nobody listens to ${this.#name}: its queue '${address}::${address}' on the broker has had no consumer for ${String(this.#parts.graceMs)} ms. ` +
        'Start a process with a listener of that event; until its time is over the request stays there, and may still be handled',
      { retryable: true },
    );
  }

  #later(ms: number): void {
    this.#next = this.#parts.clock.now() + ms;
    this.#parts.deadlines.add(this, this.#next);
  }
}
