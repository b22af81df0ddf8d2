import type { EventListenerDescriptor } from './descriptors.js';
import type { Envelope } from './envelope.js';
import type { EventContext } from './event-context.js';
import { wire } from './headers.js';
import { historyOf, type PastAttempt } from './history.js';
import type { Run } from './run.js';
import type { Request, SendEvent } from './sending.js';

/** What a fault listener is told: how the event ended, and the context of its own handling of that. */
export interface Fault extends EventContext {
  /** Why the event is in the archive: see the README's table of reasons. */
  readonly reason: string;
  /** The last error: class, message (at most 1 000 characters) and stack (4 000). */
  readonly error: { readonly name: string; readonly message: string; readonly stack?: string };
  /** The listener that failed, by name, and its queue, `address::queue`. */
  readonly failed: { readonly listener: string; readonly queue: string };
  /** The number of its last attempt. */
  readonly attempts: number;
  readonly history: readonly PastAttempt[];
  /** When the last attempt ended. */
  readonly archivedAt: Date;
}

export class RunOfFault implements Fault {
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  get reason(): string {
    return this.#said(wire.faultReason);
  }

  get error(): Fault['error'] {
    const stack = this.#headers.get(wire.faultStack);
    const known = { name: this.#said(wire.faultClass), message: this.#said(wire.faultMessage) };
    return stack === undefined ? known : { ...known, stack };
  }

  get failed(): Fault['failed'] {
    return { listener: this.#said(wire.faultListener), queue: this.#said(wire.faultQueue) };
  }

  get attempts(): number {
    return Number(this.#said(wire.faultAttempts));
  }

  get history(): readonly PastAttempt[] {
    return historyOf(this.#headers, wire.faultHistory);
  }

  get archivedAt(): Date {
    return new Date(this.#said(wire.faultAt));
  }

  get envelope(): Envelope {
    return this.#run.envelope;
  }

  get listener(): EventListenerDescriptor {
    return this.#run.listener;
  }

  get attempt(): number {
    return this.#run.attempt;
  }

  get maxAttempts(): number {
    return this.#run.maxAttempts;
  }

  get firstFailureAt(): Date | undefined {
    return this.#run.firstFailureAt;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  get sendEvent(): SendEvent {
    return this.#run.sendEvent;
  }

  get request(): Request {
    return this.#run.request;
  }

  reply(value: object): Promise<void> {
    return this.#run.reply(value);
  }

  get #headers(): ReadonlyMap<string, string> {
    return this.#run.delivery.message.headers;
  }

  #said(name: string): string {
    return this.#headers.get(name) ?? '';
  }
}

/** The event that failed; undefined where it failed because it could not be read. */
export function eventOfFault({ envelope }: Run): object | undefined {
  try {
    return envelope.event;
  } catch (error) {
    if (envelope.receiptFailure === undefined) throw error;
    // It is known already that it cannot be read, and no failure of who listens to that.
    envelope.receiptFailure = undefined;
    return undefined;
  }
}
