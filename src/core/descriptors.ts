/* eslint-disable @typescript-eslint/no-explicit-any -- constructor parameters cannot be said otherwise */

import type { Envelope } from './envelope.js';

export type Class<T = any> = new (...args: any[]) => T;

/** A class that `@event()` may stand on. */
export type EventClass<E extends object = any> = abstract new (...args: any[]) => E;

/** What `sendEvent(Class, fields)` wants: the fields without the methods. */
export type Fields<E> = { [K in keyof E as E[K] extends (...args: any[]) => unknown ? never : K]: E[K] };

/** An object that is no class: `sendEvent(OrderPlaced)` without `new` must not compile. */
export type Instance = object & { readonly [Symbol.hasInstance]?: never };

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
  /** For documents. */
  description?: string | undefined;
}

/** What `@event()` wrote. Frozen. */
export interface EventDescriptor<E extends object = any> {
  readonly target: EventClass<E>;
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
}

/** What one `@eventListener()` wrote. Frozen. A class with several has several. */
export interface EventListenerDescriptor {
  readonly target: Class<Handles<any>>;
  readonly event: EventClass;
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
}

export interface PipelineOptions {
  /**
   * Lower is further out, on sending and on handling alike: first to begin, last to end. Ties keep the order of declaration.
   * @default 0
   */
  order?: number | undefined;
}

/** What `@envelopePipeline()` wrote. Frozen. */
export interface PipelineDescriptor {
  readonly target: Class<EnvelopePipeline>;
  readonly options: Readonly<PipelineOptions>;
}
