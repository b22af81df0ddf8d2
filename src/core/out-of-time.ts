import { isPutBack } from './attempt.js';
import type { Subscription } from './catalog.js';
import type { Clock } from './clock.js';
import { TidingsError } from './errors.js';
import { wire } from './headers.js';
import type { Thrown } from './pipeline-chain.js';
import type { Run } from './run.js';

/** Whether it shall not be handled any more. What somebody has put back from an archive shall, whenever it was due. */
export function isExpired(headers: ReadonlyMap<string, string>, clock: Clock): boolean {
  const said = headers.get(wire.expiresAt);
  return said !== undefined && clock.now() >= Date.parse(said) && !isPutBack(headers);
}

/** One that was never handled is gone, as it would be at the broker; who asks has given up. What has failed before is kept for somebody to see. */
export function expiry({ attempt, envelope: { message } }: Run): Thrown | undefined {
  if (attempt === 1 || message.replyTo !== undefined) return undefined;
  const text = `its time passed at ${message.headers.get(wire.expiresAt) ?? ''}, between two attempts (ttlMs)`;
  return { error: new TidingsError('expired', text) };
}

export function listenerTimeout({ listener, event }: Subscription): TidingsError {
  const timeoutMs = String(listener.options.timeoutMs);
  return new TidingsError(
    'listener-timeout',
    `listener ${listener.name} took longer than its timeoutMs, ${timeoutMs} ms, for an event ${event.name}: heed context.signal, or raise it`,
    { retryable: true },
  );
}
