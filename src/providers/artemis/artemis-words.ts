/** Names and texts of Apache ActiveMQ Artemis that are the same over every protocol. */
export const managementAddress = 'activemq.management';
export const duplicateIdHeader = '_AMQ_DUPL_ID';

export function fullyQualified(address: string, queue: string): string {
  return `${address}::${queue}`;
}

/** A name without `::` is an anycast queue on the address of its name. */
export function addressAndQueue(name: string): { readonly address: string; readonly queue: string } {
  const at = name.indexOf('::');
  return at < 0 ? { address: name, queue: name } : { address: name.slice(0, at), queue: name.slice(at + 2) };
}

/** As the broker's own wildcards: `*` is one word, `#` any number of them. What holds wildcards itself matches nothing. */
export function matchesPattern(pattern: string, address: string): boolean {
  return !/[*#]|::/.test(address) && wordsMatch(pattern.split('.'), address.split('.'));
}

function wordsMatch([first, ...rest]: readonly string[], words: readonly string[]): boolean {
  if (first === undefined) return words.length === 0;
  if (first === '#') return wordsMatch(rest, words) || (words.length > 0 && wordsMatch([first, ...rest], words.slice(1)));
  return words.length > 0 && (first === '*' || first === words[0]) && wordsMatch(rest, words.slice(1));
}

/**
 * The address by which a copy gets to the queue of a pattern: the broker takes one for the pattern itself, or for an address that does not
 * match, and drops it. So what others say is looked at. What is no pattern stays as it is.
 */
export function addressToReach(pattern: string, ...said: readonly (string | undefined)[]): string {
  return (
    said.find((address) => address !== undefined && matchesPattern(pattern, address)) ??
    pattern.replace(/(?<=^|\.)[*#](?=\.|$)/g, 'unknown')
  );
}

/** Addresses of the broker's own. */
export function isInternalAddress(address: string): boolean {
  return address.startsWith('$') || address.startsWith('activemq.');
}

/** The right a refusal names, as in `permission='CREATE_DURABLE_QUEUE'`. */
export function missingRight(text: string): string | undefined {
  return /permission='([A-Z_]+)'/.exec(text)?.[1];
}

/** Who is connected: `<service>/<server>`. A slash in the server's name would move the border. */
export function clientId(serviceName: string, serverName: string): string {
  return `${serviceName}/${serverName.replaceAll('/', '_')}`;
}

/** The service of a client id of our form; undefined for clients of other kinds. */
export function serviceOf(client: string): string | undefined {
  const at = client.lastIndexOf('/');
  return at <= 0 || at === client.length - 1 ? undefined : client.slice(0, at);
}
