import { randomUUID } from 'node:crypto';
import type { Abortable } from '../core/aborts.js';
import type { Deadlines, Expiring } from '../core/deadlines.js';
import type { EventDescriptor } from '../core/descriptors.js';
import { describe, SendError, TidingsError } from '../core/errors.js';
import type { Run } from '../core/run.js';
import type { RequestOptions } from '../core/sending.js';
import type { Wait } from '../core/within.js';

/** What is asked, and how it shall be answered. */
export interface Question {
  readonly event: object;
  readonly descriptor: EventDescriptor;
  readonly reply: EventDescriptor;
  readonly options: RequestOptions;
  readonly timeoutMs: number;
  /** For the whole exchange. */
  readonly wait: Wait;
}

/** Who waits for the answers. */
export interface Receiver {
  /** True: no further answer is wanted. */
  answered(event: object): boolean;
  /** An answer that is an error, or that cannot be read. True: no further answer is wanted. */
  refused(error: unknown): boolean;
  /** Nothing more will come. */
  ended(error: Error): void;
}

export interface PendingHome {
  readonly deadlines: Deadlines;
  /** Nothing of it shall be kept any longer. */
  forget(request: PendingRequest): void;
}

/** How long a send may take to say what became of it, when the time of its request is over: it knows more. */
const graceMs = 250;

/** One request that waits for its answers. It ends once: with what its receiver wanted, an error, its deadline or its signal. */
export class PendingRequest implements Expiring, Abortable {
  /** The correlation id that its answers carry. */
  readonly id: string = randomUUID();
  readonly question: Question;
  /** When the broker had it, in milliseconds since the epoch. */
  sentAt: number | undefined;
  /** On whose behalf: that may finish its work while the manager stops. */
  readonly run: Run | undefined;
  readonly #home: PendingHome;
  readonly #receiver: Receiver;
  #at: number;
  /** The answers that came. */
  #seen: Set<string> | undefined;
  #over = false;
  #graced = false;

  constructor(question: Question, run: Run | undefined, home: PendingHome, receiver: Receiver) {
    this.question = question;
    this.run = run;
    this.#home = home;
    this.#receiver = receiver;
    const { at, signal } = question.wait;
    this.#at = at;
    home.deadlines.add(this, at);
    if (signal !== undefined && !signal.aborted) home.deadlines.aborts.add(signal, this);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Whether an answer with this id came before: one that was not settled when its connection was lost comes again. */
  isRepeat(id: string | undefined): boolean {
    if (id === undefined) return false;
    const seen = (this.#seen ??= new Set());
    const before = seen.size;
    return seen.add(id).size === before;
  }

  answer(event: object): void {
    if (!this.#over && this.#receiver.answered(event)) this.close();
  }

  refuse(error: unknown): void {
    if (!this.#over && this.#receiver.refused(error)) this.close();
  }

  /** The broker has not taken it. */
  unsent(error: unknown): void {
    const { descriptor, timeoutMs } = this.question;
    const code = error instanceof SendError ? error.code : undefined;
    if (code === 'send-timeout') this.fail(late(descriptor, timeoutMs, error as SendError));
    else if (code === 'send-aborted') this.fail(aborted(descriptor, error));
    else this.fail(error instanceof Error ? error : new Error(describe(error)));
  }

  fail(error: Error): void {
    if (this.#over) return;
    this.close();
    this.#receiver.ended(error);
  }

  expire(): void {
    const { descriptor, timeoutMs } = this.question;
    if (this.sentAt !== undefined || this.#graced) {
      this.fail(late(descriptor, timeoutMs, undefined));
      return;
    }
    this.#graced = true;
    this.#home.deadlines.add(this, (this.#at += graceMs));
  }

  aborted(): void {
    this.fail(aborted(this.question.descriptor, this.question.wait.signal?.reason));
  }

  /** Nothing more is wanted. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    const { signal } = this.question.wait;
    this.#home.deadlines.remove(this, this.#at);
    if (signal !== undefined) this.#home.deadlines.aborts.remove(signal, this);
    this.#home.forget(this);
  }
}

/** `unsent`: why the broker has not confirmed it, though it may have it. */
function late({ name }: EventDescriptor, timeoutMs: number, unsent: SendError | undefined): TidingsError {
  const ms = String(timeoutMs);
  const text =
    unsent?.outcome === 'not-sent'
      ? `${name} could not be asked in ${ms} ms: ${describe(unsent)}`
      : `nobody has answered ${name} in ${ms} ms: whether it was handled is not known`;
  return new TidingsError('request-timeout', text, { retryable: true, cause: unsent });
}

function aborted({ name }: EventDescriptor, cause: unknown): TidingsError {
  return new TidingsError('request-aborted', `the request ${name} was given up by its signal`, { retryable: true, cause });
}
