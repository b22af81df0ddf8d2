import type { Class, EventClass, EventDefinition, EventListenerOptions, Handles } from './descriptors.js';
import type { EventContext } from './event-context.js';
import { noteListener } from './registry.js';

/** What a listener class implements. The delivery is settled when the returned promise has ended, never before. */
export interface EventListener<E extends object, R = void> {
  on(event: E, context: EventContext): R | Promise<R>;
}

export interface ListenerDecorator<E extends object> {
  <C extends Class<Handles<E>>>(target: C, context?: ClassDecoratorContext<C>): void;
}

/**
 * Makes a class a listener of an event; a string is the listener's name, which names its queue. May stand several times on one
 * class, with a name each. Does not compile on a class whose `on` takes something else. Writes metadata and nothing else;
 * mistakes are reported together by `EventManager.start()`.
 */
export function eventListener<E extends object>(event: EventDefinition<E>, options?: string | EventListenerOptions): ListenerDecorator<E>;
// eslint-disable-next-line @typescript-eslint/unified-signatures -- a definition is a class of what is sent too: in a union both would speak
export function eventListener<E extends object>(event: EventClass<E>, options?: string | EventListenerOptions): ListenerDecorator<E>;
export function eventListener(event: EventClass, options: string | EventListenerOptions = {}): ListenerDecorator<object> {
  const given = typeof options === 'string' ? { name: options } : { ...options };
  return (target) => {
    noteListener(target, { target, event, hears: 'events', name: given.name ?? target.name, options: Object.freeze(given) });
  };
}
