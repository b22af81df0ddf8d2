import type { Class, EventClass, EventListenerDescriptor, EventListenerOptions } from '../core/descriptors.js';
import { heardBy } from '../core/event-listener.js';

/** Of a listener that is no decorated class. `said`: what it is called where a class would be. */
export function guestDescriptor(
  event: EventClass | string,
  options: EventListenerOptions,
  name: string,
  said: string,
  reader?: EventListenerDescriptor['reader'],
): EventListenerDescriptor {
  const target: Class = class {};
  Object.defineProperty(target, 'name', { value: said });
  return Object.freeze({
    target,
    ...heardBy(event),
    hears: 'events',
    name,
    options: Object.freeze({ ...options }),
    ...(reader !== undefined && { reader }),
  });
}
