/* eslint-disable @typescript-eslint/no-explicit-any -- constructor parameters cannot be said otherwise */

import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Envelope } from './envelope.js';
import type { Routing } from './provider.js';

export type Class<T = any> = new (...args: any[]) => T;

/** A class that `@event()` may stand on. */
export type EventClass<E extends object = any> = abstract new (...args: any[]) => E;

/** What `sendEvent(Class, fields)` wants: the fields without the methods. */
export type Fields<E> = { [K in keyof E as E[K] extends (...args: any[]) => unknown ? never : K]: E[K] };

/** An object that is no class: `sendEvent(OrderPlaced)` without `new` must not compile. */
export type Instance = object & { readonly [Symbol.hasInstance]?: never };

declare const received: unique symbol;

/**
 * An event without a class of its own, made by `defineEvent()`: usable wherever an event class is. `Sent` is what is given to a send, the
 * schema's input; `Received` what listeners get, the schema's output.
 */
export interface EventDefinition<Received extends object = any, Sent extends object = any> {
  /** For `sendEvent(new Def(fields))` and `sendEvents`. */
  new (fields: Sent): Sent;
  /** That of the event. */
  readonly name: string;
  readonly [received]: Received;
}

/** What a listener of an event is given: `EventOf<typeof OrderPlaced>`, of a definition or a class. */
export type EventOf<D extends EventClass> = D extends EventDefinition<infer E> ? E : InstanceType<D>;

/** How an event is written: CloudEvents attributes as headers beside the body, or both in one JSON document. */
export type ContentMode = 'binary' | 'structured';

export interface EventOptions<E extends object = any> {
  /**
   * The address on the broker. Say it: minifiers change class names.
   * @default the class name
   */
  name?: string | undefined;
  /**
   * Survives a broker restart. `false` is faster, and may be lost with the broker.
   * @default true
   */
  durable?: boolean | undefined;
  /**
   * Other CloudEvents types that are taken as this event.
   * @default none
   */
  accepts?: string[] | undefined;
  /** Makes an instance of the received fields, for a class that cannot be constructed without arguments. */
  create?: ((plain: Partial<E>) => E) | undefined;
  /**
   * Counts the shapes that the body has had. Travels with each event, so that receivers know which upcasters it needs.
   * @default 1
   */
  version?: number | undefined;
  /**
   * What becomes of a received event whose version is above that of the class: 'archive', with the reason 'unsupported-version', or 'accept',
   * taken as if it were this version.
   * @default 'archive'
   */
  newerVersions?: 'archive' | 'accept' | undefined;
  /**
   * 'multicast': every listener's queue gets a copy. 'anycast': a work queue, each event is handled by one of all processes that have the
   * listener, and waits on the broker while there is none.
   * @default 'multicast'; 'anycast' for an event with `reply`
   */
  routing?: Routing | undefined;
  /**
   * Milliseconds from when it may be delivered; unread after that, it is gone; while it is retried, archived as 'expired'.
   * @default none
   */
  ttlMs?: number | undefined;
  /**
   * 0 to 9; of waiting events the higher ones are delivered first.
   * @default 4
   */
  priority?: number | undefined;
  /** The event that `request()` is answered with. Makes the routing anycast unless said otherwise. */
  reply?: EventClass | undefined;
  /**
   * What the event is about: the CloudEvents attribute `subject`. Events of one key are handled one at a time and in order, over all
   * processes. A key given to the send wins.
   */
  key?: ((event: E) => string | undefined) | undefined;
  /**
   * A Standard Schema (zod, valibot, arktype) of the event as JSON. Sending checks the JSON form and discards what the schema makes of it;
   * on receipt its output becomes the event.
   */
  schema?: StandardSchemaV1 | undefined;
  /**
   * The codec that writes the body, by its content type.
   * @default that of `eventing()`, JSON
   */
  contentType?: string | undefined;
  /**
   * How it is written; both are read.
   * @default that of `eventing()`, 'binary'
   */
  contentMode?: ContentMode | undefined;
  /** For documents. */
  description?: string | undefined;
}

/** What `@event()` or `defineEvent()` wrote. Frozen. */
export interface EventDescriptor<E extends object = any> {
  readonly target: EventClass<E>;
  /**
   * 'definition': made by `defineEvent()`, received events are what the schema makes of them and no instances of the target. Absent where an
   * older copy of the library wrote it, which means 'class'.
   */
  readonly kind?: 'class' | 'definition';
  readonly name: string;
  readonly options: Readonly<EventOptions<E>>;
}

