import { Buffer } from 'node:buffer';
import { lookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { Agent } from 'undici';
import { isPublicAddress, literalAddress, PrivateAddress } from './addresses.js';

/** One request, and how it may be carried out. */
export interface Call {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  /** Only to an address that is public. */
  readonly onlyPublic: boolean;
  readonly signal: AbortSignal;
}

/** What came back: the begin of it, where it is longer than what is read. */
export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly retryAfter: string | undefined;
  readonly body: Uint8Array;
}

export interface UndiciDriverOptions {
  readonly connectTimeoutMs: number;
  /** Of an answer's body. One that is longer costs its connection. */
  readonly maxAnswerBytes: number;
  /** Where addresses of hosts come from: `dns.lookup` of Node, unless a test knows better. */
  readonly resolve?: LookupFunction;
}

/** The one place that knows undici. Connections are kept open for a few seconds, for the next request. */
export class UndiciDriver {
  readonly #maxAnswerBytes: number;
  readonly #toAny: Agent;
  readonly #toPublic: Agent;

  constructor({ connectTimeoutMs, maxAnswerBytes, resolve = lookup }: UndiciDriverOptions) {
    this.#maxAnswerBytes = maxAnswerBytes;
    // A request has one deadline for all of it: its signal.
    const options = { headersTimeout: 0, bodyTimeout: 0 };
    this.#toAny = new Agent({ ...options, connect: { timeout: connectTimeoutMs, lookup: resolve } });
    this.#toPublic = new Agent({ ...options, connect: { timeout: connectTimeoutMs, lookup: publicOnly(resolve) } });
  }

  /** Rejects with the signal's reason, with PrivateAddress, or with what went wrong on the network: then the request may have arrived. */
  async call({ method, url, headers, body, onlyPublic, signal }: Call): Promise<Answer> {
    const literal = literalAddress(url.hostname);
    if (onlyPublic && literal !== undefined && !isPublicAddress(literal)) throw new PrivateAddress(url.hostname);
    const answer = await (onlyPublic ? this.#toPublic : this.#toAny).request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: method,
      headers,
      body: body ?? null,
      signal,
    });
    return {
      status: answer.statusCode,
      location: first(answer.headers['location']),
      retryAfter: first(answer.headers['retry-after']),
      body: await beginOf(answer.body, this.#maxAnswerBytes),
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#toAny.destroy(), this.#toPublic.destroy()]);
  }
}

/** Judges the very addresses that the socket then connects to: a name that changes its address in between changes nothing. */
export function publicOnly(resolve: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      const addresses = found as unknown as readonly LookupAddress[];
      if (error !== null) callback(error, '');
      else if (!addresses.every(({ address }) => isPublicAddress(address))) callback(new PrivateAddress(hostname), '');
      else if (options.all === true) callback(null, [...addresses]);
      else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
    });
  };
}

/** All of it, or its begin. The stream is at its end or destroyed afterwards. */
async function beginOf(body: Readable, most: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.byteLength;
    if (size > most) break;
  }
  return Buffer.concat(parts).subarray(0, most);
}

function first(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}
