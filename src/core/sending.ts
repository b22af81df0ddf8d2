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
   * What the event is about: its CloudEvents attribute `subject`.
   * @default what `key` of `@event()` gives
   */
  key?: string | undefined;
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

/** What `whenOffline: 'fail'` says of a send. */
export function offline(event: string, why: Error): SendError {
  const text = `${event} was not sent: the broker is away, and whenOffline is 'fail'. The last error: ${describe(why)}`;
  return new SendError('not-sent', 'connection', text, { cause: why });
}

/** Throws 'configuration' for options that would make a send wait for ever or lose its identity. */
export function checkSendOptions({ id, correlationId, key, timeoutMs }: SendOptions): void {
  if (timeoutMs !== undefined && !(Number.isFinite(timeoutMs) && timeoutMs > 0)) {
    throw new TidingsError('configuration', 'timeoutMs of a send must be a number of milliseconds above 0');
  }
  checkText('id', id);
  checkText('correlationId', correlationId);
  checkText('key', key);
}

function checkText(name: string, value: string | undefined): void {
  if (value === undefined || (typeof value === 'string' && value !== '')) return;
  throw new TidingsError('configuration', `the ${name} of a send must be a text that is not empty`);
}
