import { randomUUID } from 'node:crypto';
import { attemptOf, isPutBack, roundOf } from '../core/attempt.js';
import { describe, errorName } from '../core/errors.js';
import type { ArchiveReason, Failure } from '../core/failure-policy.js';
import { cloudEventsAttribute, wire } from '../core/headers.js';
import { withAttempt } from '../core/history.js';
import type { CopyOutcome, CopyTo, Notice, SubscriptionSpec, WireMessage } from '../core/provider.js';

/** The last moment a Date can say. */
const latest = 8.64e15;
const longestMessage = 1000;
const longestStack = 4000;

type Changes = Record<string, string | undefined>;

/** The next attempt: a copy on the listener's own queue, held by the broker for so many milliseconds. None: it comes at once. */
export function retryCopy(failure: Failure, delayMs: number): CopyOutcome {
  const { message, attempt, now } = failure;
  return {
    do: 'copy',
    to: 'self',
    headers: {
      ...(isPutBack(message.headers) ? withoutError : undefined),
      ...identified(failure),
      [wire.attempt]: String(attempt + 1),
      [wire.firstFailureAt]: firstFailureAt(failure),
      [wire.history]: history(failure),
    },
    ...(delayMs > 0 && { notBefore: new Date(Math.min(now + delayMs, latest)) }),
    ...cameBy(message, failure.spec),
    ...dedupeId(failure),
  };
}

/** The end: a copy in the archive with all that is to be known about it, and word of it to those who listen to faults. */
export function archiveCopy(failure: Failure, reason: ArchiveReason): CopyOutcome {
  const error = errorHeaders(failure, reason);
  const identity = identified(failure);
  const past = history(failure);
  return {
    do: 'copy',
    to: 'archive',
    headers: { ...identity, ...error, [wire.firstFailureAt]: firstFailureAt(failure), [wire.history]: past },
    ...dedupeId(failure),
    ...notice(failure, { ...identity, ...asFault(error), [wire.history]: undefined, [wire.faultHistory]: past }),
  };
}

/** The same attempt again. Numbered, so that each of them has an id of its own. */
export function renewedCopy(message: WireMessage, spec: SubscriptionSpec): CopyOutcome {
  const { headers } = message;
  const times = String(Number(headers.get(wire.renewed) ?? 0) + 1);
  const id = headers.get(wire.tidingsId);
  const copy = `${spec.queue}#${String(roundOf(headers))}.${String(attemptOf(headers))}+${times}`;
  return {
    do: 'copy',
    to: 'self',
    headers: { [wire.renewed]: times },
    ...cameBy(message, spec),
    ...(id === undefined ? undefined : { dedupeId: `${id}#${copy}` }),
  };
}

/** Back from the archive to a listener's queue: a new round, which counts from one. The history goes on. */
export function replayCopy({ headers }: WireMessage, to: string): CopyTo {
  const round = roundOf(headers);
  const id = headers.get(wire.tidingsId);
  return {
    to,
    headers: { ...withoutError, [wire.attempt]: undefined, [wire.firstFailureAt]: undefined, [wire.round]: String(round) },
    // 0 is no attempt that could fail: the copies of this round's attempts have other ids.
    ...(id === undefined ? undefined : { dedupeId: `${id}#${queuePart(to)}#${String(round)}.0` }),
  };
}

/** One of the many addresses of a pattern. */
function cameBy({ address }: WireMessage, { pattern }: SubscriptionSpec): { readonly address?: string } {
  return pattern === true && address !== undefined ? { address } : {};
}

/** What an event that was put back from the archive leaves behind; it is wanted now, whenever it was due. */
const withoutError: Readonly<Record<string, undefined>> = Object.freeze({
  [wire.expiresAt]: undefined,
  [wire.errorReason]: undefined,
  [wire.errorClass]: undefined,
  [wire.errorMessage]: undefined,
  [wire.errorStack]: undefined,
  [wire.errorListener]: undefined,
  [wire.errorAttempts]: undefined,
  [wire.errorAt]: undefined,
  [wire.originQueue]: undefined,
});

