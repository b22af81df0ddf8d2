import { SendError, TidingsError } from '../../core/errors.js';
import type { Routing, SubscriptionSpec } from '../../core/provider.js';
import { type AmqpFault } from './amqp-fault.js';
import type { Refusal } from './rhea-links.js';
import { byte } from './rhea-message.js';

/** What only holds for Apache ActiveMQ Artemis: names, annotations, and how it words its refusals. */
const product = 'apache-activemq-artemis';

export const managementAddress = 'activemq.management';
export const deliveryTimeAnnotation = 'x-opt-delivery-time';
export const duplicateIdProperty = '_AMQ_DUPL_ID';

/** @throws TidingsError 'not-supported' for any other broker: it would understand half of what we say, and lose messages. */
export function checkProduct(seen: { readonly name: string; readonly version: string }): void {
  if (seen.name === product) return;
  const name = seen.name === '' ? 'a broker that does not tell its name' : `${seen.name} ${seen.version}`.trim();
  throw new TidingsError(
    'not-supported',
    `AmqpProvider speaks to Apache ActiveMQ Artemis; this is ${name}. Point the url at an Artemis broker.`,
  );
}

/** The capability that says which kind of address is meant. */
export function capabilityOf(routing: Routing): string {
  return routing === 'multicast' ? 'topic' : 'queue';
}

export function fullyQualified(address: string, queue: string): string {
  return `${address}::${queue}`;
}

/** A name without `::` is an anycast queue on the address of its name. */
export function addressAndQueue(name: string): { readonly address: string; readonly queue: string } {
  const at = name.indexOf('::');
  return at < 0 ? { address: name, queue: name } : { address: name.slice(0, at), queue: name.slice(at + 2) };
}

/** Without it the broker takes the address of an archive for a multicast one, and drops what is sent there. */
export function anycastHint(): Record<string, unknown> {
  return { 'x-opt-jms-dest': byte(0) };
}

/** Without it the broker takes an address that it does not know for what its settings say. */
export function multicastHint(): Record<string, unknown> {
  return { 'x-opt-jms-dest': byte(1) };
}

/** Annotations that belong to one passage through the broker, not to the message. */
export function isBrokersAnnotation(name: string): boolean {
  return /^x-opt-(?:delivery-|jms-|orig-|routing-type|actual-expiry|ingress-time)/i.test(name);
}

/** Addresses of the broker's own. */
export function isInternalAddress(address: string): boolean {
  return address.startsWith('$') || address.startsWith('activemq.');
}

/** The right a refusal names, as in `permission='CREATE_DURABLE_QUEUE'`. */
export function missingRight(text: string): string | undefined {
  return /permission='([A-Z_]+)'/.exec(text)?.[1];
}

export function isAuthenticationFault(fault: AmqpFault): boolean {
  if (missingRight(fault.message) !== undefined) return false;
  return (
    /Failed to authenticate|Unable to validate user|SASL layer not enabled|No suitable mechanism/i.test(fault.message) ||
    fault.condition === 'amqp:unauthorized-access'
  );
}

/**
 * The error for a link to a queue that was refused. `retryable` where the same attempt may succeed later without any change.
 */
export function linkRefusal(fault: AmqpFault, spec: SubscriptionSpec): TidingsError {
  const where = `listener ${spec.listener} of event ${spec.event} (queue ${fullyQualified(spec.event, spec.queue)})`;
  const right = missingRight(fault.message);
  if (right !== undefined)
    return new TidingsError(
      'permission',
      `${where}: the user lacks the right ${right}. Grant it for address ${spec.event}. The broker said: ${fault.message}`,
      { cause: fault },
    );
  if (fault.message.includes('does not exist for address')) return queueConflict(spec, 'another address');
  if (/filter mismatch|routing type/i.test(fault.message))
    return new TidingsError('queue-conflict', `${where}: the queue is of another kind. The broker said: ${fault.message}`, {
      cause: fault,
    });
  if (/Maximum Consumer Limit/i.test(fault.message))
    return new TidingsError('queue-conflict', `${where}: the queue allows no further consumer. The broker said: ${fault.message}`, {
      cause: fault,
    });
  if (fault.condition === 'amqp:not-found') return missingQueue(spec);
  return new TidingsError('connection', `${where}: the broker closed the link: ${fault.message}`, { cause: fault, retryable: true });
}

/** The remedy stands in the message. */
export function queueConflict(spec: SubscriptionSpec, owner: string): TidingsError {
  return new TidingsError(
    'queue-conflict',
    `listener ${spec.listener} of event ${spec.event}: its queue ${spec.queue} belongs to ${owner} already, and queue names are unique in the whole broker. ` +
      `Give the listener another name, or set queueNaming: 'qualified', which makes the queue ${spec.event}.${spec.listener}.`,
  );
}

export function missingQueue(
  spec: Pick<SubscriptionSpec, 'event' | 'listener' | 'queue'>,
  name = fullyQualified(spec.event, spec.queue),
): TidingsError {
  return new TidingsError(
    'missing-queue',
    `listener ${spec.listener} of event ${spec.event}: there is no queue ${name}. Create it, or let the provider do so: provisioning: 'management'.`,
  );
}

/** Who is connected: `<service>/<server>`. A slash in the server's name would move the border. */
export function containerId(serviceName: string, serverName: string): string {
  return `${serviceName}/${serverName.replaceAll('/', '_')}`;
}

/** The service of a container id of our form; undefined for clients of other kinds. */
export function serviceOf(container: string): string | undefined {
  const at = container.lastIndexOf('/');
  return at <= 0 || at === container.length - 1 ? undefined : container.slice(0, at);
}

/** `what`: as in `send to E`. */
export function sendRefusal(what: string, { kind, condition, description }: Refusal): SendError {
  const right = missingRight(description);
  if (kind !== 'rejected')
    return new SendError('refused', 'send-refused', `${what}: the broker gave it back (${kind})`, { retryable: true });
  const reason = [condition, description].filter((part) => part !== '').join(': ');
  if (right !== undefined)
    return new SendError('refused', 'permission', `${what}: the user lacks the right ${right}. The broker said: ${reason}`);
  // A full address has room again when its listeners have caught up.
  return new SendError('refused', 'send-refused', `${what}: the broker refused it: ${reason}`, {
    retryable: condition === 'amqp:resource-limit-exceeded',
  });
}
