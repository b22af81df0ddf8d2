import type { EventDescriptor } from '../core/descriptors.js';
import { TidingsError } from '../core/errors.js';
import { eventDescriptor } from '../core/registry.js';
import type { SendOptions } from '../core/sending.js';

export interface EventArgument {
  readonly event: object;
  readonly descriptor: EventDescriptor;
  readonly options: SendOptions;
}

/** The two forms of `sendEvent`: an instance, or a class and its fields. Throws 'not-an-event'. */
export function eventArgument([first, second, third]: readonly unknown[]): EventArgument {
  if (typeof first !== 'function')
    return { event: first as object, descriptor: descriptorOf(first), options: (second as SendOptions | undefined) ?? {} };
  const descriptor = eventDescriptor(first);
  if (descriptor === undefined) throw new TidingsError('not-an-event', `${first.name} is no event: put @event('its.name') on the class`);
  if (typeof second !== 'object' || second === null) {
    throw new TidingsError('not-an-event', `sendEvent(${first.name}) needs the fields, or an instance: sendEvent(new ${first.name}(...))`);
  }
  return { event: madeOf(descriptor, second), descriptor, options: (third as SendOptions | undefined) ?? {} };
}

/** What its class was decorated with. Throws 'not-an-event', which names the class. */
export function descriptorOf(event: unknown): EventDescriptor {
  const target: unknown = typeof event === 'object' && event !== null ? event.constructor : undefined;
  const descriptor = eventDescriptor(target);
  if (descriptor !== undefined) return descriptor;
  const what = typeof target === 'function' ? `an instance of ${target.name}` : event === null ? 'null' : `a ${typeof event}`;
  throw new TidingsError('not-an-event', `sendEvent() was given ${what}, whose class is no event: put @event('its.name') on it`);
}

function madeOf({ target, options }: EventDescriptor, fields: object): object {
  if (options.create !== undefined) return options.create(fields) as object;
  return Object.assign(Reflect.construct(target, []) as object, fields);
}
