import { wire } from '../../core/headers.js';
import type { Routing, WireMessage } from '../../core/provider.js';
import { addressAndQueue, duplicateIdHeader } from '../artemis/artemis-words.js';
import {
  bareAddress,
  contentEncodingHeader,
  contentTypeHeader,
  deliveryTimeHeader,
  groupHeader,
  idHeader,
  idText,
  isBrokersHeader,
  nativeIdHeader,
  priorityOf,
  priorityWord,
  receivedGroupHeader,
  routingWord,
  wasBytes,
} from './artemis-dialect.js';
import type { MessageFrame } from './frame-reader.js';
import { sendFrame } from './frame-writer.js';
import type { Frame } from './frame-writer.js';

/** A message of anybody, read liberally: what the protocol and the broker say among the headers is dropped. */
export function wireMessage(frame: MessageFrame): WireMessage {
  const { headers } = frame;
  const contentType = headers.get('content-type') ?? headers.get('_AMQ_CONTENT_TYPE') ?? headers.get(contentTypeHeader);
  const contentEncoding = headers.get('content-encoding') ?? headers.get(contentEncodingHeader);
  const nativeId = idText(headers.get(nativeIdHeader)) ?? brokersId(frame);
  const correlationId = idText(headers.get('correlation-id'));
  const replyTo = headers.get('reply-to');
  const group = headers.get(receivedGroupHeader);
  const priority = priorityOf(headers.get('priority'));
  const address = headers.get('destination');
  return {
    body: bodyOf(frame),
    headers: usersHeaders(headers),
    durable: headers.get('persistent') === 'true',
    ...(contentType !== undefined && contentType !== '' && { contentType }),
    ...(contentEncoding !== undefined && contentEncoding !== '' && { contentEncoding }),
    ...(nativeId !== undefined && { nativeId }),
    ...(correlationId !== undefined && { correlationId }),
    ...(replyTo !== undefined && replyTo !== '' && { replyTo: bareAddress(replyTo) }),
    ...(group !== undefined && group !== '' && { group }),
    ...(priority !== undefined && { priority }),
    ...(address !== undefined && { address: addressAndQueue(address).address }),
  };
}

/** The marker counts, then what an AMQP sender wrote, then what the broker shows. */
function bodyOf({ headers, body, isText }: MessageFrame): string | Buffer {
  const marked = headers.get(wire.body);
  if (marked === 'text') return body.toString();
  return marked === 'bytes' || !isText || wasBytes(headers) ? body : body.toString();
}

function usersHeaders(headers: ReadonlyMap<string, string>): Map<string, string> {
  const kept = new Map<string, string>();
  for (const [name, value] of headers) if (name !== wire.body && !isBrokersHeader(name)) kept.set(name, value);
  return kept;
}

/** `<consumer>,<message>`: only the second half is the same for the next consumer. */
export function brokersId({ headers }: MessageFrame): string | undefined {
  const id = headers.get('message-id') ?? '';
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
  const headers = sendHeaders(message, send);
  const id = message.headers.get(wire.tidingsId) ?? message.headers.get(wire.id);
  if (id !== undefined) headers.push([nativeIdHeader, idHeader(id)]);
  if (message.correlationId !== undefined) headers.push(['correlation-id', idHeader(message.correlationId)]);
  if (message.replyTo !== undefined) headers.push(['reply-to', message.replyTo]);
  if (message.group !== undefined) headers.push([groupHeader, message.group]);
  pushPriority(headers, message.priority);
  for (const header of message.headers) headers.push(header);
  return markedFrame(headers, message.body);
}

/** What the broker acts on. Of repeated names it takes the first: nothing that follows can change it. */
export function sendHeaders(
  message: Pick<WireMessage, 'durable' | 'contentType' | 'contentEncoding'>,
  send: StompSend,
): [string, string][] {
  const headers: [string, string][] = [
    ['destination', send.address],
    ['persistent', message.durable ? 'true' : 'false'],
    ['receipt', send.receipt],
  ];
  // The broker sends a message the way of the one before it on this connection when address and type are the same, whatever queue it names:
  // every queue of the address would get it. So the name of a multicast queue never has a type. All else has: without, an address that is
  // anycast becomes multicast too.
  if (send.routing === 'anycast' || !send.address.includes('::')) headers.push(['destination-type', routingWord(send.routing)]);
  if (send.dedupeId !== undefined) headers.push([duplicateIdHeader, send.dedupeId]);
  if (send.deliveryTime !== undefined) headers.push([deliveryTimeHeader, String(Math.round(send.deliveryTime))]);
  if (send.expiresAt !== undefined) headers.push(['expires', String(Math.round(send.expiresAt))]);
  pushBoth(headers, 'content-type', contentTypeHeader, message.contentType);
  pushBoth(headers, 'content-encoding', contentEncodingHeader, message.contentEncoding);
  return headers;
}

export function pushPriority(headers: [string, string][], priority: number | undefined): void {
  const word = priority === undefined ? undefined : priorityWord(priority);
  if (word !== undefined) headers.push(['priority', word]);
}

function pushBoth(headers: [string, string][], name: string, amqpName: string, value: string | undefined): void {
  if (value === undefined) return;
  headers.push([name, value]);
  // For AMQP readers. What is no symbol the broker cannot convert, and the message would never reach them.
  if (/^[ -~]*$/.test(value)) headers.push([amqpName, value]);
}

/** The frame, with the marker where the protocol cannot tell text from bytes: a text with NUL has to go with a length, and empty bytes come as an empty text. */
export function markedFrame(headers: [string, string][], body: string | Uint8Array): Frame {
  const isText = typeof body === 'string';
  if (isText ? !body.includes('\0') : body.length > 0) return sendFrame(headers, body);
  headers.push([wire.body, isText ? 'text' : 'bytes']);
  return sendFrame(headers, isText ? Buffer.from(body) : body);
}
