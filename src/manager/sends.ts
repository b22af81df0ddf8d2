import { Order, type Route } from '../core/departure.js';
import type { EventDescriptor } from '../core/descriptors.js';
import { SendError, SendManyError, TidingsError } from '../core/errors.js';
import type { Run } from '../core/run.js';
import type { Sender } from '../core/sender.js';
import { checkSendOptions, type SendOptions, type SentEvent } from '../core/sending.js';
import type { Wait } from '../core/within.js';
import { descriptorOf } from './event-argument.js';
import { defaultSendTimeoutMs } from './manager-options.js';

/** Most events of one `sendEvents()` that are under way at once. */
const batchWindow = 1000;

export interface SendsParts {
  readonly maxPending: number;
  readonly now: () => number;
  /** The sender, as soon as there is one; rejects by the wait's deadline, and does not throw. */
  readonly ready: (cause: Run | undefined, descriptor: EventDescriptor, wait: Wait) => Sender | Promise<Sender>;
}

/** What goes elsewhere than its event's address, within a time of its own. */
export interface Letter {
  readonly event: object;
  readonly descriptor: EventDescriptor;
  readonly options: SendOptions;
  /** Whose conversation it belongs to, though it may be settled. */
  readonly cause: Run | undefined;
  /** Who may still send while the manager stops. */
  readonly ready: Run | undefined;
  readonly wait: Wait;
  /** Asked when there is a sender. */
  readonly route: () => Route | Promise<Route>;
}

/** The sends of a manager that are under way: bounded, each with a deadline, awaited by the run that made them. */
export class Sends {
  readonly #parts: SendsParts;
  readonly #waiting = new Set<() => void>();
  #pending = 0;

  constructor(parts: SendsParts) {
    this.#parts = parts;
  }

  get pending(): number {
    return this.#pending;
  }

  one(cause: Run | undefined, event: object, descriptor: EventDescriptor, options: SendOptions): Promise<SentEvent> {
    const sending = this.#one(cause, event, descriptor, options);
    return cause === undefined ? sending : cause.keep(sending);
  }

  many(cause: Run | undefined, events: readonly object[], options: SendOptions): Promise<SentEvent[]> {
    const sending = this.#all(cause, events, options);
    return cause === undefined ? sending : cause.keep(sending);
  }

  /** A request or an answer. Not kept with a run: whoever sends it knows when it is awaited. */
  async letter({ event, descriptor, options, cause, ready, wait, route }: Letter): Promise<SentEvent> {
    this.#pending++;
    try {
      const sender = await this.#parts.ready(ready, descriptor, wait);
      return await sender.send(new Order({ event, descriptor, options, cause }, wait, { route: await route() }));
    } finally {
      this.#over();
    }
  }

  /** Resolves when none is under way. */
  async ended(): Promise<void> {
    while (this.#pending > 0) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #one(cause: Run | undefined, event: object, descriptor: EventDescriptor, options: SendOptions): Promise<SentEvent> {
    try {
      checkSendOptions(options);
      if (this.#pending >= this.#parts.maxPending) throw tooMany(descriptor, this.#parts.maxPending);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#now(cause, event, descriptor, options, this.#waitOf(options));
  }

  #now(cause: Run | undefined, event: object, descriptor: EventDescriptor, options: SendOptions, wait: Wait): Promise<SentEvent> {
    this.#pending++;
    const order = new Order({ event, descriptor, options, cause }, wait, { ended: this.#over });
    const ready = this.#parts.ready(cause, descriptor, order);
    if (!(ready instanceof Promise)) return ready.send(order);
    return ready.then(
      (sender) => sender.send(order),
      (error: unknown) => {
        this.#over();
        throw error;
      },
    );
  }

  readonly #over = (): void => {
    if (--this.#pending === 0) this.#wake();
  };

  async #all(cause: Run | undefined, events: readonly object[], options: SendOptions): Promise<SentEvent[]> {
    checkSendOptions(options);
    if (options.id !== undefined)
      throw new TidingsError('configuration', 'sendEvents() takes no id: all events but one would be dropped as repeats');
    const wait = this.#waitOf(options);
    const results = new Array<PromiseSettledResult<SentEvent>>(events.length);
    let next = 0;
    // Each worker takes the next event when its last one is confirmed, so that they leave in order.
    const worker = async (): Promise<void> => {
      for (let index = next++; index < events.length; index = next++) {
        try {
          const event = events[index] as object;
          results[index] = { status: 'fulfilled', value: await this.#now(cause, event, descriptorOf(event), options, wait) };
        } catch (reason) {
          results[index] = { status: 'rejected', reason };
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(batchWindow, events.length) }, worker));
    return unlessFailed(results);
  }

  #waitOf({ timeoutMs = defaultSendTimeoutMs, signal }: SendOptions): Wait {
    return { at: this.#parts.now() + timeoutMs, signal };
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

function tooMany({ name }: EventDescriptor, maxPending: number): SendError {
  return new SendError(
    'not-sent',
    'send-pending',
    `${name} was not sent: ${String(maxPending)} sends wait for their confirmation already (maxPending); await some, or use sendEvents()`,
  );
}

function unlessFailed(results: readonly PromiseSettledResult<SentEvent>[]): SentEvent[] {
  return results.map((result) => {
    if (result.status === 'rejected') throw new SendManyError(results);
    return result.value;
  });
}
