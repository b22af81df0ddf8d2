import { wire } from '../../core/headers.js';
import type { CopyOutcome, CopyTo, Notice, SubscriptionSpec, WireMessage } from '../../core/provider.js';
import { addressToReach, duplicateIdHeader, fullyQualified } from '../artemis/artemis-words.js';
import { anycastHint, deliveryTimeAnnotation, isBrokersAnnotation, multicastHint, typedAnnotation } from './artemis-dialect.js';
import { encoded, long } from './rhea-message.js';
import type { AmqpMessage } from './rhea-message.js';

/** A message as it came, and as its reader saw it: with headers of text only. */
export interface Received {
  readonly raw: AmqpMessage;
  readonly message: WireMessage;
}

/** What becomes of it. */
interface Copy {
  readonly to: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly dedupeId?: string | undefined;
  readonly annotations?: Record<string, unknown>;
  readonly durable: boolean;
}

/** The copy to a listener's own queue or to its archive. `clockOffsetMs` is to be added to times of our clock. */
export function outcomeCopy(received: Received, outcome: CopyOutcome, spec: SubscriptionSpec, clockOffsetMs: number): Buffer {
  const { to, headers, notBefore, dedupeId } = outcome;
  return encodedCopy(received, {
    to: to === 'archive' ? spec.archive : fullyQualified(ownAddress(received, outcome, spec), spec.queue),
    headers,
    dedupeId,
    annotations: {
      ...(to === 'archive' && anycastHint()),
      ...(notBefore !== undefined && { [deliveryTimeAnnotation]: long(notBefore.getTime() + clockOffsetMs) }),
    },
    durable: to === 'archive' || received.message.durable,
  });
}

function ownAddress({ message }: Received, { address }: CopyOutcome, { event, pattern }: SubscriptionSpec): string {
  return pattern === true ? addressToReach(event, address, message.address) : event;
}

/** The copy for whoever listens at a multicast address. */
export function noticeCopy(received: Received, { address, headers, dedupeId }: Notice): Buffer {
  return encodedCopy(received, { to: address, headers, dedupeId, annotations: multicastHint(), durable: received.message.durable });
}

/** The copy to one queue, whatever the kind of its address: a hint would be acted on before the name of the queue. */
export function queueCopy(received: Received, { headers, dedupeId }: CopyTo, to: string): Buffer {
  return encodedCopy(received, { to, headers, dedupeId, durable: received.message.durable });
}

/**
 * The bytes of a copy for the relay. Body with its kind of section, ids, subject, group and the user's annotations stay; what
 * the broker wrote, delivery times, expiry and footer go: an old delivery time would make a later retry run at once.
 */
function encodedCopy({ raw, message: { headers, contentType, contentEncoding } }: Received, copy: Copy): Buffer {
  const annotations = { ...keptAnnotations(raw.message_annotations), ...copy.annotations };
  return encoded({
    ...keptProperties(raw),
    ...(contentType !== undefined && { content_type: contentType }),
    ...(contentEncoding !== undefined && { content_encoding: contentEncoding }),
    durable: copy.durable,
    to: copy.to,
    application_properties: { ...keptMarker(raw), ...laidOver(headers, copy) },
    ...(Object.keys(annotations).length > 0 && { message_annotations: annotations }),
    body: raw.body ?? null,
  });
}

const keptFields = [
  'priority',
  'message_id',
  'subject',
  'reply_to',
  'correlation_id',
  'creation_time',
  'group_id',
  'group_sequence',
  'reply_to_group_id',
] as const;

function keptProperties(original: AmqpMessage): AmqpMessage {
  const kept: Record<string, unknown> = {};
  for (const field of keptFields) if (original[field] !== undefined) kept[field] = original[field];
  // The client library reads an id of type uuid as bytes and cannot write it again.
  for (const field of ['message_id', 'correlation_id'] as const)
    if (Buffer.isBuffer(kept[field])) kept[field] = kept[field].toString('hex');
  return kept;
}

function keptAnnotations(annotations: Record<string, unknown> | undefined): Record<string, unknown> {
  const kept = Object.entries(annotations ?? {}).filter(([name]) => !isBrokersAnnotation(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, typedAnnotation(name, value)]));
}

/** It belongs to the body, which stays as it is. */
function keptMarker({ application_properties: properties }: AmqpMessage): Record<string, unknown> {
  const kind = properties?.[wire.body];
  return kind === undefined ? {} : { [wire.body]: kind };
}

function laidOver(headers: ReadonlyMap<string, string>, copy: Pick<Copy, 'headers' | 'dedupeId'>): Record<string, string> {
  const result = new Map(headers);
  for (const [name, value] of Object.entries(copy.headers)) {
    if (value === undefined) result.delete(name);
    else result.set(name, value.toWellFormed());
  }
  if (copy.dedupeId !== undefined) result.set(duplicateIdHeader, copy.dedupeId);
  return Object.fromEntries(result);
}
