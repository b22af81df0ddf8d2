import type { createClient } from 'redis';
import { ConfigurationError, TidingsError, type TidingsErrorCode } from '../../core/errors.js';
import { optionalPeer } from '../../core/optional-peer.js';
import type { BrokerUrl } from '../links/broker-url.js';
import { said } from '../links/said.js';
import type { Link } from '../links/shared-link.js';

export type RedisLibrary = typeof import('redis');
type Client = Pick<ReturnType<typeof createClient>, 'connect' | 'isReady' | 'sendCommand' | 'close' | 'on'>;

/** Loads `redis`, which only those need who have such rules. `kind`: of the rules. */
export async function loadRedis(kind: string, load = () => import('redis')): Promise<RedisLibrary> {
  const library = await optionalPeer('redis', load);
  if (library !== undefined) return library;
  throw new ConfigurationError(`rules of kind ${kind} for Redis`, ['the package redis is not installed; run npm install redis']);
}

/** A connection to Redis. */
export class RedisLink implements Link {
  readonly #library: RedisLibrary;
  readonly #name: string;
  readonly #client: Client;

  private constructor(library: RedisLibrary, name: string, client: Client) {
    this.#library = library;
    this.#name = name;
    this.#client = client;
  }

  /** `name`: for people. The signal ends the socket. */
  static async open(library: RedisLibrary, url: BrokerUrl, name: string, signal: AbortSignal): Promise<RedisLink> {
    const { host, port, secure, username, password, path } = url;
    const where = { host, port, reconnectStrategy: false as const, signal };
    const client: Client = library.createClient({
      socket: secure ? { ...where, tls: true } : where,
      ...(username === undefined ? undefined : { username }),
      ...(password === undefined ? undefined : { password }),
      database: Number(path),
      // Old servers know no other, and what stands in for them neither.
      RESP: 2,
      disableClientInfo: true,
      disableOfflineQueue: true,
    });
    // Whoever waits is told by his own promise.
    client.on('error', () => undefined);
    const link = new RedisLink(library, name, client);
    try {
      await client.connect();
      return link;
    } catch (error) {
      throw link.#error(error, 'cannot be reached');
    }
  }

  get isOpen(): boolean {
    return this.#client.isReady;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** Puts a text at the head of a list. Resolves when Redis has it. */
  async push(list: string, text: string): Promise<void> {
    try {
      await this.#client.sendCommand(['LPUSH', list, text]);
    } catch (error) {
      throw this.#error(error, `did not take a message into the list '${list}'`);
    }
  }

  /** All of it can be mended by the operator. */
  #error(error: unknown, what: string): TidingsError {
    const why = said(error);
    const text = `${this.#name} ${what}: ${why}`;
    return new TidingsError(error instanceof this.#library.ErrorReply ? codeOf(why) : 'connection', text, {
      retryable: true,
      cause: error,
    });
  }
}

function codeOf(why: string): TidingsErrorCode {
  if (/^(?:NOAUTH|WRONGPASS)\b/.test(why)) return 'authentication';
  return why.startsWith('NOPERM') ? 'permission' : 'send-refused';
}
