import { SendError, TidingsError } from '../../core/errors.js';
import { wire } from '../../core/headers.js';
import type { Routing, SubscriptionSpec } from '../../core/provider.js';
import { missingQueue } from '../artemis/artemis-faults.js';
import { fullyQualified, missingRight } from '../artemis/artemis-words.js';
import type { PeerFault } from '../network/peer-fault.js';

/** What only holds for Apache ActiveMQ Artemis over STOMP: header names, and how it words its refusals. */
export const deliveryTimeHeader = 'AMQ_SCHEDULED_TIME';
/** These three the broker takes for the fields of an AMQP message when it comes to an AMQP reader. */
export const nativeIdHeader = 'NATIVE_MESSAGE_ID';
export const contentTypeHeader = 'JMS_AMQP_ContentType';
export const contentEncodingHeader = 'JMS_AMQP_ContentEncoding';
/** The group of a message that is sent; what comes has it under the broker's own name. */
export const groupHeader = 'JMSXGroupID';
export const receivedGroupHeader = '_AMQ_GROUP_ID';
const usualPriority = '4';

/** The broker confirms a message above 9 or below 0, and never delivers it. Undefined for what is no number, which would end the connection. */
export function priorityWord(priority: number): string | undefined {
  return Number.isNaN(priority) ? undefined : String(Math.min(9, Math.max(0, Math.trunc(priority))));
}

/** Undefined for that of a message whose sender said nothing. */
export function priorityOf(header: string | undefined): number | undefined {
  if (header === undefined || header === usualPriority) return undefined;
  const word = priorityWord(Number(header));
  return word === undefined || word === usualPriority ? undefined : Number(word);
}

/** The broker tells the kind of an address before its name. */
export function bareAddress(replyTo: string): string {
  return replyTo.replace(/^(?:temp-)?(?:queue|topic):\/\//, '');
}

/** The value of `destination-type` and `subscription-type`. */
export function routingWord(routing: Routing): 'MULTICAST' | 'ANYCAST' {
  return routing === 'multicast' ? 'MULTICAST' : 'ANYCAST';
}

const protocolNames = new Set([
  'ack',
  'content-encoding',
  'content-length',
  'content-type',
  'correlation-id',
  'destination',
  'destination-type',
  'expires',
  'message-id',
  'persistent',
  'priority',
  'receipt',
  'redelivered',
  'reply-to',
  'subscription',
  'timestamp',
  // Sent back it would make the message a part of a transaction that nobody commits.
  'transaction',
  'type',
  // Ours, in the place of what STOMP cannot tell.
  wire.body,
]);

/** What STOMP and the broker say of a message: never a header of the sender's. */
export function isBrokersHeader(name: string): boolean {
  return protocolNames.has(name) || /^(?:_AMQ_|AMQ_SCHEDULED_|JMS_AMQP_)|^(?:JMSXDeliveryCount|JMSXGroupID|NATIVE_MESSAGE_ID)$/.test(name);
}

/** The types of AMQP ids that the broker writes before them. */
const idType = /^ID:AMQP_(NO_PREFIX|STRING|UUID|ULONG|BINARY):/;

/** An id as an AMQP reader shows it. Undefined for none. */
export function idText(header: string | undefined): string | undefined {
  if (header?.startsWith('ID:') !== true) return header === '' ? undefined : header;
  const [prefix, type] = idType.exec(header) ?? [''];
  const id = header.slice(prefix.length);
  if (id === '') return undefined;
  return type === 'BINARY' ? Buffer.from(id, 'hex').toString('base64') : id;
}

/** An id that the broker must not take for one of another type: what it cannot convert never reaches an AMQP reader. */
export function idHeader(id: string): string {
  return id.startsWith('ID:AMQP_') ? `ID:AMQP_STRING:${id}` : id;
}

/** Whether an AMQP sender had written bytes: the broker shows those of a JSON type as text. */
export function wasBytes(headers: ReadonlyMap<string, string>): boolean {
  const encoding = headers.get('JMS_AMQP_ORIGINAL_ENCODING');
  return encoding === '2' || encoding === '6';
}

/** @throws TidingsError 'not-supported' for any other broker: it would understand half of what we say, and lose messages. */
export function checkServer(server: string): void {
  if (/artemis/i.test(server)) return;
  const name = server === '' ? 'a broker that does not tell its name' : server;
  throw new TidingsError(
    'not-supported',
    `StompProvider speaks to Apache ActiveMQ Artemis; this is ${name}. Point the url at an Artemis broker.`,
  );
}

/** The broker took the consumer away: its queue was deleted, an operator did it, or it met a message that it cannot write in STOMP. */
export function isEjection({ message }: PeerFault): boolean {
  return message.includes('consumer with ID');
}

/** What was named is not there, and the broker shall not make it. */
export function isMissing({ message }: PeerFault): boolean {
  return message.includes('AMQ339001');
}

/**
 * The error for a subscription that was refused. `retryable` where the same attempt may succeed later without any change. What the
 * broker names stands without its colons, so no name is looked for.
 */
export function subscriptionRefusal(fault: PeerFault, spec: SubscriptionSpec): TidingsError {
  const { message } = fault;
  const queue = fullyQualified(spec.event, spec.queue);
  const where = `listener ${spec.listener} of event ${spec.event} (queue ${queue})`;
  const right = missingRight(message);
  if (right !== undefined)
    return new TidingsError(
      'permission',
      `${where}: the user lacks the right ${right}. Grant it for address ${spec.event}. The broker said: ${message}`,
      { cause: fault },
    );
  if (isMissing(fault)) return missingQueue(spec);
  if (message.includes('AMQ339016'))
    return new TidingsError(
      'permission',
      `${where}: the broker refused it, and over STOMP it does not tell why. Either the user lacks the right CONSUME on ${queue}, or the queue allows no ` +
        `further consumer, or it is of another kind or address. The broker said: ${message}`,
      { cause: fault },
    );
  if (message.includes('consumer with ID'))
    return new TidingsError(
      'connection',
      `${where}: the broker ended it. Either the queue was removed, or it cannot write one of its messages as STOMP: an AMQP sender wrote a header of a type ` +
        'other than text, number or boolean, or a footer. Such a message goes to the dead letters after max-delivery-attempts.',
      { cause: fault, retryable: true },
    );
  return new TidingsError('connection', `${where}: the broker closed the connection: ${message}`, { cause: fault, retryable: true });
}

/** `what`: as in `send to E`. */
export function sendRefusal(what: string, { message }: PeerFault): SendError {
  const right = missingRight(message);
  if (right !== undefined)
    return new SendError('refused', 'permission', `${what}: the user lacks the right ${right}. The broker said: ${message}`);
  // What the broker says here are all headers of the message. A full address has room again when its listeners have caught up.
  if (message.includes('AMQ339011'))
    return new SendError(
      'refused',
      'send-refused',
      `${what}: the broker refused it (AMQ339011), and over STOMP it does not tell why: the address is full, or the user lacks the right SEND on it`,
      { retryable: true },
    );
  return new SendError('refused', 'send-refused', `${what}: the broker refused it: ${message}`);
}
