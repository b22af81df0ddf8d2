import { Buffer } from 'node:buffer';
import type { WireMessage } from '../../core/provider.js';

/**
 * A message as the broker keeps it: text or bytes, and a snapshot of the headers. It shares nothing with the sender's objects. Each
 * delivery gets bytes of its own, and the headers to read: one copy for each queue would cost more than all else. Never changed
 * once made.
 */
export interface StoredMessage {
  readonly body: string | Buffer;
  readonly headers: ReadonlyMap<string, string>;
  readonly durable: boolean;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly nativeId: string | undefined;
  readonly correlationId: string | undefined;
  readonly replyTo: string | undefined;
  readonly group: string | undefined;
  readonly priority: number | undefined;
  /** What it was sent to. */
  readonly address: string;
}

function readOnly(): never {
  throw new TypeError('the headers of a message are read-only: copy them first');
}

const readOnlyMap = Object.create(Map.prototype, {
  set: { value: readOnly },
  delete: { value: readOnly },
  clear: { value: readOnly },
}) as ReadonlyMap<string, string>;

/** The map itself, which throws when it is changed from now on. */
function sealed(headers: Map<string, string>): ReadonlyMap<string, string> {
  return Object.setPrototypeOf(headers, readOnlyMap) as ReadonlyMap<string, string>;
}

/** For each entry; making a Map of another one takes longer. */
function put(this: Map<string, string>, value: string, name: string): void {
  this.set(name, value);
}

/** As onto the wire: no lone surrogate would come through UTF-8, and buffers are copied. */
export function stored(message: WireMessage, address: string): StoredMessage {
  const headers = new Map<string, string>();
  message.headers.forEach(put, headers);
  return {
    body: typeof message.body === 'string' ? message.body.toWellFormed() : Buffer.from(message.body),
    headers: sealed(headers),
    durable: message.durable,
    contentType: message.contentType,
    contentEncoding: message.contentEncoding,
    nativeId: message.nativeId,
    correlationId: message.correlationId,
    replyTo: message.replyTo,
    group: message.group,
    priority: message.priority === undefined ? undefined : Math.min(9, Math.max(0, Math.trunc(message.priority))),
    address,
  };
}

/** As from the wire: every call makes a message of its own; only the headers, which nobody can change, are shared. */
export function loaded(message: StoredMessage): WireMessage {
  const wire: { -readonly [Key in keyof WireMessage]: WireMessage[Key] } = {
    body: typeof message.body === 'string' ? message.body : new Uint8Array(message.body),
    headers: message.headers,
    durable: message.durable,
    address: message.address,
  };
  if (message.contentType !== undefined) wire.contentType = message.contentType;
  if (message.contentEncoding !== undefined) wire.contentEncoding = message.contentEncoding;
  if (message.nativeId !== undefined) wire.nativeId = message.nativeId;
  if (message.correlationId !== undefined) wire.correlationId = message.correlationId;
  if (message.replyTo !== undefined) wire.replyTo = message.replyTo;
  if (message.group !== undefined) wire.group = message.group;
  if (message.priority !== undefined) wire.priority = message.priority;
  return wire;
}

/** The same message for another address, under other headers; undefined removes one. The bytes are shared, as nobody changes them. */
export function copied(message: StoredMessage, changes: Readonly<Record<string, string | undefined>>, address: string): StoredMessage {
  const headers = new Map(message.headers);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  return { ...message, headers: sealed(headers), address };
}
