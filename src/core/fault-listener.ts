import type { Class, EventClass, EventDefinition, EventListenerOptions } from './descriptors.js';
import type { Fault } from './fault.js';
import { noteListener } from './registry.js';

/** What a class needs to be a fault listener. A property: compared strictly. */
export interface HandlesFaults<E extends object> {
  readonly on: (event: E | undefined, fault: Fault) => unknown;
}

export interface FaultListenerDecorator<E extends object> {
  <C extends Class<HandlesFaults<E>>>(target: C, context?: ClassDecoratorContext<C>): void;
}

/**
 * Makes a class hear of events that have ended in an archive, of any listener of the event in any process: `on(event, fault)`, once for
 * each end. `event` is undefined where it could not be read; it is not
 * validated, so that of a definition is as it was sent. Otherwise it is a listener like any other, with a queue
 * `faults.<event>::<name>`, retries and an archive of its own; of its own failures nobody is told.
 */
export function faultListener<E extends object>(
  event: EventDefinition<object, E>,
  options?: string | EventListenerOptions,
): FaultListenerDecorator<E>;
// eslint-disable-next-line @typescript-eslint/unified-signatures -- as with eventListener()
export function faultListener<E extends object>(event: EventClass<E>, options?: string | EventListenerOptions): FaultListenerDecorator<E>;
export function faultListener(event: EventClass, options: string | EventListenerOptions = {}): FaultListenerDecorator<object> {
  const given = typeof options === 'string' ? { name: options } : { ...options };
  return (target) => {
    noteListener(target, { target, event, hears: 'faults', name: given.name ?? target.name, options: Object.freeze(given) });
  };
}
