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

export interface AmqpOptions {
  /**
   * `amqp://user:password@host:5672` or `amqps://...`; several are tried in turn. User and password are percent-decoded.
   * Excludes `host` and `port`. Credentials given here win over `username` and `password`.
   */
  url?: string | readonly string[];
  /** @default 'localhost' */
  host?: string;
  /** @default 5672, with `tls` 5671 */
  port?: number;
  /** Without it the broker is asked for anonymous access. */
  username?: string;
  password?: string;
  /** Certificates and checks, as Node's `tls.connect` takes them. With `host`, giving it makes the connection encrypted. */
  tls?: TlsConnectionOptions;
  /**
   * 'management': through the broker's management address. 'attach': by attaching to them. 'none': the operator makes them, a
   * missing one is an error. Unset: management, or attach with one info line where the right is missing.
   */
  provisioning?: Provisioning;
  /**
   * 'plain' or 'qualified', which puts the event's name before the listener's.
   * @default 'plain'
   */
  queueNaming?: QueueNaming;
  /**
   * How text is written: as an AMQP string, which every client reads, or as a Data section with its content type.
   * @default 'value'
   */
  body?: 'value' | 'data';
  /**
   * A connection on which nothing came for twice this time is given up.
   * @default 15 000
   */
  idleTimeoutMs?: number;
  /** Waiting times between attempts: doubling from the first to the last, with jitter. Defaults 100 and 30 000. */
  reconnect?: { initialDelayMs?: number; maxDelayMs?: number };
}

export interface ResolvedAmqpOptions extends ReconnectDelays {
  readonly endpoints: readonly Endpoint[];
  readonly tls: TlsConnectionOptions;
  readonly provisioning: ProvisioningMode;
  readonly queueNaming: QueueNaming;
  readonly body: 'value' | 'data';
  readonly idleTimeoutMs: number;
}

const schemes: Schemes = {
  names: { amqp: { port: 5672, secure: false }, amqps: { port: 5671, secure: true } },
  plain: { port: 5672, secure: false },
  encrypted: { port: 5671, secure: true },
  example: 'amqp://user:password@host:5672',
};
const defaultIdleTimeoutMs = 15_000;

const schema = z.strictObject({
  ...addressShape,
  provisioning: z.enum(provisionings).optional(),
  queueNaming: z.enum(['plain', 'qualified']).optional(),
  body: z.enum(['value', 'data']).optional(),
  idleTimeoutMs: delayMs.optional(),
  reconnect: reconnectShape,
});

/** @throws ConfigurationError with all mistakes at once, none of which shows a value that may hold a secret. */
export function resolvedAmqpOptions(options: AmqpOptions): ResolvedAmqpOptions {
  const mistakes: string[] = [];
  const parsed = schema.safeParse(options);
  if (!parsed.success) mistakes.push(...optionMistakes(parsed.error.issues, { '': Object.keys(schema.shape) }));
  const endpoints = endpointsOf(options, schemes, mistakes);
  const delays = reconnectDelays(options.reconnect, mistakes);
  if (mistakes.length > 0) throw new ConfigurationError('options of AmqpProvider', mistakes);
  return Object.freeze({
    endpoints,
    tls: options.tls ?? {},
    provisioning: options.provisioning ?? 'automatic',
    queueNaming: options.queueNaming ?? 'plain',
    body: options.body ?? 'value',
    idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleTimeoutMs,
    ...delays,
  });
}
