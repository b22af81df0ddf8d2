import { TidingsError } from '../core/errors.js';
import { matches } from '../core/event-pattern.js';
import { cloudEventsAttribute, wire } from '../core/headers.js';
import { historyOf, type PastAttempt } from '../core/history.js';
import type { QueueAdmin, SubscriptionSpec, WireMessage } from '../core/provider.js';
import { replayCopy } from './copies.js';

/** One event that could not be handled, as the archive holds it. */
export interface ArchivedEvent {
  readonly id: string;
  /** The name of the event, as its sender said it. */
  readonly type: string;
  /** Why it is here; see the README's table of reasons. Empty for what another program has put here. */
  readonly reason: string;
  /** The last error: class, message (at most 1 000 characters) and stack (4 000). */
  readonly error: { readonly name: string; readonly message: string; readonly stack?: string };
  /** The number of the last attempt of the last round. */
  readonly attempts: number;
  /** Every failed attempt, over all rounds; of more than 25 the first one and the latest. */
  readonly history: readonly PastAttempt[];
  readonly firstFailureAt?: Date;
  readonly archivedAt?: Date;
  /** `address::queue` that it came from. */
  readonly origin?: string;
  /** All headers, the framework's included. */
  readonly headers: ReadonlyMap<string, string>;
  /** Of the body, where the message says it: JSON says nothing. */
  readonly contentType?: string;
  /** How the body is packed, `gzip` for example: the bytes are shown as they are, for `node:zlib` to unpack. Absent: it is not. */
  readonly contentEncoding?: string;
  /** As it was received: text or bytes. */
  readonly body: string | Uint8Array;
}

export interface ArchiveSelection {
  /** The events of this id only. */
  readonly id?: string | undefined;
  /** At most so many, the oldest first. Default: all. */
  readonly limit?: number | undefined;
}

export interface ArchiveParts {
  readonly queues: QueueAdmin;
  readonly spec: SubscriptionSpec;
}

/**
 * What could not be handled by one listener. All methods may be called while the listener runs, by several processes at once. They
 * reject with 'not-supported' where the provider has no access to queues, 'permission' without the right to it, 'connection' while the
 * broker is away.
 */
export class Archive {
  readonly #parts: () => ArchiveParts;

  /** For the manager: `parts` is asked at each call and may throw. */
  constructor(parts: () => ArchiveParts) {
    this.#parts = parts;
  }

  /** How many events it holds. */
  async count(): Promise<number> {
    const { queues, spec } = this.#parts();
    return queues.count(spec.archive);
  }

  /** The oldest first; they stay. */
  async *browse(options: { readonly limit?: number | undefined } = {}): AsyncIterable<ArchivedEvent> {
    const { queues, spec } = this.#parts();
    for await (const message of queues.browse(spec.archive, limited(options))) yield archivedEvent(message);
  }

  /**
   * Puts events back on the queue they came from, and on no other: the listener gets them again, from attempt 1. The origin of a server
   * that is gone for good is replaced by this process's own queue. Resolves with how many; what is archived again meanwhile is not
   * replayed again. When the process dies on the way nothing is lost, and at most one event comes twice.
   */
  async replay(selection: ArchiveSelection = {}): Promise<number> {
    const { queues, spec } = this.#parts();
    const options = limited(selection);
    const there = new Set(await queues.list(`${spec.event}::`));
    return queues.take(spec.archive, options, (message) =>
      isSelected(message, selection) ? replayCopy(message, targetOf(message, spec, there)) : 'skip',
    );
  }

  /** Removes events for good. Resolves with how many. */
  async remove(selection: ArchiveSelection = {}): Promise<number> {
    const { queues, spec } = this.#parts();
    return queues.take(spec.archive, limited(selection), (message) => (isSelected(message, selection) ? 'remove' : 'skip'));
  }
}

function limited({ limit }: { readonly limit?: number | undefined }): { readonly limit?: number } {
  if (limit === undefined) return {};
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new TidingsError('configuration', 'the limit of an archive operation must be a whole number, 1 or more; leave it out for all');
  return { limit };
}

function isSelected(message: WireMessage, { id }: ArchiveSelection): boolean {
  return id === undefined || idOf(message) === id;
}

/** Another listener's queue is never a target, whatever the header says. */
function targetOf({ headers }: WireMessage, spec: SubscriptionSpec, there: ReadonlySet<string>): string {
  const said = headers.get(wire.originQueue);
  const at = spec.pattern === true ? (said?.indexOf('::') ?? -1) : -1;
  const address = at < 0 ? undefined : said?.slice(0, at);
  // The queue of a pattern stands under the pattern; what it is given says which of the addresses.
  const origin = said === undefined || at < 0 ? said : spec.event + said.slice(at);
  const shared = `${spec.event}::${sharedQueue(spec)}`;
  const isOurs = origin !== undefined && (origin === shared || origin.startsWith(`${shared}-`));
  const queue = isOurs && there.has(origin) ? origin.slice(spec.event.length) : `::${spec.queue}`;
  return (address !== undefined && matches(spec.event, address) ? address : spec.event) + queue;
}

/** The queue's name without its server: that of the archive, but for 'archive.' behind the name prefix. */
function sharedQueue({ archive, queue }: SubscriptionSpec): string {
  const at = archive.indexOf('archive.');
  const shared = archive.slice(0, at) + archive.slice(at + 'archive.'.length);
  return queue.startsWith(shared) ? shared : queue;
}

function idOf({ headers, nativeId }: WireMessage): string {
  return cloudEventsAttribute(headers, wire.id) ?? headers.get(wire.tidingsId) ?? nativeId ?? '';
}

function archivedEvent(message: WireMessage): ArchivedEvent {
  const { headers, body } = message;
  const stack = headers.get(wire.errorStack);
  const origin = headers.get(wire.originQueue);
  return {
    id: idOf(message),
    type: cloudEventsAttribute(headers, wire.type) ?? '',
    reason: headers.get(wire.errorReason) ?? '',
    error: {
      name: headers.get(wire.errorClass) ?? '',
      message: headers.get(wire.errorMessage) ?? '',
      ...(stack === undefined ? undefined : { stack }),
    },
    attempts: Number(headers.get(wire.errorAttempts) ?? 0),
    history: historyOf(headers),
    ...dated('firstFailureAt', headers.get(wire.firstFailureAt)),
    ...dated('archivedAt', headers.get(wire.errorAt)),
    ...(origin === undefined ? undefined : { origin }),
    headers,
    ...said('contentType', headers.get(wire.contentType) ?? message.contentType),
    ...said('contentEncoding', headers.get(wire.contentEncoding) ?? message.contentEncoding),
    body,
  };
}

function said<K extends string>(name: K, text: string | undefined): Partial<Record<K, string>> {
  return (text === undefined ? {} : { [name]: text }) as Partial<Record<K, string>>;
}

function dated<K extends string>(name: K, said: string | undefined): Partial<Record<K, Date>> {
  const date = new Date(said ?? NaN);
  return (Number.isNaN(date.getTime()) ? {} : { [name]: date }) as Partial<Record<K, Date>>;
}
