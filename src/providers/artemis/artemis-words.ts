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
