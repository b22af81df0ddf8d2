import type { Clock } from './clock.js';
import type { Logger } from './logger.js';

/**
 * The contract between the framework and one kind of broker. A provider moves bytes and headers; it knows no listener
 * class, no pipeline, no codec. `providerConformance` in `tidings/testing` checks all that is said here.
 */
export interface Provider {
  /** For messages, logs and `health()`; 'amqp', 'memory' ... */
  readonly name: string;
  readonly capabilities: ReadonlySet<Capability>;
  /** How queues are named on the broker. Default 'plain'. */
  readonly queueNaming?: QueueNaming;
  /** The clock that the manager shall go by too. Default: the machine's. */
  readonly clock?: Clock;
  /** Where it connects to, for documents. Absent where there is no network. */
  readonly endpoints?: readonly ProviderEndpoint[];

  /**
   * Connects, and makes the queues of all `specs` and their archives. While the broker is away it tries on, with capped
   * and jittered backoff, until `signal` aborts, unless `once` is set. Wrong credentials, missing rights, names that collide
   * reject at once, never with a secret in the message. A rejected start leaves nothing open and may be tried again.
   */
  start(host: ProviderHost, options: ProviderStart): Promise<void>;

  /**
   * Resolves when the broker has confirmed the message. Rejects with a `SendError`, at `options.deadlineAt` at the latest.
   * While the connection is away the message waits; one that was in flight goes again with the same ids. Messages of one
   * address leave in the order of the calls. What is reported as 'not-sent' is never transmitted later.
   * Neither the message nor its headers are changed by the caller or the provider after the call.
   */
  send(message: WireMessage, options: WireSend): Promise<void>;

  /**
   * Resolves when the broker has confirmed the subscription; no delivery comes before `open()`. A `spec` that was not given to `start` is
   * provisioned first, with the same refusals, now and on each later connection until it is closed. `deliver` is called synchronously, does not throw, and is called with at most
   * `spec.concurrency + spec.prefetch` deliveries that are not settled yet, those of lost connections included.
   */
  subscribe(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void): Promise<ProviderSubscription>;

  /**
   * Closes what is open; resolves at the deadline at the latest, with no socket and no timer left. Sends still unconfirmed
   * then reject. Idempotent, and allowed at any time: while starting, while reconnecting. `start` may follow.
   */
  stop(options: { deadlineMs: number }): Promise<void>;

  /** With the capability 'manage': what an operator sees of the queues. */
  readonly queues?: QueueAdmin;
}

/** One broker, told without a secret. */
export interface ProviderEndpoint {
  /** Scheme, host, port and path; without user, password and query. */
  readonly url: string;
  /** As AsyncAPI names it: 'amqp1', 'stomp' ... */
  readonly protocol: string;
  readonly protocolVersion: string;
}

/**
 * What a provider may be able to do beyond the core, and what each means. What is declared is tested by `providerConformance`; what is not
 * must fail with 'not-supported' where somebody asks for it.
 */
export const capabilityMeanings = Object.freeze({
  durable: 'Queues and durable events outlive consumers and the broker (in memory: its `restart()`)',
  delay: 'The broker holds an event until its time',
  dedupe: 'A repeated id is dropped by the broker',
  ttl: 'The broker drops an event that nobody has taken by its time',
  priority: 'Waiting events of a higher priority are delivered first',
  keys: 'Events of one group go to one consumer at a time, in order',
  anycast: 'Addresses whose messages go to one of all consumers',
  reply: 'Messages carry the address that answers go to, and answers to one that is gone are dropped',
  patterns: 'A queue can take the events of all addresses that match a pattern',
  manage: '`queues` counts, lists, browses and takes messages out',
  cancel: '`queues.cancel()` takes back an event that the broker still holds until its time',
  credit: 'The broker can make a sender wait',
  count: 'The broker counts deliveries that were not settled',
  tls: 'Connections can be encrypted',
});

export type Capability = keyof typeof capabilityMeanings;

export const capabilities: readonly Capability[] = Object.freeze(Object.keys(capabilityMeanings) as Capability[]);

/** 'plain': the queue is named `<listener>[-<server>]`. 'qualified': `<event>.<listener>[-<server>]`. */
export type QueueNaming = 'plain' | 'qualified';

export type Routing = 'multicast' | 'anycast';

export interface ProviderHost {
  readonly serviceName: string;
  readonly serverName: string;
  /** Never throws. */
  readonly logger: Logger;
  readonly clock: Clock;
  /**
   * To be called for each change, also for `connected` at start; and when the broker could not be reached, at start too, with the error: there
   * are senders that wait for no second attempt. Never throws.
   */
  onState(change: ProviderState): void;
}

export interface ProviderState {
  readonly state: 'connecting' | 'connected' | 'reconnecting' | 'stopped';
  /** Why, when the state is a loss: without secrets. */
  readonly error?: Error;
}

