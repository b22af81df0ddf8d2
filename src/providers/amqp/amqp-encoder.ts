import type { WireMessage } from '../../core/provider.js';
import { sections, types } from './amqp-types.js';
import { AmqpWriter } from './amqp-writer.js';

/** What goes out beside the message itself. */
export interface SendExtras {
  /** The address, for whoever gets it by a queue of many addresses. */
  readonly to?: string | undefined;
  readonly dedupeId?: string | undefined;
  /** Milliseconds since the epoch, on the broker's clock. */
  readonly deliveryTime?: number | undefined;
  /** Likewise: dropped by the broker from then on. */
  readonly expiryTime?: number | undefined;
  /** Text as a Data section instead of an AMQP string. */
  readonly asData: boolean;
}

const jsonType = 'application/json';
const duplicateId = '_AMQ_DUPL_ID';

const usualPriority = 4;
const writer = new AmqpWriter();

/**
 * The bytes of a message as we send it: header, annotations, properties, headers as strings, and the body. Lone surrogates are replaced,
 * since they have no UTF-8.
 */
export function encodedMessage(message: WireMessage, extras: SendExtras): Buffer {
  writer.begin();
  writeHeader(message);
  writeAnnotations(message, extras);
  writeProperties(message, extras);
  writeHeaders(message.headers, extras.dedupeId);
  writeBody(message.body, extras.asData);
  return writer.taken();
}

function writeHeader({ durable, priority }: WireMessage): void {
  const said = durable ? types.true : types.false;
  const level = priority === undefined || Number.isNaN(priority) ? usualPriority : Math.min(9, Math.max(0, Math.round(priority)));
  writer.section(sections.header, types.list8);
  if (level === usualPriority) {
    writer.byte(2);
    writer.byte(1);
    writer.byte(said);
    return;
  }
  writer.byte(4);
  writer.byte(2);
  writer.byte(said);
  writer.byte(types.ubyte);
  writer.byte(level);
}

function writeAnnotations({ replyTo }: WireMessage, { deliveryTime }: SendExtras): void {
  const count = (deliveryTime === undefined ? 0 : 1) + (replyTo === undefined ? 0 : 1);
  if (count === 0) return;
  const end = writer.compound(sections.annotations, types.map32, 2 * count);
  if (deliveryTime !== undefined) {
    writer.text('x-opt-delivery-time', types.sym8, types.sym32);
    writer.integer(types.long, deliveryTime);
  }
  if (replyTo !== undefined) {
    // Else a JMS client takes it for a topic, as the address of the message itself most often is.
    writer.text('x-opt-jms-reply-to', types.sym8, types.sym32);
    writer.byte(types.byte);
    writer.byte(0);
  }
  writer.close(end);
}

/** In the order of the standard; what is absent at the end is left out. */
function writeProperties(message: WireMessage, extras: SendExtras): void {
  const id = message.headers.get('tidings_id') ?? message.headers.get('cloudEvents_id');
  const { replyTo, correlationId, contentEncoding, group } = message;
  const contentType = message.contentType ?? (extras.asData && typeof message.body === 'string' ? jsonType : undefined);
  const fields = propertyCount(message, extras, { id, contentType });
  if (fields === 0) return;
  const end = writer.compound(sections.properties, types.list32, fields);
  // message-id, user-id, to, subject
  writer.optional(id);
  if (fields > 1) writer.byte(types.null);
  if (fields > 2) writer.optional(extras.to);
  if (fields > 3) writer.byte(types.null);
  // reply-to, correlation-id, content-type, content-encoding
  if (fields > 4) writer.optional(replyTo);
  if (fields > 5) writer.optional(correlationId);
  if (fields > 6) writer.symbol(contentType);
  if (fields > 7) writer.symbol(contentEncoding);
  // absolute-expiry-time, creation-time, group-id
  if (fields > 8) writer.time(extras.expiryTime);
  if (fields > 9) writer.byte(types.null);
  if (fields > 10) writer.optional(group);
  writer.close(end);
}

function propertyCount(
  { replyTo, correlationId, contentEncoding, group }: WireMessage,
  { to, expiryTime }: SendExtras,
  { id, contentType }: { readonly id: string | undefined; readonly contentType: string | undefined },
): number {
  if (group !== undefined) return 11;
  if (expiryTime !== undefined) return 9;
  if (contentEncoding !== undefined) return 8;
  if (contentType !== undefined) return 7;
  if (correlationId !== undefined) return 6;
  if (replyTo !== undefined) return 5;
  if (to !== undefined) return 3;
  return id === undefined ? 0 : 1;
}

function writeHeaders(headers: ReadonlyMap<string, string>, dedupeId: string | undefined): void {
  const count = headers.size + (dedupeId === undefined ? 0 : 1);
  if (count === 0) return;
  const end = writer.compound(sections.applicationProperties, types.map32, 2 * count);
  for (const [name, value] of headers) {
    writer.string(name);
    writer.string(value);
  }
  if (dedupeId !== undefined) {
    writer.string(duplicateId);
    writer.string(dedupeId);
  }
  writer.close(end);
}

function writeBody(body: string | Uint8Array, asData: boolean): void {
  if (typeof body === 'string' && !asData) {
    writer.descriptor(sections.value);
    writer.string(body);
    return;
  }
  writer.descriptor(sections.data);
  if (typeof body === 'string') writer.text(body, types.bin8, types.bin32);
  else writer.binary(body);
}
