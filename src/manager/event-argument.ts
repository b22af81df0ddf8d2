import { refuseReserved } from '../core/define-event.js';
import type { EventDescriptor } from '../core/descriptors.js';
import { ConfigurationError, TidingsError } from '../core/errors.js';
import { nameMistake } from '../core/names.js';
import { eventDescriptor } from '../core/registry.js';
import type { SendOptions } from '../core/sending.js';
import { decoratorMistakes } from './manager-options.js';

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
  refuseMistaken(descriptor);
  if (typeof second !== 'object' || second === null) {
    const what = descriptor.kind === 'definition' ? 'Definition' : first.name;
    throw new TidingsError('not-an-event', `sendEvent() of ${first.name} needs the fields, or an instance: sendEvent(new ${what}(...))`);
  }
  return { event: madeOf(descriptor, second), descriptor, options: (third as SendOptions | undefined) ?? {} };
}

/** What its class was decorated with. Throws 'not-an-event', which names the class. */
export function descriptorOf(event: unknown): EventDescriptor {
  const target: unknown =
    typeof event === 'object' && event !== null ? (Object.getPrototypeOf(event) as object | null)?.constructor : undefined;
  const descriptor = eventDescriptor(target);
  if (descriptor !== undefined) {
    refuseMistaken(descriptor);
    return descriptor;
  }
  const what = typeof target === 'function' ? `an instance of ${target.name}` : event === null ? 'null' : `a ${typeof event}`;
  throw new TidingsError('not-an-event', `sendEvent() was given ${what}, whose class is no event: put @event('its.name') on it`);
}

/** Found right once; descriptors are frozen. */
const right = new WeakSet<EventDescriptor>();

/** Events that are only sent are in no catalog. Throws a ConfigurationError. */
function refuseMistaken(descriptor: EventDescriptor): void {
  if (right.has(descriptor)) return;
  const { name } = descriptor;
  const mistake = nameMistake(name);
  const mistakes = [
    ...(mistake === undefined ? [] : [`the event name '${name}' ${mistake}: give it another one`]),
    ...decoratorMistakes(descriptor),
  ];
  if (mistakes.length > 0) throw new ConfigurationError(`${descriptor.target.name} cannot be sent`, mistakes);
  right.add(descriptor);
}

function madeOf({ target, name, options }: EventDescriptor, fields: object): object {
  refuseReserved(fields, target.name);
  if (options.create === undefined) return Object.assign(Reflect.construct(target, []) as object, fields);
  const made: unknown = options.create(fields);
  if (typeof made === 'object' && made !== null) return made;
  const what = made === null ? 'null' : `a value of type ${typeof made}`;
  throw new TidingsError('not-an-event', `create() of @event('${name}') gave ${what}: return an instance of ${target.name}`);
}
