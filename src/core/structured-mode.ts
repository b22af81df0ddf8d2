import { Buffer } from 'node:buffer';
import { jsonContentType } from './envelope.js';
import { attributePrefix } from './headers.js';
import { memberText } from './json-members.js';

/** Of what is written in structured mode: attributes and data in one JSON document, by the JSON format of CloudEvents 1.0. */
export const structuredContentType = 'application/cloudevents+json; charset=utf-8';

/** An event that came in structured mode. */
export interface StructuredEvent {
  /** Those of the message, and over them the attributes of the document, under the names that they have in binary mode. */
  readonly headers: ReadonlyMap<string, string>;
  /** Exactly as it stands in the document. */
  readonly data: string | Uint8Array;
  /** Of the data. */
  readonly contentType: string;
}

const structured = /^\s*application\/cloudevents(?:-batch)?(?:\+json)?\s*(?:;|$)/i;
const batch = /^\s*application\/cloudevents-batch/i;
const jsonType = /^\s*[^/;\s]+\/(?:[^;\s]+\+)?json\s*(?:;|$)/i;
const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i;
const utf8Names = new Set(['utf-8', 'utf8', 'us-ascii']);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const byteOrderMark = 0xfeff;
const specversion = '1.0';
/** Attributes become headers of copies and of what is sent in turn. Those of any length a broker takes in a body only. */
const longestAttribute = 8_192;

/** Whether a message's body is a whole CloudEvent, or a batch of them, as JSON. Other formats (avro, protobuf) are bodies like any other. */
export function isStructured(contentType: string | undefined): contentType is string {
  return contentType !== undefined && contentType !== jsonContentType && structured.test(contentType);
}

/**
 * The event, or why there is none: a sentence that quotes nothing of the body. Attributes that are missing are no mistake, as they are none
 * in binary mode.
 */
export function readStructured(
  body: string | Uint8Array,
  contentType: string,
  headers: ReadonlyMap<string, string>,
): StructuredEvent | string {
  if (batch.test(contentType)) return 'it is a batch of CloudEvents: send each of them as a message of its own';
  const encoding = charset.exec(contentType)?.[1]?.toLowerCase();
  if (encoding !== undefined && !utf8Names.has(encoding)) return `its charset is ${JSON.stringify(encoding.slice(0, 40))}, expected UTF-8`;
  const text = textOf(body);
  if (text === undefined) return 'its body is not valid UTF-8';
  const document = parsed(text);
  if (document === undefined) return 'its content type says that it is a CloudEvent, and its body is not valid JSON';
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    return 'its content type says that it is a CloudEvent, and its body is no JSON object';
  return eventOf(new Map(Object.entries(document)), text, headers);
}

/** The document of an event: `headers` holds its attributes, the rest of them is left out. As on any wire lone surrogates are replaced. */
export function writeStructured(headers: ReadonlyMap<string, string>, data: string | Uint8Array, contentType: string): string {
  let text = '{';
  for (const [name, value] of headers)
    if (name.startsWith(attributePrefix)) text += `"${name.slice(attributePrefix.length)}":${JSON.stringify(value.toWellFormed())},`;
  return `${text}"datacontenttype":${JSON.stringify(contentType)},${dataMember(data, contentType)}}`;
}

function textOf(body: string | Uint8Array): string | undefined {
  try {
    const text = typeof body === 'string' ? body : utf8.decode(body);
    return text.charCodeAt(0) === byteOrderMark ? text.slice(1) : text;
  } catch {
    return undefined;
  }
}

/** Undefined for what is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function eventOf(members: ReadonlyMap<string, unknown>, text: string, headers: ReadonlyMap<string, string>): StructuredEvent | string {
  const version = members.get('specversion') ?? specversion;
  if (version !== specversion) return `it is a CloudEvent of another specversion than "${specversion}"`;
  const all = laidOver(headers, members);
  if (typeof all === 'string') return all;
  const said = members.get('datacontenttype');
  const data = dataOf(members, text, typeof said === 'string' && said !== '' ? said : undefined);
  return typeof data === 'string' ? data : { headers: all, ...data };
}

/** Attributes are texts, numbers and booleans; null is none at all, and what is none of these is left out. */
function laidOver(headers: ReadonlyMap<string, string>, members: ReadonlyMap<string, unknown>): Map<string, string> | string {
  const all = new Map(headers);
  for (const [name, value] of members) {
    if (name === 'data' || name === 'data_base64') continue;
    if (typeof value === 'string') {
      if (value.length > longestAttribute) return `one of its attributes has more than ${String(longestAttribute)} characters`;
      all.set(attributePrefix + name, value);
    } else if (typeof value === 'number' || typeof value === 'boolean') all.set(attributePrefix + name, String(value));
  }
  return all;
}

function dataOf(
  members: ReadonlyMap<string, unknown>,
  text: string,
  said: string | undefined,
): Pick<StructuredEvent, 'data' | 'contentType'> | string {
  const encoded = members.get('data_base64') ?? undefined;
  const data = members.get('data');
  if (encoded !== undefined) {
    if (data !== undefined && data !== null) return 'it has both data and data_base64';
    const bytes = bytesOf(encoded);
    // Nothing is known of bytes that say nothing.
    return bytes === undefined ? 'its data_base64 is not valid base64' : { data: bytes, contentType: said ?? 'application/octet-stream' };
  }
  const contentType = said ?? jsonContentType;
  if (data === undefined) return { data: '', contentType };
  if (jsonType.test(contentType)) return { data: memberText(text, 'data'), contentType };
  if (typeof data === 'string') return { data, contentType };
  return `its datacontenttype is ${JSON.stringify(contentType.slice(0, 200))}, and its data is no text`;
}

/** Node skips what does not belong there: the bytes are too few then. */
function bytesOf(encoded: unknown): Buffer | undefined {
  if (typeof encoded !== 'string') return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  const padding = encoded.endsWith('==') ? 2 : encoded.endsWith('=') ? 1 : 0;
  return bytes.length === Math.floor(((encoded.length - padding) * 3) / 4) ? bytes : undefined;
}

/** JSON as it is, other texts as a text, bytes as base64. */
function dataMember(data: string | Uint8Array, contentType: string): string {
  // Written here: it is known to be JSON.
  if (typeof data === 'string' && contentType === jsonContentType) return `"data":${data}`;
  if (jsonType.test(contentType)) {
    const text = typeof data === 'string' ? data : decoded(data);
    // Blanks around it would not come back.
    if (text !== undefined && text.trim().length === text.length && parsed(text) !== undefined) return `"data":${text}`;
  } else if (typeof data === 'string') return `"data":${JSON.stringify(data.toWellFormed())}`;
  return `"data_base64":"${Buffer.from(data as string).toString('base64')}"`;
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