export interface ProviderStart {
  /** Every subscription that will follow. */
  readonly specs: readonly SubscriptionSpec[];
  /** Ends the attempts; `start` rejects then with the last failure, or with the signal's reason when there was none. */
  readonly signal: AbortSignal;
  /** One try only. Default false. */
  readonly once?: boolean;
}

/** While it is made. */
export type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A message as it travels. Frozen in spirit: nobody changes one after it was handed over. */
export interface WireMessage {
  /** A string travels as text, bytes travel as bytes, and come back as what they were. */
  readonly body: string | Uint8Array;
  /** Strings only; names in the case given. Values of foreign senders are in canonical text. */
  readonly headers: ReadonlyMap<string, string>;
  /** As the protocol's own field says it. Absent for JSON text, which every client reads without. */
  readonly contentType?: string;
  /** How the body is packed, as the protocol's own field says it. Absent for a body that is not. */
  readonly contentEncoding?: string;
  /** Survives a restart of the broker. */
  readonly durable: boolean;
  /** The protocol's own message id: only on receipt, only when the sender set one. Foreign ids are often not unique. */
  readonly nativeId?: string;
  /** The protocol's own correlation id, beside the header that carries ours. An answer carries that of its request. */
  readonly correlationId?: string;
  /** Where answers to it go: an anycast address, prefix included. Needs 'reply'. On receipt whatever the sender said, without the broker's own prefixes. */
  readonly replyTo?: string;
  /** Of messages with the same group in a queue the broker gives all to one consumer, in order, while that lives. Needs 'keys'. */
  readonly group?: string;
  /** 0 to 9, as in JMS; absent: 4. Needs 'priority'. */
  readonly priority?: number;
  /** The address it was sent to, where the protocol tells: only on receipt. */
  readonly address?: string;
}

export interface WireSend {
  /** The event's address, prefix included. */
  readonly address: string;
  readonly routing: Routing;
  /** For duplicate detection at the broker, where it is able to. */
  readonly dedupeId?: string;
  /** Held by the broker until then. Needs 'delay'. */
  readonly notBefore?: Date;
  /** Dropped by the broker when nobody has taken it by then, in milliseconds since the epoch, on the host's clock. Needs 'ttl'. */
  readonly expiresAt?: number;
  /**
   * The queue may be gone, with nobody left to wait for the message: then it is dropped, confirmed like any other, and nothing is made on
   * the broker for it. Only for anycast. Needs 'reply'.
   */
  readonly ifThere?: boolean;
  /** Milliseconds since the epoch, on the host's clock. */
  readonly deadlineAt: number;
  readonly signal?: AbortSignal;
}

/** One queue to consume from. Names are those on the broker, prefix included. */
export interface SubscriptionSpec {
  /** The address; with `pattern` one of many. */
  readonly event: string;
  /**
   * `event` stands for all addresses that match it, made or not: words are divided by dots, `*` is one word, `#` any number of them. Copies to
   * 'self' go to the address that the message came by. Needs 'patterns'.
   */
  readonly pattern?: boolean;
  /** The listener's name, for messages. */
  readonly listener: string;
  readonly routing: Routing;
  /** The queue part: `<listener>[-<server>]` or its qualified form. */
  readonly queue: string;
  /** Address and queue of what could not be handled. */
  readonly archive: string;
  /** Deleted some minutes after its last consumer went: the copy of a process whose name is made anew at each start. */
  readonly temporary: boolean;
  /** Deleted with what is left in it when the subscription is closed: nobody else will ever come for that. Default false. */
  readonly discard?: boolean;
  /** Another service may consume from it too. */
  readonly shared: boolean;
  /** Most attempts that run at once. */
  readonly concurrency: number;
  /** Deliveries held beyond the running ones. */
  readonly prefetch: number;
  /** What the archive keeps; given to the broker where it is able to keep it. */
  readonly archiveBounds: ArchiveBounds;
  /** From this `brokerCount` on a delivery is archived unhandled: the broker's own limit must stand two above it. */
  readonly maxCrashes: number;
}

export interface ArchiveBounds {
  /** What is older is gone: dropped, not moved to a queue of expired messages. */
  readonly maxAgeMs: number;
  /** The newest so many stay; one more drops the oldest. */
  readonly maxCount: number;
}

export interface ProviderSubscription {
  /** Whether the broker serves it now: false while its connection or link is away. */
  readonly ready: boolean;
  /** Deliveries may come from now on, also after `pause()`. */
  open(): void;
  /**
   * Resolves, soon and always, when no further delivery will come, before `open()`. Those handed over already stay unsettled; they are not
   * returned by this.
   */
  pause(): Promise<void>;
  /**
   * From now on at most so many deliveries that are not settled, instead of `spec.concurrency + spec.prefetch`. What is out already stays
   * out, and what the broker has been allowed to send may still come.
   */
  setLimit(deliveries: number): void;
  /** Ends the subscription. What is unsettled goes back to the queue, uncounted. Resolves also when the connection is gone. */
  close(): Promise<void>;
}

