import type { Clock } from '../core/clock.js';
import type { Counters } from '../core/counters.js';
import type { EventDescriptor } from '../core/descriptors.js';
import { describe, SendError, TidingsError } from '../core/errors.js';
import { wire } from '../core/headers.js';
import type { Logger } from '../core/logger.js';
import type { Run } from '../core/run.js';
import type { Route } from '../core/departure.js';
import type { SentEvent } from '../core/sending.js';
import type { Wait } from '../core/within.js';
import { errorAnswer } from './replies.js';
import { replyErrorOf } from './reply-error.js';
import { noteUnanswered } from './unanswered.js';

/** An answer to somebody who does not say how long he waits is kept for him so long. */
const keptMs = 5 * 60_000;
const sendMs = 30_000;

/** Addresses of the broker's own: nobody waits for an answer there. */
const ofBroker = /^(?:activemq\.|\$)/;

export interface Answer {
  readonly event: object;
  readonly descriptor: EventDescriptor;
}

export interface AnswersParts {
  /** What a listener gave, as the event that answers this one. Throws what is wrong with it. */
  readonly answerOf: (request: EventDescriptor, given: unknown) => Answer;
  readonly send: (run: Run, answer: Answer, wait: Wait, route: Route) => Promise<SentEvent>;
  /** Whether the stacks of errors travel. */
  readonly stacks: boolean;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Answers the requests that listeners handle. */
export class Answers {
  readonly #parts: AnswersParts;

  constructor(parts: AnswersParts) {
    this.#parts = parts;
  }

  /** `context.reply()`: rejects where nobody waits. */
  async reply(run: Run, value: unknown): Promise<void> {
    if (!run.isRequest) throw nobodyWaits(run, 'it is no request');
    if (run.overdue) throw nobodyWaits(run, 'its listener took longer than its timeoutMs, and that was the answer');
    if (this.#isOver(run)) throw nobodyWaits(run, 'its time is over');
    await this.#send(run, this.#parts.answerOf(run.envelope.descriptor, value));
  }

  /** What a listener returned. Resolves when the broker has it, and where it is too late for an answer. */
  async answer(run: Run, value: unknown): Promise<void> {
    if (run.overdue || run.abandoned) return;
    const answer = this.#parts.answerOf(run.envelope.descriptor, value);
    if (this.#isOver(run)) {
      this.#parts.counters.lateReplies++;
      return;
    }
    try {
      await this.#send(run, answer);
    } catch (error) {
      if (error instanceof SendError && error.outcome !== 'refused') noteUnanswered(error);
      throw error;
    }
  }

  /** Tells what the listener failed with. Never rejects: whoever asks has a deadline. */
  async refuse(run: Run, error: unknown): Promise<void> {
    if (this.#isOver(run)) return;
    try {
      const said = replyErrorOf(error, this.#parts.stacks);
      await this.#send(run, { event: {}, descriptor: errorAnswer }, { [wire.replyError]: said });
    } catch (failure) {
      const { envelope, listener } = run;
      const fields = { event: envelope.descriptor.name, listener: listener.name, id: envelope.id, error: describe(failure) };
      this.#parts.logger.warn(fields, 'whoever sent a request could not be told that it failed');
    }
  }

  async #send(run: Run, answer: Answer, headers?: Readonly<Record<string, string>>): Promise<void> {
    const { message } = run.delivery;
    const address = message.replyTo ?? '';
    if (ofBroker.test(address)) throw nobodyWaits(run, `'${address}' is an address of the broker's own`);
    const now = this.#parts.clock.now();
    const expiresAt = expiryOf(run) ?? now + keptMs;
    // What answers carry that carry nothing else, as JMS has it: the id of the request.
    const correlationId = message.correlationId ?? message.nativeId;
    const { sent } = await this.#parts.send(
      run,
      answer,
      { at: Math.min(expiresAt, now + sendMs), signal: undefined },
      {
        address,
        routing: 'anycast',
        ifThere: true,
        durable: false,
        expiresAt,
        ...(correlationId !== undefined && { correlationId }),
        ...(headers !== undefined && { headers }),
      },
    );
    if (sent) this.#parts.counters.answered++;
  }

  #isOver(run: Run): boolean {
    const at = expiryOf(run);
    return at !== undefined && at <= this.#parts.clock.now();
  }
}

/** When whoever asked waits no longer, in milliseconds since the epoch; undefined where he does not say. */
function expiryOf({ delivery: { message } }: Run): number | undefined {
  const at = Date.parse(message.headers.get(wire.expiresAt) ?? '');
  return Number.isNaN(at) ? undefined : at;
}

function nobodyWaits({ envelope }: Run, why: string): TidingsError {
  return new TidingsError('not-a-request', `nobody waits for an answer to ${envelope.descriptor.name} (${envelope.id}): ${why}`);
}