function errorHeaders({ error, attempt, listener, message, spec, now }: Failure, reason: ArchiveReason): Changes {
  return {
    [wire.errorReason]: reason,
    [wire.errorClass]: error instanceof Error ? errorName(error) : typeof error,
    [wire.errorMessage]: describe(error).slice(0, longestMessage).toWellFormed(),
    [wire.errorStack]: stackOf(error),
    [wire.errorListener]: listener.name,
    [wire.errorAttempts]: String(attempt),
    [wire.errorAt]: new Date(now).toISOString(),
    [wire.originQueue]: `${cameBy(message, spec).address ?? spec.event}::${spec.queue}`,
  };
}

/** Under names of their own: a fault is an event like any other, and no failure of those who listen to it. */
function asFault(error: Changes): Changes {
  return {
    ...withoutError,
    [wire.attempt]: undefined,
    [wire.firstFailureAt]: undefined,
    [wire.round]: undefined,
    [wire.faultReason]: error[wire.errorReason],
    [wire.faultClass]: error[wire.errorClass],
    [wire.faultMessage]: error[wire.errorMessage],
    [wire.faultStack]: error[wire.errorStack],
    [wire.faultListener]: error[wire.errorListener],
    [wire.faultAttempts]: error[wire.errorAttempts],
    [wire.faultAt]: error[wire.errorAt],
    [wire.faultQueue]: error[wire.originQueue],
  };
}

/** With an id of its own for each fault: one event may end at several listeners, and each of them tells. */
function notice(failure: Failure, headers: Changes): { notice?: Notice } {
  if (failure.faults === undefined) return {};
  return { notice: { address: failure.faults, headers: { ...headers, [wire.tidingsId]: randomUUID() }, ...dedupeId(failure) } };
}

function history({ error, message: { headers }, attempt, now }: Failure): string {
  const name = error instanceof Error ? `${errorName(error)}: ` : '';
  return withAttempt(headers, { round: roundOf(headers), attempt, at: new Date(now).toISOString(), error: name + describe(error) });
}

function firstFailureAt({ message: { headers }, now }: Failure): string {
  const said = isPutBack(headers) ? undefined : headers.get(wire.firstFailureAt);
  return said ?? new Date(now).toISOString();
}

/** The stack is what the engine or a hook of the user's made of it: not always a text. */
function stackOf(error: unknown): string | undefined {
  const stack: unknown = error instanceof Error ? error.stack : undefined;
  return typeof stack === 'string' ? stack.slice(0, longestStack).toWellFormed() : undefined;
}

/** Which event this is a copy of, and in which round. A foreign message gets an id of ours with its first copy. */
function identified({ id, correlationId, type, message: { headers } }: Failure): Record<string, string> {
  const round = roundOf(headers);
  return {
    ...(headers.has(wire.tidingsId) ? undefined : { [wire.tidingsId]: randomUUID() }),
    // What only the protocol's own fields said, or a document against the headers, is said in ours from now on: it stays the same over all
    // attempts, and an archive is searched by it.
    ...(cloudEventsAttribute(headers, wire.id) === id ? undefined : { [wire.id]: id }),
    ...(cloudEventsAttribute(headers, wire.correlationId) === correlationId ? undefined : { [wire.correlationId]: correlationId }),
    ...(cloudEventsAttribute(headers, wire.type) === type || type === undefined ? undefined : { [wire.type]: type }),
    ...(round === 0 ? undefined : { [wire.round]: String(round) }),
  };
}

/**
 * One cache of ids serves an address and all its queues, so the id of a copy names the queue, the round and the attempt that failed.
 * A foreign message is copied without one the first time: its own id may not be unique.
 */
function dedupeId({ message: { headers }, attempt, spec }: Failure): { dedupeId?: string } {
  const id = headers.get(wire.tidingsId);
  return id === undefined ? {} : { dedupeId: `${id}#${spec.queue}#${String(roundOf(headers))}.${String(attempt)}` };
}

function queuePart(name: string): string {
  return name.slice(name.indexOf('::') + 2);
}
