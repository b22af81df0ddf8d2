import type { CopyOutcome, SubscriptionSpec } from '../../core/provider.js';
import { anycastHint, deliveryTimeAnnotation, duplicateIdProperty, fullyQualified, isBrokersAnnotation } from './artemis-dialect.js';
import { encoded, long } from './rhea-message.js';
import type { AmqpMessage } from './rhea-message.js';

export interface CopyContext {
  readonly spec: SubscriptionSpec;
  /** The headers as the listener saw them: text only. */
  readonly headers: ReadonlyMap<string, string>;
  readonly contentType: string | undefined;
  /** To be added to times of our clock. */
  readonly clockOffsetMs: number;
}

/**
 * The bytes of a copy for the relay. Body with its kind of section, ids, subject, group and the user's annotations stay; what
 * the broker wrote, delivery times, expiry and footer go: an old delivery time would make a later retry run at once.
 */
export function encodedCopy(original: AmqpMessage, outcome: CopyOutcome, context: CopyContext): Buffer {
  const { spec, clockOffsetMs } = context;
  const annotations = keptAnnotations(original.message_annotations);
  if (outcome.to === 'archive') Object.assign(annotations, anycastHint());
  if (outcome.notBefore !== undefined) annotations[deliveryTimeAnnotation] = long(outcome.notBefore.getTime() + clockOffsetMs);
  const copy: AmqpMessage = {
    ...keptProperties(original),
    ...(context.contentType !== undefined && { content_type: context.contentType }),
    durable: outcome.to === 'archive' || original.durable === true,
    to: outcome.to === 'archive' ? spec.archive : fullyQualified(spec.event, spec.queue),
    application_properties: laidOver(context.headers, outcome),
    ...(Object.keys(annotations).length > 0 && { message_annotations: annotations }),
    body: original.body ?? null,
  };
  return encoded(copy);
}

const keptFields = [
  'priority',
  'message_id',
  'subject',
  'reply_to',
  'correlation_id',
  'content_encoding',
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
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([name]) => !isBrokersAnnotation(name)));
}

function laidOver(headers: ReadonlyMap<string, string>, outcome: CopyOutcome): Record<string, string> {
  const result = new Map(headers);
  for (const [name, value] of Object.entries(outcome.headers)) {
    if (value === undefined) result.delete(name);
    else result.set(name, value.toWellFormed());
  }
  if (outcome.dedupeId !== undefined) result.set(duplicateIdProperty, outcome.dedupeId);
  return Object.fromEntries(result);
}
