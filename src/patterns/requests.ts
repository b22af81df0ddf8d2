import type { Clock } from '../core/clock.js';
import type { Counters } from '../core/counters.js';
import type { Deadlines } from '../core/deadlines.js';
import { SendError, TidingsError } from '../core/errors.js';
import type { Run } from '../core/run.js';
import type { RequestAllOptions, SentEvent } from '../core/sending.js';
import { Gathering } from './gathering.js';
import { PendingRequest, type PendingHome, type Question, type Receiver } from './pending-request.js';
import type { ResponderProbe } from './responder-probe.js';

export interface RequestsParts {
  /** Most that wait for their answers at once. */
  readonly maxPending: number;
  /** Takes it to the broker, with the address of its answers. */
  readonly send: (request: PendingRequest) => Promise<SentEvent>;
  readonly probe: ResponderProbe;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
}

/** All requests of a manager that wait for answers, by the correlation id of those. */
export class Requests implements PendingHome {
  readonly deadlines: Deadlines;
  readonly #parts: RequestsParts;
  readonly #pending = new Map<string, PendingRequest>();

  constructor(parts: RequestsParts) {
    this.#parts = parts;
    this.deadlines = parts.deadlines;
  }

  get pending(): number {
    return this.#pending.size;
  }

  find(id: string | undefined): PendingRequest | undefined {
    return id === undefined ? undefined : this.#pending.get(id);
  }

  /** Resolves with the first answer. */
  one(question: Question, run: Run | undefined): Promise<object> {
    return new Promise<object>((resolve, reject) => {
      this.#ask(question, run, {
        answered: (event) => {
          resolve(event);
          return true;
        },
        refused: (error) => {
          reject(error);
          return true;
        },
        ended: reject,
      });
    });
  }

  /** Sent when somebody begins to read the answers; each loop over it is a request of its own. */
  all(ask: () => { readonly question: Question; readonly run: Run | undefined }, options: RequestAllOptions): AsyncIterable<object> {
    return {
      [Symbol.asyncIterator]: () => {
        const gathering: Gathering = new Gathering(options, () => {
          const { question, run } = ask();
          return this.#ask(question, run, gathering);
        });
        return gathering;
      },
    };
  }

  /** Ends those that nobody's work depends on. */
  stop(): void {
    for (const request of this.#pending.values()) if (request.run === undefined) request.fail(stopped(request));
  }

  end(): void {
    for (const request of this.#pending.values()) request.fail(stopped(request));
    this.#parts.probe.stop();
  }

  forget(request: PendingRequest): void {
    this.#pending.delete(request.id);
    this.#parts.probe.forget(request);
  }

  #ask(question: Question, run: Run | undefined, receiver: Receiver): PendingRequest | undefined {
    const { maxPending } = this.#parts;
    if (this.#pending.size >= maxPending) {
      receiver.ended(tooMany(question, maxPending));
      return undefined;
    }
    const request = new PendingRequest(question, run, this, receiver);
    this.#pending.set(request.id, request);
    if (question.wait.signal?.aborted === true) request.aborted();
    else void this.#send(request);
    return request;
  }

  async #send(request: PendingRequest): Promise<void> {
    const { send, probe, clock } = this.#parts;
    try {
      const { sent } = await send(request);
      if (!sent) request.fail(withheld(request));
      if (request.over) return;
      request.sentAt = clock.now();
      probe.sent(request);
    } catch (error) {
      request.unsent(error);
    }
  }
}

function tooMany({ descriptor: { name } }: Question, maxPending: number): SendError {
  return new SendError(
    'not-sent',
    'send-pending',
    `${name} was not asked: ${String(maxPending)} requests wait for their answers already (maxPending); await some`,
  );
}

function withheld({ question: { descriptor } }: PendingRequest): SendError {
  return new SendError('not-sent', 'pipeline', `${descriptor.name} was not asked: a pipeline did not call next()`, { retryable: false });
}

/** Until the broker has confirmed it, it may still be on its way: what leaves is not held back. */
function stopped({ question: { descriptor } }: PendingRequest): TidingsError {
  const text = `the event manager was stopped before an answer to ${descriptor.name} came: whether it was handled is not known`;
  return new TidingsError('not-running', text, { retryable: true });
}
