import type {
  BatchOptions,
  Class,
  EventClass,
  EventDefinition,
  EventListenerDescriptor,
  EventListenerOptions,
  Handles,
} from './descriptors.js';
import type { EventContext } from './event-context.js';
import type { EventPattern } from './event-pattern.js';
import { noteListener } from './registry.js';

/** What a listener class implements. The delivery is settled when the returned promise has ended, never before. */
export interface EventListener<E extends object, R = void> {
  on(event: E, context: EventContext): R | Promise<R>;
}

/** What a listener class with `batch` implements: several events at once, and the context of each. See `BatchError` for failing some of them. */
export interface BatchListener<E extends object> {
  on(events: E[], contexts: EventContext[]): void | Promise<void>;
}

/** A property: compared strictly. */
export interface HandlesBatches<E extends object> {
  readonly on: (events: E[], contexts: EventContext[]) => unknown;
}

/** Of a listener that gets several at once. */
export interface BatchListenerOptions extends EventListenerOptions {
  batch: BatchOptions;
}

export interface BatchListenerDecorator<E extends object> {
  <C extends Class<HandlesBatches<E>>>(target: C, context?: ClassDecoratorContext<C>): void;
}

export interface ListenerDecorator<E extends object> {
  <C extends Class<Handles<E>>>(target: C, context?: ClassDecoratorContext<C>): void;
}

/**
 * Makes a class a listener of an event and of the events whose classes are derived from it; a string is the listener's name, which names its
 * queue. May stand several times on one class, with a name each. Does not compile on a class whose `on` takes something else. Writes metadata
 * and nothing else; mistakes are reported together by `EventManager.start()`.
 *
 * A name with wildcards, `'shop.*'` or `'shop.#'`, stands for all events of such a name: instances of those that this process declares, plain
 * data of the others; `context.envelope.type` tells which.
 */
export function eventListener<E extends object>(event: EventDefinition<E>, options: BatchListenerOptions): BatchListenerDecorator<E>;
// eslint-disable-next-line @typescript-eslint/unified-signatures -- a definition is a class of what is sent too: in a union both would speak
export function eventListener<E extends object>(event: EventClass<E>, options: BatchListenerOptions): BatchListenerDecorator<E>;
export function eventListener(pattern: EventPattern, options: BatchListenerOptions): BatchListenerDecorator<object>;
export function eventListener<E extends object>(event: EventDefinition<E>, options?: string | EventListenerOptions): ListenerDecorator<E>;
// eslint-disable-next-line @typescript-eslint/unified-signatures -- as above
export function eventListener<E extends object>(event: EventClass<E>, options?: string | EventListenerOptions): ListenerDecorator<E>;
export function eventListener(pattern: EventPattern, options?: string | EventListenerOptions): ListenerDecorator<object>;
export function eventListener(
  event: EventClass | EventPattern,
  options: string | EventListenerOptions = {},
): ListenerDecorator<object> & BatchListenerDecorator<object> {
  const given = typeof options === 'string' ? { name: options } : { ...options };
  return (target: Class) => {
    noteListener(target, { target, ...heardBy(event), hears: 'events', name: given.name ?? target.name, options: Object.freeze(given) });
  };
}

/** What a listener of it hears. */
export function heardBy(event: EventClass | string): Pick<EventListenerDescriptor, 'event' | 'pattern'> {
  return typeof event === 'string' ? { event: Object as EventClass, pattern: event } : { event };
}