/** One message, handed over for one subscription. */
export interface Delivery {
  readonly message: WireMessage;
  /** How often the broker says it was delivered before without being settled. Absent where it does not tell. */
  readonly brokerCount?: number;
  /**
   * Whether it went so often with connections that this process outlived that the broker may soon give it up, though nothing is wrong with it:
   * it is written anew then. For providers that tell no `brokerCount`.
   */
  readonly worn?: boolean;
  /** Whether its connection is gone, so that settling it would do nothing. A hint: beginning its run would be work done twice. */
  readonly stale?: boolean;
  /**
   * Ends it, once; a further call does nothing and resolves as the first does. An accept is done when it is written to the
   * connection: protocols do not confirm it. 'stale': its connection is gone, the broker will deliver the message again, nothing was done.
   * Resolves only when the outcome is done: a copy that is refused or not confirmed leaves the original unsettled and is tried
   * again with backoff. Never rejects.
   */
  settle(outcome: Outcome): Promise<Settlement>;
}

export type Settlement = 'settled' | 'stale';

export type Outcome =
  /** Done: the message is gone from the queue. */
  | { readonly do: 'accept' }
  /**
   * Nothing was done: goes back to its place in the queue, uncounted. While the subscription is paused at once, where the protocol is able
   * to; else when it closes. Here it may come again after the next `open()`, and must unless others have it then. Only for a subscription
   * that is paused or will be: it would come again at once.
   */
  | { readonly do: 'return' }
  /** One operation: write the copy, await its confirmation, accept the original. */
  | CopyOutcome;

export interface CopyOutcome {
  readonly do: 'copy';
  /** 'self': this queue alone, never its siblings. 'archive': `spec.archive`. Body and all other headers stay byte for byte. */
  readonly to: 'self' | 'archive';
  /** Laid over the message's headers; undefined removes one. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Held by the broker until then. Only ever given to a provider with 'delay'. */
  readonly notBefore?: Date;
  readonly dedupeId?: string;
  /** For 'self' of a subscription with a pattern: the address that the message came by. */
  readonly address?: string;
  /** Published too, after the copy is confirmed and before the original is accepted. */
  readonly notice?: Notice;
}

/**
 * Tells others of what became of a message: the message once more, for whoever listens at another multicast address. Nobody may be there.
 * One that is refused is logged and given up: the message itself matters more.
 */
export interface Notice {
  readonly address: string;
  /** Laid over the message's headers as received; undefined removes one. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly dedupeId?: string;
}

/** A message that an operator puts into another queue. */
export interface CopyTo {
  /** `<address>::<queue>`, which must be there: that queue alone, never its siblings. */
  readonly to: string;
  /** Laid over the message's headers; undefined removes one. Body and all other headers stay byte for byte. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly dedupeId?: string;
}

/** Queues are named `<address>::<queue>`; a name without `::` is an anycast queue on the address of its name (an archive). */
export interface QueueAdmin {
  /** Every message the queue still holds: waiting, delayed, and delivered but unsettled. 0 for a queue that is not there. */
  count(queue: string): Promise<number>;
  /** Waiting messages, oldest first; they stay. */
  browse(queue: string, options?: { readonly limit?: number }): AsyncIterable<WireMessage>;
  /**
   * Takes waiting messages out, oldest first, one by one: each copy is confirmed before its original is gone, so that a death in between
   * loses nothing and repeats at most one. Looks at no more than stood there when it began, and ends after `limit` were copied or removed;
   * resolves with how many those were. 'skip' leaves one at its place. Others may consume from the queue and write to it meanwhile.
   * A copy that is refused ends it with that refusal, the original in its place.
   */
  take(queue: string, options: { readonly limit?: number }, decide: (message: WireMessage) => CopyTo | 'remove' | 'skip'): Promise<number>;
  /** Names of all queues, `<address>::<queue>`, whose name begins with `prefix`. */
  list(prefix: string): Promise<string[]>;
  /** Consumers on the queue, of all processes. */
  consumers(queue: string): Promise<number>;
  /** How many messages of the queue expired unread, since the broker counts them. 0 for a queue that is not there. With 'ttl'. */
  expired(queue: string): Promise<number>;
  /**
   * Takes back the event with this CloudEvents id from every queue of the address that still holds it until its time, or that nobody has taken
   * it from; retries of it are left alone. Resolves with from how many queues. With 'cancel'.
   */
  cancel(address: string, id: string): Promise<number>;
}
