import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { z } from 'zod';
import { ConfigurationError } from '../../core/errors.js';
import { optionMistakes } from '../../core/option-mistakes.js';
import type { QueueNaming } from '../../core/provider.js';

/** How queues come into being. */
export type Provisioning = 'management' | 'attach' | 'none';

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

/** One broker to try. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly credentials: Credentials | undefined;
}

export interface Credentials {
  readonly username: string;
  readonly password: string | undefined;
}

export interface ResolvedAmqpOptions {
  readonly endpoints: readonly Endpoint[];
  readonly tls: TlsConnectionOptions;
  readonly provisioning: Provisioning | 'automatic';
  readonly queueNaming: QueueNaming;
  readonly body: 'value' | 'data';
  readonly idleTimeoutMs: number;
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
}

const defaultHost = 'localhost';
const defaultPort = 5672;
const defaultSecurePort = 5671;
const defaultIdleTimeoutMs = 15_000;
const defaultInitialDelayMs = 100;
const defaultMaxDelayMs = 30_000;
// A timer of Node cannot wait longer.
const longestMs = 2 ** 31 - 1;

const delayMs = z.number().int().min(1).max(longestMs);

const schema = z.strictObject({
  url: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  host: z.string().min(1).optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  username: z.string().min(1).optional(),
  password: z.string().optional(),
  tls: z
    .custom<TlsConnectionOptions>((value) => typeof value === 'object' && value !== null, 'must be an object as tls.connect() takes it')
    .optional(),
  provisioning: z.enum(['management', 'attach', 'none']).optional(),
  queueNaming: z.enum(['plain', 'qualified']).optional(),
  body: z.enum(['value', 'data']).optional(),
  idleTimeoutMs: delayMs.optional(),
  reconnect: z.strictObject({ initialDelayMs: delayMs.optional(), maxDelayMs: delayMs.optional() }).optional(),
});

/** @throws ConfigurationError with all mistakes at once, none of which shows a value that may hold a secret. */
export function resolvedAmqpOptions(options: AmqpOptions): ResolvedAmqpOptions {
  const mistakes: string[] = [];
  const parsed = schema.safeParse(options);
  if (!parsed.success) mistakes.push(...optionMistakes(parsed.error.issues, { '': Object.keys(schema.shape) }));
  const endpoints = endpointsOf(options, mistakes);
  const initialDelayMs = options.reconnect?.initialDelayMs ?? defaultInitialDelayMs;
  const maxDelayMs = options.reconnect?.maxDelayMs ?? Math.max(defaultMaxDelayMs, initialDelayMs);
  if (initialDelayMs > maxDelayMs) mistakes.push('reconnect.maxDelayMs must not be below reconnect.initialDelayMs');
  if (mistakes.length > 0) throw new ConfigurationError('options of AmqpProvider', mistakes);
  return Object.freeze({
    endpoints,
    tls: options.tls ?? {},
    provisioning: options.provisioning ?? 'automatic',
    queueNaming: options.queueNaming ?? 'plain',
    body: options.body ?? 'value',
    idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleTimeoutMs,
    initialDelayMs,
    maxDelayMs,
  });
}

function endpointsOf(options: AmqpOptions, mistakes: string[]): Endpoint[] {
  const given = typeof options.username === 'string' ? { username: options.username, password: options.password } : undefined;
  if (options.username === undefined && options.password !== undefined) mistakes.push('password: is of no use without username');
  if (options.url === undefined) {
    const secure = options.tls !== undefined;
    const port = options.port ?? (secure ? defaultSecurePort : defaultPort);
    return [{ host: options.host ?? defaultHost, port, secure, credentials: given }];
  }
  if (options.host !== undefined || options.port !== undefined) mistakes.push('url: excludes host and port');
  const urls = Array.isArray(options.url) ? (options.url as readonly unknown[]) : [options.url];
  const endpoints = urls.flatMap((url, index) => {
    const endpoint = endpointOf(url, given);
    if (typeof endpoint !== 'string') return [endpoint];
    // The text of a URL is never shown: it may hold a password.
    mistakes.push(`${urls.length === 1 ? 'url' : `url[${String(index)}]`}: ${endpoint}`);
    return [];
  });
  if (options.tls !== undefined && endpoints.some(({ secure }) => !secure))
    mistakes.push('tls: needs amqps:// in url; with amqp:// nothing is encrypted');
  return endpoints;
}

function endpointOf(text: unknown, given: Credentials | undefined): Endpoint | string {
  if (typeof text !== 'string' || !URL.canParse(text))
    return 'is no URL; write amqp://user:password@host:5672, with special characters percent-encoded';
  const url = new URL(text);
  if (url.protocol !== 'amqp:' && url.protocol !== 'amqps:') return 'must begin with amqp:// or amqps://';
  if (url.hostname === '') return 'names no host';
  if (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '') return 'must end after the port';
  const secure = url.protocol === 'amqps:';
  const port = url.port === '' ? (secure ? defaultSecurePort : defaultPort) : Number(url.port);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  try {
    const username = decodeURIComponent(url.username);
    const password = url.password === '' ? undefined : decodeURIComponent(url.password);
    return { host, port, secure, credentials: username === '' ? given : { username, password } };
  } catch {
    return 'has a user or password that is not percent-encoded rightly';
  }
}
