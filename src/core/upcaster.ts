import type { Class, EventClass, EventDefinition, Upcaster } from './descriptors.js';
import { noteUpcaster } from './registry.js';

export interface UpcasterDecorator {
  <C extends Class<Upcaster>>(target: C, context?: ClassDecoratorContext<C>): void;
}

/**
 * Makes a class the step from one version of an event's body to the next: it takes the received fields, before an instance is made of them,
 * and returns those of the next version. Several form a chain. Made through the container, once at start. Mistakes are reported
 * together by `EventManager.start()`.
 */
export function upcaster(event: EventClass | EventDefinition, fromVersion: number): UpcasterDecorator {
  return (target) => {
    noteUpcaster(target, { target, event, from: fromVersion });
  };
}
