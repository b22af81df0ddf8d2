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

const noOptions: SendOptions = Object.freeze({});

/** The two forms of `sendEvent`: an instance, or a class and its fields. Throws 'not-an-event'. */
export function eventArgument(args: readonly unknown[]): EventArgument {
  const first = args[0];
  const second = args[1];
  if (typeof first !== 'function')
    return { event: first as object, descriptor: descriptorOf(first), options: (second as SendOptions | undefined) ?? noOptions };
  const descriptor = eventDescriptor(first);
  if (descriptor === undefined) throw new TidingsError('not-an-event', `${first.name} is no event: put @event('its.name') on the class`);
  refuseMistaken(descriptor);
  if (typeof second !== 'object' || second === null) {
    const what = descriptor.kind === 'definition' ? 'Definition' : first.name;
    throw new TidingsError('not-an-event', `sendEvent() of ${first.name} needs the fields, or an instance: sendEvent(new ${what}(...))`);
  }
  return { event: madeOf(descriptor, second), descriptor, options: (args[2] as SendOptions | undefined) ?? noOptions };
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

/** What a listener gave, as the event that answers a request: what its `reply` says, or where that says nothing any event. Throws. */
export function answerArgument({ name, options }: EventDescriptor, given: unknown): Omit<EventArgument, 'options'> {
  const reply = eventDescriptor(options.reply);
  const own = typeof given === 'object' && given !== null ? eventDescriptor(constructorOf(given)) : undefined;
  if (own !== undefined && (reply === undefined || own === reply)) {
    refuseMistaken(own);
    return { event: given as object, descriptor: own };
  }
  if (reply !== undefined && isPlain(given)) {
    refuseMistaken(reply);
    return { event: madeOf(reply, given), descriptor: reply };
  }
  const what =
    typeof given === 'object' && given !== null ? `an instance of ${classOf(given)}` : given === null ? 'null' : `a ${typeof given}`;
  const wanted = reply === undefined ? 'an instance of an event class' : `an instance of ${reply.target.name}, or an object of its fields`;
  throw new TidingsError('not-an-event', `${name} was answered with ${what}: return or reply with ${wanted}`);
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function classOf(value: object): string {
  const target = constructorOf(value);
  return typeof target === 'function' && target.name !== '' ? target.name : 'no class';
}

function constructorOf(value: object): unknown {
  return (Object.getPrototypeOf(value) as object | null)?.constructor;
}

/** Found right once; descriptors are frozen. */
const right = new WeakSet<EventDescriptor>();

/** Events that are only sent are in no catalog. Throws a ConfigurationError. */
export function refuseMistaken(descriptor: EventDescriptor): void {
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
