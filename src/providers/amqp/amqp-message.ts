import { isUtf8 } from 'node:buffer';
import { wire } from '../../core/headers.js';
import type { WireMessage } from '../../core/provider.js';
import { addressAndQueue } from '../artemis/artemis-words.js';
import { sectionsOf } from './rhea-message.js';
import type { AmqpMessage } from './rhea-message.js';

const usualPriority = 4;

/** Names the broker gives to what it knows better, on whatever message. */
const brokerNames = /^(?:_AMQ_|JMS_AMQP_)|^(?:JMSXDeliveryCount|NATIVE_MESSAGE_ID)$/;

/** What the broker leaves in the properties of a message that came over STOMP. Names of the user's on all other messages. */
const stompNames = new Set([
  'ack',
  'content-encoding',
  'content-length',
  'destination',
  'destination-type',
  'message-id',
  'receipt',
  'redelivered',
  'subscription',
  'timestamp',
]);

/** A message of anybody, read liberally: foreign types become text, what the broker leaks into the headers is dropped. */
export function wireMessage(message: AmqpMessage): WireMessage {
  const properties = message.application_properties ?? {};
  const contentType = message.content_type ?? text(properties['_AMQ_CONTENT_TYPE']) ?? text(properties['JMS_AMQP_ContentType']);
  const contentEncoding = message.content_encoding ?? text(properties['JMS_AMQP_ContentEncoding']) ?? saidOverStomp(message);
  const nativeId = idText(message.message_id);
  const correlationId = idText(message.correlation_id);
  const replyTo = addressIn(message.reply_to);
  const address = addressIn(message.to);
  return {
    body: markedBody(wireBody(message.body), properties[wire.body]),
    headers: headersOf(properties, message.message_annotations),
    durable: message.durable === true,
    ...(contentType !== undefined && contentType !== '' && { contentType }),
    ...(contentEncoding !== undefined && contentEncoding !== '' && { contentEncoding }),
    ...(nativeId !== undefined && { nativeId }),
    ...(correlationId !== undefined && { correlationId }),
    ...(replyTo !== undefined && { replyTo }),
    ...(typeof message.group_id === 'string' && message.group_id !== '' && { group: message.group_id }),
    // What comes over other protocols says the usual one too.
    ...(message.priority !== undefined && message.priority !== usualPriority && { priority: message.priority }),
    ...(address !== undefined && { address }),
  };
}

/** Without what the broker and JMS clients put before it, and of a copy for one queue its address. */
function addressIn(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined;
  const { address } = addressAndQueue(name.replace(/^(?:temp-)?(?:queue|topic):\/\//, ''));
  return address === '' ? undefined : address;
}

/** The text of a typed foreign value; undefined for null, which is dropped. */
function canonicalText(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  // The client library shows 64-bit numbers that JavaScript has no number for as their bytes.
  if (Buffer.isBuffer(value)) return value.length === 8 ? value.readBigInt64BE().toString() : value.toString('base64');
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return value.toString();
  return json(value);
}

function wireBody(body: unknown): string | Uint8Array {
  if (body === null || body === undefined) return '';
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  const sections = sectionsOf(body);
  if (sections === undefined) return json(body);
  if (sections.kind === 'sequence') return json(sections.parts.flat());
  const [only] = sections.parts;
  return sections.parts.length === 1 && only instanceof Uint8Array ? only : Buffer.concat(sections.parts as Uint8Array[]);
}

/** What a STOMP sender could say of its body in no other way. */
function markedBody(body: string | Uint8Array, kind: unknown): string | Uint8Array {
  if (kind === 'text') return typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
  return kind === 'bytes' && typeof body === 'string' ? Buffer.from(body) : body;
}

function headersOf(properties: Record<string, unknown>, annotations: Record<string, unknown> | undefined): Map<string, string> {
  const translated = isTranslated(annotations);
  const headers = new Map<string, string>();
  for (const name of Object.keys(properties)) {
    if (name === wire.body || brokerNames.test(name) || (translated && stompNames.has(name))) continue;
    const value = canonicalText(properties[name]);
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}

/** STOMP and core messages are marked so when the broker translates them. */
function isTranslated(annotations: Record<string, unknown> | undefined): boolean {
  return annotations?.['x-opt-jms-msg-type'] !== undefined;
}

/** A header of that name is all that a STOMP sender has. */
function saidOverStomp({ application_properties: properties, message_annotations: annotations }: AmqpMessage): string | undefined {
  return isTranslated(annotations) ? text(properties?.['content-encoding']) : undefined;
}

function idText(id: unknown): string | undefined {
  if (id === undefined || id === null || id === '') return undefined;
  if (Buffer.isBuffer(id)) return id.length === 16 ? uuid(id) : id.toString('base64');
  return canonicalText(id);
}

function uuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function json(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    // Bytes, and what else JSON has no word for.
    if (typeof item === 'bigint') return item.toString();
    if (typeof item !== 'object' || item === null) return item;
    const { type, data } = item as { type?: unknown; data?: unknown };
    return type === 'Buffer' && Array.isArray(data) ? bufferText(Buffer.from(data as number[])) : item;
  });
}

function bufferText(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString() : bytes.toString('base64');
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
