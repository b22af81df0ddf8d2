import type { EventDescriptor } from '../core/descriptors.js';
import { undecodable } from './undecodable.js';

const readable = /^(?:application\/(?:json|octet-stream)|text\/[^/\s]+|[^/\s]+\/[^/\s]+\+json)$/;
const written = /^(?:application\/json|[^/\s]+\/[^/\s]+\+json)$/;
const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i;
const charsets = new Set(['utf-8', 'utf8', 'us-ascii']);

/**
 * Refuses what says that it is something else than JSON. Senders and brokers call JSON by many names, or say nothing; whether it is
 * JSON is then told by reading it.
 */
export function refuseForeignType(contentType: string | undefined, descriptor: EventDescriptor): void {
  if (contentType === undefined || contentType === 'application/json') return;
  const type = nameOf(contentType);
  if ((type === '' || readable.test(type)) && isUnicode(contentType)) return;
  throw undecodable(descriptor, `its content type is ${JSON.stringify(contentType.slice(0, 200))}, expected JSON in UTF-8`);
}

/** Whether a sender may call JSON so: what every reader takes for JSON by its name. */
export function isJsonType(contentType: string): boolean {
  return written.test(nameOf(contentType)) && isUnicode(contentType);
}

function nameOf(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

function isUnicode(contentType: string): boolean {
  const encoding = charset.exec(contentType)?.[1]?.toLowerCase();
  return encoding === undefined || charsets.has(encoding);
}
