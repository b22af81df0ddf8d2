import { Buffer } from 'node:buffer';
import { TidingsError } from './errors.js';
import { wire } from './headers.js';
import { isPacked, unpacked } from './packing.js';
import type { WireMessage } from './provider.js';
import { isStructured, readStructured } from './structured-mode.js';

/**
 * What a message holds, once it is unpacked and, in structured mode, its document is taken apart. A class, as all that may live as long as a run:
 * V8 comes to allocate literals that live long in its old space, and keeps them there with all that they refer to.
 */
export class Content {
  readonly data: string | Uint8Array;
  /** Of the data; undefined where nothing was said. */
  readonly contentType: string | undefined;
  /** Everything that the message says of itself. */
  readonly headers: ReadonlyMap<string, string>;

  constructor(data: string | Uint8Array, contentType: string | undefined, headers: ReadonlyMap<string, string>) {
    this.data = data;
    this.contentType = contentType;
    this.headers = headers;
  }
}

/** What the message says of its body, wherever that landed. */
export function saidContentType({ headers, contentType }: WireMessage): string | undefined {
  return headers.get(wire.contentType) ?? contentType;
}

/** Or why there is none: 'too-large' or 'undecodable', returned, as not everybody who asks wants the body. `event` is for the texts. */
export function contentOf(message: WireMessage, event: string, maxBodyBytes: number): Content | TidingsError {
  const said = saidContentType(message);
  const body = openedBody(message, event, maxBodyBytes);
  if (body instanceof TidingsError) return body;
  if (!isStructured(said)) return new Content(body, said, message.headers);
  const document = readStructured(body, said, message.headers);
  if (typeof document === 'string') return undecodable(event, document);
  return new Content(document.data, document.contentType, document.headers);
}

/** The bound holds for the bytes as they came and for what they unpack to. */
function openedBody(
  { body, headers, contentEncoding }: WireMessage,
  event: string,
  maxBodyBytes: number,
): string | Uint8Array | TidingsError {
  const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  if (bytes > maxBodyBytes) return oversize(event, `has ${String(bytes)} bytes`, maxBodyBytes);
  const encoding = headers.get(wire.contentEncoding) ?? contentEncoding;
  if (!isPacked(encoding)) return body;
  const opened = unpacked(body, encoding, maxBodyBytes);
  if (opened === 'too-large') return oversize(event, 'unpacks to more bytes', maxBodyBytes);
  return typeof opened === 'string' ? undecodable(event, opened) : opened;
}

function undecodable(event: string, why: string): TidingsError {
  return new TidingsError('undecodable', `a message of ${event} cannot be read: ${why}`);
}

function oversize(event: string, what: string, maxBodyBytes: number): TidingsError {
  return new TidingsError('too-large', `a message of ${event} ${what}, the limit maxBodyBytes is ${String(maxBodyBytes)}`);
}
