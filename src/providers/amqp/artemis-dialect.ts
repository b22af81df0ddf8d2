import { SendError, TidingsError } from '../../core/errors.js';
import type { Routing, SubscriptionSpec } from '../../core/provider.js';
import { missingQueue, queueConflict } from '../artemis/artemis-faults.js';
import { fullyQualified, missingRight } from '../artemis/artemis-words.js';
import type { PeerFault } from '../network/peer-fault.js';

import type { Refusal } from './rhea-links.js';
import { byte } from './rhea-message.js';

/** What only holds for Apache ActiveMQ Artemis over AMQP: annotations, and how it words its refusals. */
const product = 'apache-activemq-artemis';

export const deliveryTimeAnnotation = 'x-opt-delivery-time';

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
  return /^x-opt-(?:delivery-|jms-dest|orig-|routing-type|actual-expiry|ingress-time)/i.test(name);
}

/** As JMS clients want them: the kinds of a message and of its reply address are bytes, and read as plain numbers. */
export function typedAnnotation(name: string, value: unknown): unknown {
  return (name === 'x-opt-jms-msg-type' || name === 'x-opt-jms-reply-to') && typeof value === 'number' ? byte(value) : value;
}

/**
 * The error for a link to a queue that was refused. `retryable` where the same attempt may succeed later without any change.
 */
export function linkRefusal(fault: PeerFault, spec: SubscriptionSpec): TidingsError {
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

/** Whether a message was refused since its address is not there, and nobody may make it. */
export function isNobodyThere({ description }: Refusal): boolean {
  return /AMQ119002|AMQ229032.*permission='CREATE_/.test(description);
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
