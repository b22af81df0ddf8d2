import { declaredEvents, plainEvent } from '../core/catalog.js';
import { cloudEventsAttribute, wire } from '../core/headers.js';
import type { Opening } from '../core/incoming-envelope.js';
import type { WireMessage } from '../core/provider.js';

/**
 * How the messages of a pattern are read: each as the event of the name it came by. Of one that this process does not declare nothing is known:
 * it is plain data, of whatever version.
 */
export function patternOpening(namePrefix: string): (message: WireMessage, usual: Opening) => Opening {
  const declared = new Map(declaredEvents().map((event) => [event.name, event]));
  return (message, usual) => {
    const name = nameOf(message, namePrefix) ?? usual.descriptor.name;
    return { ...usual, descriptor: declared.get(name) ?? plainEvent(name), anyType: true };
  };
}

/** The same, but for whoever wants plain data in any case. */
export function plainOpening(namePrefix: string): (message: WireMessage, usual: Opening) => Opening {
  return (message, usual) => ({ ...usual, descriptor: plainEvent(nameOf(message, namePrefix) ?? usual.descriptor.name), anyType: true });
}

/** By its address; its sender may have said another type. */
function nameOf({ address, headers }: WireMessage, namePrefix: string): string | undefined {
  if (address?.startsWith(namePrefix) === true) return address.slice(namePrefix.length);
  return cloudEventsAttribute(headers, wire.type);
}
