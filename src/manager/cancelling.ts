import type { EventClass } from '../core/descriptors.js';
import { TidingsError } from '../core/errors.js';
import { nameMistake } from '../core/names.js';
import { eventDescriptor } from '../core/registry.js';
import type { Settings } from './manager-options.js';

/** Takes an event back from the queues of its address. Resolves with from how many. */
export async function cancelEvent({ provider, namePrefix }: Settings, event: EventClass | string, id: string): Promise<number> {
  const name = typeof event === 'string' ? event : eventDescriptor(event)?.name;
  if (name === undefined)
    throw new TidingsError('not-an-event', `cancel() was given a class that is no event: put @event('its.name') on it`);
  const mistake = nameMistake(name);
  if (mistake !== undefined) throw new TidingsError('configuration', `the event name '${name}' ${mistake}`);
  if (typeof id !== 'string' || id === '')
    throw new TidingsError('configuration', 'cancel() wants the id of the send, a text that is not empty');
  const { queues, capabilities, name: provided } = provider;
  if (queues === undefined || !capabilities.has('cancel'))
    throw new TidingsError('not-supported', `cancel() needs a provider with the capability 'cancel', and ${provided} is without`);
  return queues.cancel(namePrefix + name, id);
}
