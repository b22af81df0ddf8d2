import type { z } from 'zod';
import type { RuleFields } from '../rule-fields.js';

/** Where a broker is, and who we are there. */
export interface BrokerUrl {
  readonly protocol: string;
  /** Over TLS. */
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** Undefined where the URL names nobody. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** What stands after the host, without its slash. */
  readonly path: string;
  /** For people: without user and password. */
  readonly shown: string;
}

/** The port that a protocol has where the URL does not say one. */
export type Protocols = Readonly<Record<string, number>>;

export const amqpProtocols: Protocols = { amqp: 5672, amqps: 5671 };
export const redisProtocols: Protocols = { redis: 6379, rediss: 6379 };

/** A field of a rule that holds the URL of a broker. What is wrong with it is told without its text, which may hold a password. */
export function brokerUrlField(fields: RuleFields, protocols: Protocols): z.ZodType<BrokerUrl> {
  return fields.text().transform((text, context) => {
    const read = readBrokerUrl(text, protocols);
    if (typeof read === 'object') return read;
    context.issues.push({ code: 'custom', input: text, message: read });
    return { protocol: '', secure: false, host: '', port: 0, username: undefined, password: undefined, path: '', shown: '' };
  });
}

/** What is wrong with the text, where it is no URL of such a broker. */
export function readBrokerUrl(text: string, protocols: Protocols): BrokerUrl | string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocol = url?.protocol.slice(0, -1) ?? '';
  const port = Object.hasOwn(protocols, protocol) ? protocols[protocol] : undefined;
  if (url === undefined || port === undefined || url.hostname === '') {
    const known = Object.keys(protocols).map((name) => `${name}://`);
    return `must be a URL that begins with ${known.join(' or ')}; what means something in a URL is percent-encoded in names and passwords`;
  }
  if (url.search !== '' || url.hash !== '') return `nothing is read behind '?' or '#': remove it, and write '%23' for '#' in a password`;
  try {
    const path = decodeURIComponent(url.pathname.slice(1));
    const mistake = protocol.startsWith('redis') ? databaseMistake(path) : undefined;
    if (mistake !== undefined) return mistake;
    return {
      protocol,
      secure: protocol.endsWith('s') && protocol !== 'redis',
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? port : Number(url.port),
      username: url.username === '' ? undefined : decodeURIComponent(url.username),
      password: url.password === '' ? undefined : decodeURIComponent(url.password),
      path,
      shown: `${protocol}://${url.hostname}:${url.port === '' ? String(port) : url.port}${url.pathname}`,
    };
  } catch {
    return "a '%' in it is not followed by two hexadecimal digits: write '%25'";
  }
}

function databaseMistake(path: string): string | undefined {
  return /^\d{0,5}$/.test(path) ? undefined : 'what stands after the host is the number of a database, as in redis://127.0.0.1:6379/0';
}