export interface EventListenerOptions {
  /**
   * Names the queue `<event>::<name>`.
   * @default the class name
   */
  name?: string | undefined;
  /**
   * `false`: all processes share the queue, each event is handled by one of them. `true`: every server has a queue of its
   * own, `<event>::<name>-<server>`, so that each gets each event.
   * @default false
   */
  perProcess?: boolean | undefined;
  /**
   * Most attempts of this listener that run at once in this process.
   * @default that of `eventing()`, 10
   */
  concurrency?: number | undefined;
  /**
   * Deliveries held beyond the running ones; 0 is allowed.
   * @default the concurrency
   */
  prefetch?: number | undefined;
  /**
   * Allows another service to consume from the same queue; otherwise that is an error at start.
   * @default false
   */
  sharedQueue?: boolean | undefined;
  /**
   * How failed attempts are retried, over that of `eventing()`; `false`: the first failure goes to the archive.
   * @default that of `eventing()`
   */
  retry?: Partial<RetryOptions> | false | undefined;
  /**
   * What becomes of an event when an attempt fails. 'retry': as `retry` says, then the archive. 'archive': the archive at once. 'discard':
   * logged and gone. 'stop': it stays on its queue, and the manager stops with the error. `RetryLater` and `Unrecoverable` say for themselves.
   * @default 'retry'
   */
  onError?: OnError | undefined;
  /**
   * Classes of errors that no retry would change: archived at once.
   * @default none
   */
  unrecoverable?: Class[] | undefined;
  /**
   * After so many milliseconds the signal aborts and the attempt has failed; what the listener still does is ignored, and may overlap with
   * the next attempt.
   * @default none
   */
  timeoutMs?: number | undefined;
  /**
   * Pauses the listener when everything fails; `false`: never.
   * @default `{ failures: 20, pauseMs: 30_000 }`
   */
  breaker?: Partial<BreakerOptions> | false | undefined;
  /**
   * Deliveries of one event that ended with a dead process or connection, before it is archived as 'crashed'.
   * @default 8
   */
  maxCrashes?: number | undefined;
  /**
   * For events with a key. 'strict': a failed one is tried again here, after at most 10 s each time, and the later ones of its key wait.
   * 'loose': it is retried like any other, and the later ones of its key may overtake it.
   * @default 'strict'
   */
  order?: 'strict' | 'loose' | undefined;
  /** Others are accepted without the listener being called, and counted. Asked once an attempt, after the pipelines. What it throws fails the attempt. */
  filter?: ((envelope: Envelope) => boolean) | undefined;
  /** `on(events, contexts)` gets several at once. */
  batch?: BatchOptions | undefined;
}

export interface BatchOptions {
  /** Most events in one. */
  size: number;
  /** A smaller one is handed over so many milliseconds after its first event came. */
  maxAgeMs: number;
}

export type OnError = 'retry' | 'archive' | 'discard' | 'stop';

export interface RetryOptions {
  /** Attempts after the first. */
  maxRetries: number;
  initialDelayMs: number;
  factor: number;
  maxDelayMs: number;
  /** 'full': a random delay from 0 to the computed one, so that what failed together does not come back together. */
  jitter: 'full' | 'none';
}

export interface BreakerOptions {
  /** So many attempts that failed in a row pause the listener. */
  failures: number;
  /** For so long; then one event is let through, and decides. */
  pauseMs: number;
}

/** What one `@eventListener()` wrote. Frozen. A class with several has several. */
export interface EventListenerDescriptor {
  readonly target: Class<Handles<any>>;
  /** Of a pattern: `Object`. */
  readonly event: EventClass;
  /** The names of the events that it hears, with wildcards. */
  readonly pattern?: string;
  /** An event that it hears by its name alone: plain data, whatever a class says. `event` is `Object` then. */
  readonly plain?: EventDescriptor;
  /** It reads a queue that others here may read too: a stream. Where it has no name, one of its own with this ending, gone with it. */
  readonly reader?: { readonly own: string | undefined };
  /** 'faults': word of events that ended in an archive. */
  readonly hears: 'events' | 'faults' | 'replies';
  readonly name: string;
  readonly options: Readonly<EventListenerOptions>;
}

/** `on` as a property: compared strictly, so that a listener of another event does not compile. */
export interface Handles<E extends object> {
  readonly on: (event: E, context: any) => unknown;
}

/**
 * An interceptor around sending and handling. Each method runs around everything further in: call `next()` once to go on, await
 * or return it, and see the failures of what is below. Not calling it stops the event: a send resolves with `sent: false`, a
 * delivery is accepted without its listener being called. Runs concurrently for different events: keep no state of one event
 * in the instance.
 */
export interface EnvelopePipeline {
  send?(envelope: Envelope, event: EventDescriptor, next: () => Promise<void>): Promise<void>;
  handle?(envelope: Envelope, listener: EventListenerDescriptor, next: () => Promise<void>): Promise<void>;
  /** What becomes of errors, by their class: made by `errorHandler()`. Read once, at start. */
  readonly errors?: readonly ErrorHandler[];
}

export type ErrorClass<E extends Error = Error> = abstract new (...args: any[]) => E;

/** Nothing: the error stays as it is. An error takes its place. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a handler that only notes returns nothing
export type HandledError = void | Error | undefined | Promise<void | Error | undefined>;

/** What `errorHandler()` made. Frozen. */
export interface ErrorHandler {
  readonly of: ErrorClass;
  readonly handle: (error: any, envelope: Envelope, listener: EventListenerDescriptor) => HandledError;
}

export interface PipelineOptions {
  /**
   * Lower is further out, on sending and on handling alike: first to begin, last to end. Ties keep the order of declaration.
   * @default 0
   */
  order?: number | undefined;
}

/** Brings bodies of one version to the next. Stateless, synchronous. */
export interface Upcaster {
  /** `body` may be changed and returned. What it throws archives the event as 'undecodable'. */
  up(body: Record<string, any>): Record<string, any> & { readonly then?: never };
}

/** What `@upcaster()` wrote. Frozen. */
export interface UpcasterDescriptor {
  readonly target: Class<Upcaster>;
  readonly event: EventClass;
  /** The version that it takes. */
  readonly from: number;
}

/** What `@envelopePipeline()` wrote. Frozen. */
export interface PipelineDescriptor {
  readonly target: Class<EnvelopePipeline>;
  readonly options: Readonly<PipelineOptions>;
}
