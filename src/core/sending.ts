import { describe, SendError, TidingsError } from './errors.js';
import type { EventClass, EventDefinition, Fields, Instance } from './descriptors.js';

export interface SendOptions {
  /**
   * The identity of this *occurrence*: a repeat within the broker's cache of ids is dropped. Never a business key.
   * @default a random UUID
   */
  id?: string | undefined;
  /** The user's headers; pipelines see and may change them. */
  headers?: Record<string, string> | undefined;
  /** @default that of the event being handled, else the event's own id */
  correlationId?: string | undefined;
  /**
   * What the event is about: its CloudEvents attribute `subject`. Events of one key are handled one at a time and in order.
   * @default what `key` of `@event()` gives
   */
  key?: string | undefined;
  /**
   * Held by the broker for so many milliseconds. Needs a provider with the capability 'delay'.
   * @default none
   */
  delayMs?: number | undefined;
  /** Held by the broker until then; not beside `delayMs`. */
  deliverAt?: Date | undefined;
  /** @default that of `@event()` */
  ttlMs?: number | undefined;
  /** @default that of `@event()` */
  priority?: number | undefined;
  /**
   * For the whole call, pipelines and waiting for the broker included.
   * @default 30 000
   */
  timeoutMs?: number | undefined;
  /** Gives the send up: it rejects as 'not-sent', or as 'unknown' when it has left already. */
  signal?: AbortSignal | undefined;
}

export interface SentEvent {
  readonly id: string;
  readonly correlationId: string;
  /** `false`: a pipeline stopped it. */
  readonly sent: boolean;
}

/**
 * Resolves when the broker has taken the event; rejects with a `SendError` (refused, unknown, not sent), an `InvalidEventError`,
 * or what a pipeline threw. Never waits beyond the deadline. Events of one address sent by one caller one after the other keep
 * their order.
 */
export interface SendEvent {
  <E extends object>(event: EventDefinition<object, E>, fields: NoInfer<E>, options?: SendOptions): Promise<SentEvent>;
  <E extends object>(event: EventClass<E>, fields: Fields<E>, options?: SendOptions): Promise<SentEvent>;
  (event: Instance, options?: SendOptions): Promise<SentEvent>;
}

export interface RequestOptions extends Omit<SendOptions, 'timeoutMs' | 'delayMs' | 'deliverAt' | 'ttlMs'> {
  /**
   * For the whole exchange; the request is gone from the broker after it.
   * @default 5 000
   */
  timeoutMs?: number | undefined;
}

export interface RequestAllOptions extends RequestOptions {
  /**
   * Ends when so many have answered.
   * @default none: at `timeoutMs`
   */
  count?: number | undefined;
  /**
   * Told of each answer that is an error or cannot be read, which counts like any other.
   * @default none: the first one ends the loop with its error
   */
  onError?: ((error: Error) => void) | undefined;
}

/**
 * Sends a request and resolves with its first answer, an instance of the class asked for, validated. Rejects with a `RemoteError` where the
 * listener over there failed, with 'request-timeout', 'request-aborted' or 'no-responder' where nobody answers, with what `sendEvent` rejects
 * with where it could not be sent. Nothing of it is left afterwards.
 */
export interface Request {
  <R extends object>(event: Instance, reply: EventDefinition<R>, options?: RequestOptions): Promise<R>;
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- a definition is a class of what is sent too: in a union both would speak
  <R extends object>(event: Instance, reply: EventClass<R>, options?: RequestOptions): Promise<R>;
}

/**
 * The answers to one request as they come, sent when the first is asked for. Ends after `count`, or without an error when the time is over.
 * Throws what `Request` rejects with, for an answer that is an error or cannot be read too unless `onError` takes it. Leaving the loop ends it.
 */
export interface RequestAll {
  <R extends object>(event: Instance, reply: EventDefinition<R>, options?: RequestAllOptions): AsyncIterable<R>;
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- as above
  <R extends object>(event: Instance, reply: EventClass<R>, options?: RequestAllOptions): AsyncIterable<R>;
}

/** What `whenOffline: 'fail'` says of a send. */
export function offline(event: string, why: Error): SendError {
  const text = `${event} was not sent: the broker is away, and whenOffline is 'fail'. The last error: ${describe(why)}`;
  return new SendError('not-sent', 'connection', text, { cause: why });
}

/** Throws 'configuration' for options that would make a send wait for ever, lose its identity or be held for no telling how long. */
export function checkSendOptions(options: SendOptions): void {
  const { id, correlationId, key, timeoutMs, delayMs, deliverAt, ttlMs, priority } = options;
  if (timeoutMs !== undefined && !(Number.isFinite(timeoutMs) && timeoutMs > 0)) {
    throw new TidingsError('configuration', 'timeoutMs of a send must be a number of milliseconds above 0');
  }
  if (delayMs !== undefined && !(delayMs >= 0 && delayMs <= longestDelayMs))
    throw new TidingsError('configuration', 'delayMs of a send must be a number of milliseconds, 0 or more, and at most a hundred years');
  if (deliverAt !== undefined && !(deliverAt instanceof Date && deliverAt.getTime() < latestTime))
    throw new TidingsError('configuration', 'deliverAt of a send must be a Date before the year 10 000');
  if (delayMs !== undefined && deliverAt !== undefined)
    throw new TidingsError('configuration', 'delayMs and deliverAt of a send are two ways to say the same: give one of them');
  if (ttlMs !== undefined && !(ttlMs >= 1 && ttlMs <= longestDelayMs))
    throw new TidingsError('configuration', 'ttlMs of a send must be a number of milliseconds, 1 or more, and at most a hundred years');
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 9))
    throw new TidingsError('configuration', 'priority of a send must be a whole number from 0 to 9');
  checkText('id', id);
  checkText('correlationId', correlationId);
  checkText('key', key);
}

/** Beyond it is a mistake in the unit, and a Date soon knows no such time. */
export const longestDelayMs = 100 * 366 * 24 * 3_600_000;
const latestTime = Date.UTC(10_000, 0);

function checkText(name: string, value: string | undefined): void {
  if (value === undefined || (typeof value === 'string' && value !== '')) return;
  throw new TidingsError('configuration', `the ${name} of a send must be a text that is not empty`);
}
