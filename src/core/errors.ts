/** Every code a {@link TidingsError} can carry. The README's table of codes lists exactly these. */
export const errorCodes = [
  'configuration', // mistakes in options, names, classes: all of them in one error
  'not-an-event', // sendEvent() was given something that is no decorated event
  'invalid-header', // a header name or value that cannot travel
  'invalid-event', // validation failed; `faults` lists every one
  'undecodable', // bytes that the codec cannot read
  'too-large', // the body passes maxBodyBytes
  'unknown-event', // a message of another CloudEvents type stood on the queue
  'unsupported-version', // a received event has a version above that of its class
  'pipeline', // a pipeline broke its contract (next() twice, setBody() too late)
  'not-running', // the manager is stopping, stopped or failed
  'start-timeout', // the broker could not be reached in startTimeoutMs
  'authentication', // the broker refused the credentials
  'permission', // the broker refused a right
  'queue-conflict', // the queue belongs to another event, another service or another routing type
  'missing-queue', // provisioning is 'none' and the operator has not made the queue
  'send-refused', // the broker refused the message
  'send-unknown', // the connection went before the confirmation: it may have arrived
  'send-timeout', // the deadline passed
  'send-aborted', // the caller's signal
  'send-pending', // more than maxPending sends wait already
  'send-many', // some of sendEvents() failed; `results` tells each
  'connection', // a connection could not be made or was lost
  'not-supported', // the provider does not have this capability
  'listener-timeout', // the listener took longer than its timeoutMs
  'request-timeout', // nobody answered a request in time
  'request-aborted', // the caller's signal, while waiting for an answer
  'no-responder', // the broker knows nobody who could answer a request
  'not-a-request', // reply() where nobody waits for an answer
  'remote', // the responder's listener failed; see RemoteError
  'expired', // a received event has passed its time
  'batch', // a batch listener failed for some of its events; see BatchError
  'crashed', // deliveries of the event ended with a dead process or connection, again and again
  'retry-later', // thrown by a listener: not now
  'unrecoverable', // thrown by a listener: never
] as const;

export type TidingsErrorCode = (typeof errorCodes)[number];

const brand = Symbol.for('tidings.error');

export interface TidingsErrorOptions extends ErrorOptions {
  /** Whether the same call may succeed later without any change. Default false. */
  retryable?: boolean;
}

/** The root of everything this library throws. Told by a brand, so that two copies of the library understand each other. */
export class TidingsError extends Error {
  readonly code: TidingsErrorCode;
  readonly retryable: boolean;

  constructor(code: TidingsErrorCode, message: string, options: TidingsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
    Object.defineProperty(this, brand, { value: true });
  }

  static is(x: unknown): x is TidingsError {
    return typeof x === 'object' && x !== null && (x as Record<symbol, unknown>)[brand] === true;
  }
}

/** All mistakes found at once: in the options, the names, the decorated classes. */
export class ConfigurationError extends TidingsError {
  readonly mistakes: readonly string[];

  constructor(what: string, mistakes: readonly string[], options: ErrorOptions = {}) {
    const list = mistakes.map((mistake, index) => `  ${String(index + 1)}. ${mistake}`).join('\n');
    super('configuration', `${what}: ${mistakes.length === 1 ? '1 mistake' : `${String(mistakes.length)} mistakes`}\n${list}`, options);
    this.mistakes = Object.freeze([...mistakes]);
  }
}

/** What is known about a send that did not succeed. */
export type SendOutcome =
  /** The broker has it not and said why. */
  | 'refused'
  /** The connection or the deadline went first; it may have arrived. Safe to repeat with the same id. */
  | 'unknown'
  /** It never left this process, and never will. */
  | 'not-sent';

/** One send that failed; {@link SendError.outcome} tells what that means for the event. */
export class SendError extends TidingsError {
  readonly outcome: SendOutcome;
  /** The id of the event, once it had one: a repeat with `{ id }` arrives once where the broker can tell. */
  id: string | undefined;

  constructor(outcome: SendOutcome, code: TidingsErrorCode, message: string, options: TidingsErrorOptions = {}) {
    super(code, message, { retryable: outcome !== 'refused', ...options });
    this.outcome = outcome;
  }
}

/** More are counted only. */
const mostNamed = 5;

/** Some of `sendEvents()` failed. `results` has one entry an event, in the order given. */
export class SendManyError<T = unknown> extends TidingsError {
  readonly results: readonly PromiseSettledResult<T>[];

  constructor(results: readonly PromiseSettledResult<T>[]) {
    const failed = results.flatMap((result, index) => (result.status === 'rejected' ? [{ index, reason: result.reason as unknown }] : []));
    const more = failed.length > mostNamed ? `, and ${String(failed.length - mostNamed)} more` : '';
    super(
      'send-many',
      `${String(failed.length)} of ${String(results.length)} events were not confirmed: ${failed.slice(0, mostNamed).map(named).join(', ')}${more}; ` +
        `the first: ${describe(failed[0]?.reason)}. See error.results for each.`,
      {
        retryable: failed.every(({ reason }) => TidingsError.is(reason) && reason.retryable),
        cause: failed[0]?.reason,
      },
    );
    this.results = results;
  }
}

function named({ index, reason }: { readonly index: number; readonly reason: unknown }): string {
  const id = reason instanceof SendError ? reason.id : undefined;
  return id === undefined ? `results[${String(index)}]` : `results[${String(index)}] (${id})`;
}

/** One thing wrong with an event. */
export interface EventFault {
  /** Where, as in `items[2].price`; empty for the whole event. */
  readonly path: string;
  /** What is wrong with it. */
  readonly message: string;
  /** What the rule asks for: its name (`isUuid`) or a type (`string`). */
  readonly expected?: string | undefined;
  /** What was there, shortened: `"abc"`, `12`, `an array of 3`, `nothing`. Absent for secret fields. */
  readonly received?: string | undefined;
}

