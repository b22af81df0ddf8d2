import type { EventDescriptor } from './descriptors.js';
import type { Routing } from './provider.js';

/** A request is for one of all who can answer it, unless its class says otherwise. */
export function routingOf({ options }: EventDescriptor): Routing {
  return options.routing ?? (options.reply === undefined ? 'multicast' : 'anycast');
}
