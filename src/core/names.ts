import type { QueueNaming, Routing } from './provider.js';

/** What a name on the broker may not contain: wildcards, address parameters, separators, blanks. */
const bad = /::|[?#*,\s\p{Cc}]/u;
const reservedPrefixes = ['archive.', 'faults.', 'replies.', 'activemq.', '$'];
const reservedNames = ['DLQ', 'ExpiryQueue'];
const longest = 200;

/** What is wrong with an event's, listener's or server's name; undefined: nothing. */
export function nameMistake(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return 'must be a text that is not empty';
  if (name.length > longest) return `is longer than ${String(longest)} characters`;
  const found = bad.exec(name)?.[0];
  if (found !== undefined)
    return `contains ${/\s/.test(found) ? 'a blank' : `'${found}'`}: '::', '?', '#', '*', ',' and blanks mean something to brokers`;
  const prefix = reservedPrefixes.find((reserved) => name.startsWith(reserved));
  if (prefix !== undefined) return `begins with '${prefix}', which is reserved`;
  if (reservedNames.includes(name)) return 'is reserved: brokers have a queue of that name';
  return undefined;
}

/** Where word goes of events that ended in an archive. */
export function faultName(event: string): string {
  return `faults.${event}`;
}

export interface QueueParts {
  readonly prefix: string;
  readonly event: string;
  readonly listener: string;
  /** Set for a queue that only this server has. */
  readonly server: string | undefined;
  readonly naming: QueueNaming;
  /** An anycast event has one queue, of its own name, for whoever listens. */
  readonly routing?: Routing;
}

/** The names of a listener on the broker: `address::queue`, and the archive, which all servers share. */
export function brokerNames({ prefix, event, listener, server, naming, routing }: QueueParts): {
  address: string;
  queue: string;
  archive: string;
} {
  const address = prefix + event;
  if (routing === 'anycast') return { address, queue: address, archive: `${prefix}archive.${event}` };
  const shared = naming === 'qualified' ? `${event}.${listener}` : listener;
  return {
    address,
    queue: prefix + (server === undefined ? shared : `${shared}-${server}`),
    archive: `${prefix}archive.${shared}`,
  };
}
