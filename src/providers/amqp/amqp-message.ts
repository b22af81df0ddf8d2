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

/** STOMP and core messages are marked so when the broker translates them. */
export const translationMark = 'x-opt-jms-msg-type';

/** Properties that are no headers, and say something of the message. */
const ofTheMessage = new Set([wire.body, '_AMQ_CONTENT_TYPE', 'JMS_AMQP_ContentType', 'JMS_AMQP_ContentEncoding']);

export type PropertyKind = 'header' | 'header unless translated' | 'of the message' | 'dropped';

export function propertyKind(name: string): PropertyKind {
  if (ofTheMessage.has(name)) return 'of the message';
  if (brokerNames.test(name)) return 'dropped';
  return stompNames.has(name) ? 'header unless translated' : 'header';
}

/** What the parts of a message say, before it is settled which of them counts. */
export class Said {
  body: string | Uint8Array = '';
  readonly headers = new Map<string, string>();
  /** Properties that are no headers. */
  #others: Map<string, unknown> | undefined;
  durable = false;
  priority: number | undefined;
  messageId: string | undefined;
  to: unknown;
  replyTo: unknown;
  correlationId: string | undefined;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  group: unknown;

  other(name: string): unknown {
    return this.#others?.get(name);
  }

  setOther(name: string, value: unknown): void {
    (this.#others ??= new Map()).set(name, value);
  }
}

/** A message of anybody, read liberally: foreign types become text, what the broker leaks into the headers is dropped. */
export function wireMessage(message: AmqpMessage): WireMessage {
  const said = new Said();
  readProperties(message, said);
  said.body = wireBody(message.body);
  said.durable = message.durable === true;
  said.priority = message.priority;
  said.messageId = idText(message.message_id);
  said.to = message.to;
  said.replyTo = message.reply_to;
  said.correlationId = idText(message.correlation_id);
  said.contentType = message.content_type;
  said.contentEncoding = message.content_encoding;
  said.group = message.group_id;
  return wireMessageOf(said);
}

function readProperties({ application_properties: properties = {}, message_annotations: annotations }: AmqpMessage, said: Said): void {
  const translated = annotations?.[translationMark] !== undefined;
  for (const name of Object.keys(properties)) {
    const kind = propertyKind(name);
    if (kind === 'header' || (kind === 'header unless translated' && !translated)) {
      const value = canonicalText(properties[name]);
      if (value !== undefined) said.headers.set(name, value);
    } else if (kind !== 'dropped') said.setOther(name, properties[name]);
  }
}

export function wireMessageOf(said: Said): WireMessage {
  const message: { -readonly [Field in keyof WireMessage]: WireMessage[Field] } = {
    body: markedBody(said.body, said.other(wire.body)),
    headers: said.headers,
    durable: said.durable,
  };
  const contentType = said.contentType ?? text(said.other('_AMQ_CONTENT_TYPE')) ?? text(said.other('JMS_AMQP_ContentType'));
  // A header of that name is all that a STOMP sender has.
  const contentEncoding = said.contentEncoding ?? text(said.other('JMS_AMQP_ContentEncoding')) ?? text(said.other('content-encoding'));
  const replyTo = addressIn(said.replyTo);
  const address = addressIn(said.to);
  if (contentType !== undefined && contentType !== '') message.contentType = contentType;
  if (contentEncoding !== undefined && contentEncoding !== '') message.contentEncoding = contentEncoding;
  if (said.messageId !== undefined && said.messageId !== '') message.nativeId = said.messageId;
  if (said.correlationId !== undefined && said.correlationId !== '') message.correlationId = said.correlationId;
  if (replyTo !== undefined) message.replyTo = replyTo;
  if (typeof said.group === 'string' && said.group !== '') message.group = said.group;
  // What comes over other protocols says the usual one too.
  if (said.priority !== undefined && said.priority !== usualPriority) message.priority = said.priority;
  if (address !== undefined) message.address = address;
  return message;
}

/** Without what the broker and JMS clients put before it, and of a copy for one queue its address. */
function addressIn(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined;
  if (!name.includes(':')) return name === '' ? undefined : name;
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
