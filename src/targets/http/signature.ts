import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { headerText } from './header-text.js';

const prefix = 'whsec_';

/** What is wrong with a secret; it is not quoted. */
export function secretMistake(secret: string): string | undefined {
  const bytes = keyOf(secret).byteLength;
  const isBase64 = secret.startsWith(prefix) && /^[A-Za-z0-9+/]+={0,2}$/.test(secret.slice(prefix.length));
  if (isBase64 && bytes >= 24 && bytes <= 64) return undefined;
  return `must be '${prefix}' and 24 to 64 bytes in base64 behind it, as in: echo ${prefix}$(openssl rand -base64 32)`;
}

/** What is signed: the same id for each attempt, its time, and the body as it is sent. */
export interface Signed {
  readonly id: string;
  readonly atMs: number;
  readonly body: Uint8Array | undefined;
}

/**
 * Headers by Standard Webhooks 1.0 (https://www.standardwebhooks.com, "Signature scheme" and "Webhook headers"): HMAC-SHA256 of id, time and
 * body with full stops between them, one for each secret.
 */
export function signatureHeaders(secrets: readonly string[], { id, atMs, body }: Signed): Record<string, string> {
  // A full stop in the id could be taken for the end of it.
  const said = headerText(id).replaceAll('.', '%2E');
  const at = String(Math.floor(atMs / 1_000));
  const signatures = secrets.map((secret) => {
    const signature = createHmac('sha256', keyOf(secret))
      .update(`${said}.${at}.`)
      .update(body ?? '');
    return `v1,${signature.digest('base64')}`;
  });
  return { 'webhook-id': said, 'webhook-timestamp': at, 'webhook-signature': signatures.join(' ') };
}

function keyOf(secret: string): Buffer {
  return Buffer.from(secret.slice(prefix.length), 'base64');
}
