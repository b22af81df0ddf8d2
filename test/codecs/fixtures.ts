import type { EventClass, EventDescriptor, EventOptions } from '../../src/core/descriptors.js';
import { InvalidEventError, TidingsError, type EventFault } from '../../src/core/errors.js';

/** What the decorator would have written. */
export function described<E extends object>(target: EventClass<E>, options: EventOptions<E> = {}): EventDescriptor<E> {
  return { target, name: 'order.placed', options };
}

/** The error of a call that has to throw. */
export function errorOf(call: () => unknown): TidingsError {
  try {
    call();
  } catch (error) {
    if (error instanceof TidingsError) return error;
    throw error;
  }
  throw new Error('it did not throw');
}

export function faultsOf(call: () => unknown): readonly EventFault[] {
  const error = errorOf(call);
  if (error instanceof InvalidEventError) return error.faults;
  throw error;
}

export function pathsOf(call: () => unknown): string[] {
  return faultsOf(call).map((fault) => fault.path);
}
