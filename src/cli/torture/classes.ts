import type { Class } from '../../core/descriptors.js';
import { event } from '../../core/event.js';
import { eventName } from './tasks.js';

/** What is sent. */
export interface Numbered {
  readonly n: number;
}

/** An event class of its own for each manager, so that several may be in one process. */
export function numberedEvent(): Class<Numbered> {
  class NumberedEvent implements Numbered {
    readonly n: number = 0;
  }
  event(eventName)(NumberedEvent);
  return NumberedEvent;
}

/** Every class is made once, without arguments. */
export function onceEach(): (target: Class) => unknown {
  const instances = new Map<Class, unknown>();
  return (target) => {
    if (!instances.has(target)) instances.set(target, new target());
    return instances.get(target);
  };
}
