import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { z } from 'zod';
import type { ProviderEndpoint } from '../../core/provider.js';

/** Where a broker is, as a user says it. */
export interface AddressOptions {
  readonly url?: string | readonly string[];
  readonly host?: string;
  readonly port?: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsConnectionOptions;
}

/** One broker to try. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly credentials: Credentials | undefined;
  /** Given: a WebSocket to this path. */
  readonly webSocketPath?: string;
}

export interface Credentials {
  readonly username: string;
  readonly password: string | undefined;
}

export interface Scheme {
  readonly port: number;
  readonly secure: boolean;
  readonly webSocket?: boolean;
}

/** The schemes of one protocol: the first is that of `host` and `port`, the second the same with `tls`. */
export interface Schemes {
  readonly names: Readonly<Record<string, Scheme>>;
  readonly plain: Scheme;
  readonly encrypted: Scheme;
  /** For messages. */
  readonly example: string;
}

/** For documents: `plain` and `encrypted` as AsyncAPI names them. */
export interface Protocol {
  readonly scheme: string;
  readonly plain: string;
  readonly encrypted: string;
  readonly version: string;
}

const defaultHost = 'localhost';

/** What the options of every broker provider have in common. */
export const addressShape = {
  url: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  host: z.string().min(1).optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  username: z.string().min(1).optional(),
  password: z.string().optional(),
  tls: z
    .custom<TlsConnectionOptions>((value) => typeof value === 'object' && value !== null, 'must be an object as tls.connect() takes it')
    .optional(),
};

/** Adds to `mistakes`, none of which shows a value that may hold a secret. */
export function endpointsOf(options: AddressOptions, schemes: Schemes, mistakes: string[]): Endpoint[] {
  const given = typeof options.username === 'string' ? { username: options.username, password: options.password } : undefined;
  if (options.username === undefined && options.password !== undefined) mistakes.push('password: is of no use without username');
  if (options.url === undefined) {
    const { port, secure } = options.tls === undefined ? schemes.plain : schemes.encrypted;
    return [{ host: options.host ?? defaultHost, port: options.port ?? port, secure, credentials: given }];
  }
  if (options.host !== undefined || options.port !== undefined) mistakes.push('url: excludes host and port');
  const urls = Array.isArray(options.url) ? (options.url as readonly unknown[]) : [options.url];
  const endpoints = urls.flatMap((url, index) => {
    const endpoint = endpointOf(url, schemes, given);
    if (typeof endpoint !== 'string') return [endpoint];
    // The text of a URL is never shown: it may hold a password.
    mistakes.push(`${urls.length === 1 ? 'url' : `url[${String(index)}]`}: ${endpoint}`);
    return [];
  });
  if (options.tls !== undefined && endpoints.some(({ secure }) => !secure)) {
    const [encrypted, plain] = [namesOf(schemes, true), namesOf(schemes, false)];
    mistakes.push(`tls: needs ${encrypted.join(' or ')} in url; with ${plain.join(' or ')} nothing is encrypted`);
  }
  return endpoints;
}

/** What may be told of them: neither who connects, nor the query of a WebSocket, which may hold a token. */
export function toldEndpoints(endpoints: readonly Endpoint[], protocol: Protocol): readonly ProviderEndpoint[] {
  const told = endpoints.map(({ host, port, secure, webSocketPath }) => {
    const scheme = webSocketPath === undefined ? protocol.scheme : 'ws';
    const place = `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
    return {
      url: `${scheme}${secure ? 's' : ''}://${place}${webSocketPath?.replace(/\?.*$/s, '') ?? ''}`,
      protocol: secure ? protocol.encrypted : protocol.plain,
      protocolVersion: protocol.version,
    };
  });
  return Object.freeze(told.map((one) => Object.freeze(one)));
}

function endpointOf(text: unknown, schemes: Schemes, given: Credentials | undefined): Endpoint | string {
  if (typeof text !== 'string' || !URL.canParse(text))
    return `is no URL; write ${schemes.example}, with special characters percent-encoded`;
  const url = new URL(text);
  const scheme = schemes.names[url.protocol.slice(0, -1)];
  if (scheme === undefined) return `must begin with ${[...namesOf(schemes, false), ...namesOf(schemes, true)].join(' or ')}`;
  if (url.hostname === '') return 'names no host';
  const webSocket = scheme.webSocket === true;
  if ((!webSocket && (!['', '/'].includes(url.pathname) || url.search !== '')) || url.hash !== '') return 'must end after the port';
  // The ports that a URL may leave out are those of the web, not of the protocol.
  const port = url.port === '' ? scheme.port : Number(url.port);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  try {
    const username = decodeURIComponent(url.username);
    const password = url.password === '' ? undefined : decodeURIComponent(url.password);
    return {
      host,
      port,
      secure: scheme.secure,
      credentials: username === '' ? given : { username, password },
      ...(webSocket && { webSocketPath: `${url.pathname}${url.search}` }),
    };
  } catch {
    return 'has a user or password that is not percent-encoded rightly';
  }
}

function namesOf({ names }: Schemes, secure: boolean): string[] {
  return Object.keys(names)
    .filter((name) => names[name]?.secure === secure)
    .map((name) => `${name}://`);
}
