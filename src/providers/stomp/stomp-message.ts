import { wire } from '../../core/headers.js';
import type { Routing, WireMessage, Writable } from '../../core/provider.js';
import { addressAndQueue, duplicateIdHeader } from '../artemis/artemis-words.js';
import {
  bareAddress,
  contentEncodingHeader,
  contentTypeHeader,
  deliveryTimeHeader,
  groupHeader,
  idHeader,
  idText,
  nativeIdHeader,
  priorityOf,
  priorityWord,
  receivedGroupHeader,
  routingWord,
  wasBytes,
} from './artemis-dialect.js';
import type { MessageFrame } from './frame-reader.js';
import { frameOf, headerLine, headerLines } from './frame-writer.js';
import type { Frame } from './frame-writer.js';

/** A message of anybody, read liberally. */
export function wireMessage(frame: MessageFrame): WireMessage {
  const { said } = frame;
  const contentType = said.get('content-type') ?? said.get('_AMQ_CONTENT_TYPE') ?? said.get(contentTypeHeader);
  const contentEncoding = said.get('content-encoding') ?? said.get(contentEncodingHeader);
  const nativeId = idText(said.get(nativeIdHeader)) ?? brokersId(frame);
  const correlationId = idText(said.get('correlation-id'));
  const replyTo = said.get('reply-to');
  const group = said.get(receivedGroupHeader);
  const priority = priorityOf(said.get('priority'));
  const address = said.get('destination');
  const message = new IncomingMessage(bodyOf(frame), frame.headers, said.get('persistent') === 'true');
  if (contentType !== undefined && contentType !== '') message.contentType = contentType;
  if (contentEncoding !== undefined && contentEncoding !== '') message.contentEncoding = contentEncoding;
  if (nativeId !== undefined) message.nativeId = nativeId;
  if (correlationId !== undefined) message.correlationId = correlationId;
  if (replyTo !== undefined && replyTo !== '') message.replyTo = bareAddress(replyTo);
  if (group !== undefined && group !== '') message.group = group;
  if (priority !== undefined) message.priority = priority;
  if (address !== undefined) message.address = addressAndQueue(address).address;
  return message;
}

/** A class, since it may wait for its turn: see `Head`. */
class IncomingMessage implements Writable<WireMessage> {
  body: string | Uint8Array;
  headers: ReadonlyMap<string, string>;
  durable: boolean;
  declare contentType?: string;
  declare contentEncoding?: string;
  declare nativeId?: string;
  declare correlationId?: string;
  declare replyTo?: string;
  declare group?: string;
  declare priority?: number;
  declare address?: string;

  constructor(body: string | Uint8Array, headers: ReadonlyMap<string, string>, durable: boolean) {
    this.body = body;
    this.headers = headers;
    this.durable = durable;
  }
}

/** The marker counts, then what an AMQP sender wrote, then what the broker shows. */
function bodyOf({ said, body, isText }: MessageFrame): string | Buffer {
  const marked = said.get(wire.body);
  if (marked === 'text') return body.toString();
  return marked === 'bytes' || !isText || wasBytes(said) ? body : body.toString();
}

/** `<consumer>,<message>`: only the second half is the same for the next consumer. */
export function brokersId({ said }: MessageFrame): string | undefined {
  const id = said.get('message-id') ?? '';
  return id.slice(id.lastIndexOf(',') + 1) || undefined;
}

/** How it goes. */
export interface StompSend {
  readonly address: string;
  readonly routing: Routing;
  /** The id of the receipt that confirms it. */
  readonly receipt: string;
  readonly dedupeId?: string | undefined;
  /** Milliseconds since the epoch, on the broker's clock. */
  readonly deliveryTime?: number | undefined;
  /** Milliseconds since the epoch, on the broker's clock. */
  readonly expiresAt?: number | undefined;
}

export function outgoingSend(message: WireMessage, send: StompSend): Frame {
  let head = sendHead(message, send);
  const id = message.headers.get(wire.tidingsId) ?? message.headers.get(wire.id);
  if (id !== undefined) head += headerLine(nativeIdHeader, idHeader(id));
  if (message.correlationId !== undefined) head += headerLine('correlation-id', idHeader(message.correlationId));
  if (message.replyTo !== undefined) head += headerLine('reply-to', message.replyTo);
  if (message.group !== undefined) head += headerLine(groupHeader, message.group);
  head += priorityLine(message.priority);
  head += headerLines(message.headers);
  return markedFrame(head, message.body);
}

/** The lines that the broker acts on. Of repeated names it takes the first: nothing that follows can change it. */
export function sendHead(message: Pick<WireMessage, 'durable' | 'contentType' | 'contentEncoding'>, send: StompSend): string {
  let head = headerLine('destination', send.address);
  head += message.durable ? '\npersistent:true' : '\npersistent:false';
  head += headerLine('receipt', send.receipt);
  // The broker sends a message the way of the one before it on this connection when address and type are the same, whatever queue it names:
  // every queue of the address would get it. So the name of a multicast queue never has a type. All else has: without, an address that is
  // anycast becomes multicast too.
  if (send.routing === 'anycast' || !send.address.includes('::')) head += headerLine('destination-type', routingWord(send.routing));
  if (send.dedupeId !== undefined) head += headerLine(duplicateIdHeader, send.dedupeId);
  if (send.deliveryTime !== undefined) head += headerLine(deliveryTimeHeader, String(Math.round(send.deliveryTime)));
  if (send.expiresAt !== undefined) head += headerLine('expires', String(Math.round(send.expiresAt)));
  head += bothLines('content-type', contentTypeHeader, message.contentType);
  return head + bothLines('content-encoding', contentEncodingHeader, message.contentEncoding);
}

/** Empty for none. */
export function priorityLine(priority: number | undefined): string {
  const word = priority === undefined ? undefined : priorityWord(priority);
  return word === undefined ? '' : headerLine('priority', word);
}

function bothLines(name: string, amqpName: string, value: string | undefined): string {
  if (value === undefined) return '';
  const line = headerLine(name, value);
  // For AMQP readers. What is no symbol the broker cannot convert, and the message would never reach them.
  return /^[ -~]*$/.test(value) ? line + headerLine(amqpName, value) : line;
}

/** The frame, with the marker where the protocol cannot tell text from bytes: a text with NUL has to go with a length, and empty bytes come as an empty text. */
export function markedFrame(head: string, body: string | Uint8Array): Frame {
  const isText = typeof body === 'string';
  if (isText ? !body.includes('\0') : body.length > 0) return frameOf(head, body);
  return frameOf(head + headerLine(wire.body, isText ? 'text' : 'bytes'), isText ? Buffer.from(body) : body);
}
