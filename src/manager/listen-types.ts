import type { BatchOptions, EventClass, EventDefinition, EventListenerOptions } from '../core/descriptors.js';
import type { EventContext } from '../core/event-context.js';
import type { EventPattern } from '../core/event-pattern.js';
import type { EventStream } from '../patterns/event-stream.js';
import type { HeldEvent } from '../patterns/held-event.js';
import type { PullOptions } from '../patterns/pull.js';
import type { ListenerHandle } from './function-listener.js';
import type { StreamOptions } from './listening.js';

/** Those of a decorated listener; here the name has to be said. */
export interface ListenOptions extends EventListenerOptions {
  /** Of its queue: `<event>::<name>`, in which events wait while it does not listen. */
  name: string;
}

export type BatchListenOptions = ListenOptions & { batch: BatchOptions };

/** What is called with an event; what it returns is awaited before that is settled. */
export type ListenHandler<E> = (event: E, context: EventContext) => unknown;

export type BatchHandler<E> = (events: E[], contexts: EventContext[]) => unknown;

/** The event that a handler is given follows from the class or definition. */
export interface Listen {
  <E extends object>(event: EventDefinition<E>, options: BatchListenOptions, handler: BatchHandler<E>): ListenerHandle;
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- a definition is a class of what is sent too
  <E extends object>(event: EventClass<E>, options: BatchListenOptions, handler: BatchHandler<E>): ListenerHandle;
  (pattern: EventPattern, options: BatchListenOptions, handler: BatchHandler<object>): ListenerHandle;
  <E extends object>(event: EventDefinition<E>, options: ListenOptions, handler: ListenHandler<E>): ListenerHandle;
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- a definition is a class of what is sent too
  <E extends object>(event: EventClass<E>, options: ListenOptions, handler: ListenHandler<E>): ListenerHandle;
  (pattern: EventPattern, options: ListenOptions, handler: ListenHandler<object>): ListenerHandle;
}

export interface Stream {
  <E extends object>(event: EventDefinition<E>, options?: StreamOptions): EventStream<E>;
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- a definition is a class of what is sent too
  <E extends object>(event: EventClass<E>, options?: StreamOptions): EventStream<E>;
  (pattern: EventPattern, options?: StreamOptions): EventStream<object>;
}

export interface Pull {
  <E extends object>(event: EventDefinition<E>, options: PullOptions): Promise<HeldEvent<E>[]>;
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- a definition is a class of what is sent too
  <E extends object>(event: EventClass<E>, options: PullOptions): Promise<HeldEvent<E>[]>;
  (pattern: EventPattern, options: PullOptions): Promise<HeldEvent<object>[]>;
}
