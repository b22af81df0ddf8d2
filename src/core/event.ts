import type { EventClass, EventOptions } from './descriptors.js';
import { noteEvent } from './registry.js';

export interface EventDecorator<E extends object> {
  <C extends EventClass<E>>(target: C, context?: ClassDecoratorContext<C>): void;
}

/**
 * Makes a class an event: its instances can be sent, and listeners can ask for it. A string is the event's name.
 * Works under `experimentalDecorators` and under standard decorators. Writes metadata and nothing else; mistakes are
 * reported together by `EventManager.start()`.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any event class, until the options say more
export function event<E extends object = any>(options: string | EventOptions<E> = {}): EventDecorator<E> {
  const given = typeof options === 'string' ? { name: options } : { ...options };
  return (target) => {
    noteEvent(target, { target, kind: 'class', name: given.name ?? target.name, options: Object.freeze(given) });
  };
}