/** More than these are counted only. */
export const mostFaults = 100;
const mostShown = 10;
const longest = { path: 200, message: 300, received: 100, all: 2000 };

/** An event that is not what its class promises. On sending: refused before any I/O. On receipt: archived. */
export class InvalidEventError extends TidingsError {
  /** The first 100, each cut to a bearable length. */
  readonly faults: readonly EventFault[];
  /** How many more were found. */
  readonly moreFaults: number;

  /** `moreFaults`: those that were found and are not in the list. */
  constructor(event: string, faults: readonly EventFault[], { moreFaults = 0, ...options }: ErrorOptions & { moreFaults?: number } = {}) {
    const kept = faults.slice(0, mostFaults).map(bounded);
    const total = faults.length + moreFaults;
    super('invalid-event', `${event} is invalid: ${shownIn(kept, total)}`, options);
    this.faults = Object.freeze(kept);
    this.moreFaults = total - kept.length;
  }
}

function bounded({ path, message, expected, received }: EventFault): EventFault {
  return Object.freeze({
    path: cut(path, longest.path),
    message: cut(message, longest.message),
    ...(expected === undefined ? undefined : { expected: cut(expected, longest.received) }),
    ...(received === undefined ? undefined : { received: cut(received, longest.received) }),
  });
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3).toWellFormed()}...`;
}

function shownIn(faults: readonly EventFault[], total: number): string {
  const shown: string[] = [];
  let room = longest.all;
  for (const { path, message, received } of faults.slice(0, mostShown)) {
    const text = `${path === '' ? '' : `${path}: `}${message}${received === undefined ? '' : ` (received ${received})`}`;
    room -= text.length + 2;
    if (room < 0) break;
    shown.push(text);
  }
  return total === shown.length ? shown.join('; ') : `${shown.join('; ')} (and ${String(total - shown.length)} more)`;
}

/** Thrown by a listener that wants to be called again after `delayMs`. Counted as a failed attempt like any other. */
export class RetryLater extends TidingsError {
  readonly delayMs: number;

  /** Throws 'configuration' unless `delayMs` is a number of milliseconds, 0 or more. */
  constructor(delayMs: number, options: ErrorOptions = {}) {
    if (!(delayMs >= 0 && delayMs < Infinity))
      throw new TidingsError('configuration', 'RetryLater wants a number of milliseconds, 0 or more');
    const why = options.cause === undefined ? '' : `: ${describe(options.cause)}`;
    super('retry-later', `the listener asked to be called again in ${String(delayMs)} ms${why}`, { ...options, retryable: true });
    this.delayMs = delayMs;
  }

  // Told by its code, so that another copy of the library understands it too.
  static override is(x: unknown): x is RetryLater {
    return TidingsError.is(x) && x.code === 'retry-later';
  }
}

/** Thrown by a listener for an event that it will never be able to handle: archived at once. */
export class Unrecoverable extends TidingsError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('unrecoverable', message, options);
  }

  static override is(x: unknown): x is Unrecoverable {
    return TidingsError.is(x) && x.code === 'unrecoverable';
  }
}

/** One event of a batch that could not be handled. */
export interface BatchFailure {
  /** Its place in `on(events, contexts)`. */
  readonly index: number;
  /** What it failed with: decides about the event as if it had been thrown for it alone. */
  readonly error: unknown;
}

/** Thrown by a batch listener that has handled some of its events: those that are not named here succeed. */
export class BatchError extends TidingsError {
  readonly failures: readonly BatchFailure[];

  constructor(failures: readonly BatchFailure[], options: ErrorOptions = {}) {
    const first = failures[0];
    const told = first === undefined ? '' : `; the first, at ${String(first.index)}: ${describe(first.error)}`;
    super('batch', `${String(failures.length)} events of a batch failed${told}`, { cause: first?.error, ...options });
    this.failures = Object.freeze(failures.map(({ index, error }) => Object.freeze({ index, error })));
  }

  static override is(x: unknown): x is BatchError {
    return TidingsError.is(x) && x.code === 'batch';
  }
}

/** What the listener that handled a request failed with. */
export class RemoteError extends TidingsError {
  /** The class of the error over there. */
  readonly remoteName: string;
  /** Its `code`, where it has one that is a text or a number. */
  readonly remoteCode: string | undefined;
  /** Only where the responder says `replyStacks`. */
  readonly remoteStack: string | undefined;

  constructor(message: string, remote: { readonly name: string; readonly code?: string | undefined; readonly stack?: string | undefined }) {
    super('remote', message);
    this.remoteName = remote.name;
    this.remoteCode = remote.code;
    this.remoteStack = remote.stack;
  }

  static override is(x: unknown): x is RemoteError {
    return TidingsError.is(x) && x.code === 'remote';
  }
}

/** The message of anything that can be thrown. Never throws itself: not every error is as its type says. */
export function describe(error: unknown): string {
  try {
    const text: unknown = error instanceof Error ? error.message : error;
    return typeof text === 'string' && text !== '' ? text : errorName(error);
  } catch {
    return 'something that cannot be printed';
  }
}

/** The class of what was thrown, or for other values what they are. Never throws. */
export function errorName(error: unknown): string {
  try {
    if (!(error instanceof Error)) return typeof error === 'object' && error !== null ? 'an object' : String(error);
    const names: unknown[] = [error.name === 'Error' ? error.constructor.name : error.name, error.name];
    const name = names.find((candidate) => typeof candidate === 'string' && candidate !== '');
    return typeof name === 'string' ? name : 'Error';
  } catch {
    return 'Error';
  }
}
