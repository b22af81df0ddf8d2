import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.js';
import { optionMistakes } from '../../core/option-mistakes.js';
import type { QueueNaming } from '../../core/provider.js';
import { provisionings } from '../artemis/provisioning-mode.js';
import type { Provisioning, ProvisioningMode } from '../artemis/provisioning-mode.js';
import { addressShape, endpointsOf } from '../network/endpoints.js';
import type { Endpoint, Schemes } from '../network/endpoints.js';
import { delayMs, reconnectDelays, reconnectShape } from '../network/reconnect.js';
import type { ReconnectDelays } from '../network/reconnect.js';

export interface StompOptions {
  /**
   * `stomp://user:password@host:61613`, `stomps://...` with TLS, `ws://host:61613/stomp` or `wss://...` over a WebSocket, which needs the
   * package `ws`; several are tried in turn. User and password are percent-decoded. Excludes `host` and `port`. Credentials given here win
   * over `username` and `password`.
   */
  url?: string | readonly string[];
  /** @default 'localhost' */
  host?: string;
  /** @default 61613, with `tls` 61612 */
  port?: number;
  /** Without it the broker is asked for anonymous access. */
  username?: string;
  password?: string;
  /** Certificates and checks, as Node's `tls.connect` takes them. With `host`, giving it makes the connections encrypted. */
  tls?: TlsConnectionOptions;
  /**
   * 'management': through the broker's management address. 'attach': by subscribing to them. 'none': the operator makes them, a
   * missing one is an error. Unset: management, or attach with one info line where the right is missing.
   */
  provisioning?: Provisioning;
  /**
   * 'plain' or 'qualified', which puts the event's name before the listener's.
   * @default 'plain'
   */
  queueNaming?: QueueNaming;
  /**
   * Both sides send a sign of life this often, in milliseconds; a connection on which nothing came for twice this time is given up.
   * @default 10 000
   */
  heartbeatMs?: number;
  /**
   * Bytes of one message, headers included, that the window of a listener is reckoned by: the broker sends ahead up to
   * (concurrency + prefetch) x this, and one message at least.
   * @default 4 352
   */
  windowMessageBytes?: number;
  /** Waiting times between attempts: doubling from the first to the last, with jitter. Defaults 100 and 30 000. */
  reconnect?: { initialDelayMs?: number; maxDelayMs?: number };
}

export interface ResolvedStompOptions extends ReconnectDelays {
  readonly endpoints: readonly Endpoint[];
  readonly tls: TlsConnectionOptions;
  readonly provisioning: ProvisioningMode;
  readonly queueNaming: QueueNaming;
  readonly heartbeatMs: number;
  readonly windowMessageBytes: number;
}

const plain = { port: 61_613, secure: false };
const encrypted = { port: 61_612, secure: true };
const schemes: Schemes = {
  names: { stomp: plain, ws: { ...plain, webSocket: true }, stomps: encrypted, wss: { ...encrypted, webSocket: true } },
  plain,
  encrypted,
  example: 'stomp://user:password@host:61613',
};
const defaultHeartbeatMs = 10_000;
// 4 KiB of body and the headers of an event.
const defaultWindowMessageBytes = 4_352;

const schema = z.strictObject({
  ...addressShape,
  provisioning: z.enum(provisionings).optional(),
  queueNaming: z.enum(['plain', 'qualified']).optional(),
  heartbeatMs: delayMs.optional(),
  windowMessageBytes: z.number().int().min(1).max(100_000_000).optional(),
  reconnect: reconnectShape,
});

/** @throws ConfigurationError with all mistakes at once, none of which shows a value that may hold a secret. */
export function resolvedStompOptions(options: StompOptions): ResolvedStompOptions {
  const mistakes: string[] = [];
  const parsed = schema.safeParse(options);
  if (!parsed.success) mistakes.push(...optionMistakes(parsed.error.issues, { '': Object.keys(schema.shape) }));
  const endpoints = endpointsOf(options, schemes, mistakes);
  const delays = reconnectDelays(options.reconnect, mistakes);
  if (mistakes.length > 0) throw new ConfigurationError('options of StompProvider', mistakes);
  return Object.freeze({
    endpoints,
    tls: options.tls ?? {},
    provisioning: options.provisioning ?? 'automatic',
    queueNaming: options.queueNaming ?? 'plain',
    heartbeatMs: options.heartbeatMs ?? defaultHeartbeatMs,
    windowMessageBytes: options.windowMessageBytes ?? defaultWindowMessageBytes,
    ...delays,
  });
}
