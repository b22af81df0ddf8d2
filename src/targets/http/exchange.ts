import { Buffer } from 'node:buffer';
import { describe, RetryLater } from '../../core/errors.js';
import type { Clock } from '../../core/clock.js';
import { TargetRefusal } from '../target-refusal.js';
import { PrivateAddress } from './addresses.js';
import type { RequestUrl } from './request-url.js';
import { retryAfterMs } from './retry-after.js';
import type { Answer, Call } from './undici-driver.js';

/** The target did not take the event, and may take it next time. */
export class HttpFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HttpFailure';
  }
}

/** A request, filled in. Names of headers are in lower case. */
export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** They may hold secrets: for the host that the rule says, and for no other that a redirect leads to. */
  readonly confided: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

export interface ExchangeOptions {
  readonly rule: string;
  readonly url: RequestUrl;
  /** Most that are followed. */
  readonly redirects: number;
  readonly privateAddresses: 'refuse' | 'allow';
  readonly driver: { call(call: Call): Promise<Answer> };
  readonly clock: Clock;
}

/** Of an answer, in errors. */
const longestExcerpt = 1_024;
const longestPath = 200;
/** Shorter values of headers are no secrets, and stand in many texts. */
const shortestSecret = 8;

/** Requests of one rule, and what their answers mean. */
export class Exchange {
  readonly #options: ExchangeOptions;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** For messages: without the query, as that may hold secrets. */
  named({ method, url }: HttpRequest): string {
    const path = url.pathname.length > longestPath ? `${url.pathname.slice(0, longestPath)}...` : url.pathname;
    return `rule '${this.#options.rule}': ${method} ${url.origin}${path}`;
  }

  /** Resolves when the target has taken it: its answer was a 2xx, and came whole as far as it is read. */
  async run(request: HttpRequest, signal: AbortSignal): Promise<void> {
    let current = request;
    for (let followed = 0; ; followed++) {
      const answer = await this.#ask(current, signal);
      if (answer.status >= 200 && answer.status < 300) return;
      const next = this.#redirected(current, answer);
      if (next === undefined) throw this.#failure(current, answer);
      if (followed >= this.#options.redirects) throw this.#refusal(current, answer, tooMany(next.url, this.#options.redirects));
      current = next;
    }
  }

  async #ask(request: HttpRequest, signal: AbortSignal): Promise<Answer> {
    const { driver, url, privateAddresses } = this.#options;
    try {
      return await driver.call({
        ...request,
        headers: { ...request.headers, ...request.confided },
        // The host that the rule itself says may be anywhere.
        onlyPublic: privateAddresses === 'refuse' && request.url.origin !== url.origin,
        signal,
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof PrivateAddress)
        throw new TargetRefusal(`${this.named(request)}: ${error.message}; 'privateAddresses: allow' lets it`, { cause: error });
      throw new HttpFailure(`${this.named(request)}: ${networkFault(error)}`, { cause: error });
    }
  }

  /** What to ask next; undefined: the answer is no redirect. As the Fetch standard has it, but that no event is left out on the way. */
  #redirected(request: HttpRequest, answer: Answer): HttpRequest | undefined {
    if (!redirects.has(answer.status) || answer.location === undefined) return undefined;
    if (!URL.canParse(answer.location, request.url.href)) throw this.#refusal(request, answer, 'to what is no URL');
    const url = new URL(answer.location, request.url);
    url.username = url.password = url.hash = '';
    this.#check(request, answer, url);
    const next = { ...request, url, confided: url.origin === request.url.origin ? request.confided : {} };
    if (keepsMethod(request.method, answer.status)) return next;
    if (answer.status !== 303)
      throw this.#refusal(request, answer, `to ${shown(url)}, where a POST would become a GET without the event: give the rule that url`);
    return { ...next, method: 'GET', body: undefined, headers: ofNoBody(next.headers), confided: ofNoBody(next.confided) };
  }

  #check(request: HttpRequest, answer: Answer, to: URL): void {
    const { url, redirects: most } = this.#options;
    if (most === 0) return;
    if (request.url.protocol === 'https:' && to.protocol === 'http:') throw this.#refusal(request, answer, `to ${shown(to)}, out of https`);
    if (!url.mayFollow(to)) throw this.#refusal(request, answer, `to ${shown(to)}, which 'hosts' does not list`);
  }

  #failure(request: HttpRequest, answer: Answer): Error {
    if (!isPassing(answer.status)) return this.#refusal(request, answer);
    const failure = new HttpFailure(this.#told(request, answer));
    const delayMs = retryAfterMs(answer.retryAfter, this.#options.clock.now());
    return delayMs === undefined ? failure : new RetryLater(delayMs, { cause: failure });
  }

  #refusal(request: HttpRequest, answer: Answer, redirect?: string): TargetRefusal {
    return new TargetRefusal(this.#told(request, answer, redirect));
  }

  #told(request: HttpRequest, { status, body }: Answer, redirect?: string): string {
    const what = `${this.named(request)} answered ${String(status)}`;
    if (redirect !== undefined) return `${what} ${redirect}`;
    const excerpt = excerptOf(body, Object.values(request.confided));
    return excerpt === '' ? what : `${what}: ${excerpt}`;
  }
}

const redirects = new Set([301, 302, 303, 307, 308]);

function keepsMethod(method: string, status: number): boolean {
  if (status === 303) return method === 'GET' || method === 'HEAD';
  return status === 307 || status === 308 || method !== 'POST';
}

/** May be otherwise the next time. */
function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

function tooMany(to: URL, most: number): string {
  return most === 0 ? `to ${shown(to)}: 'redirects: 1' follows one` : `to ${shown(to)}, after ${String(most)} redirects`;
}

function ofNoBody(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-type' && !name.startsWith('webhook-')));
}

function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname.slice(0, longestPath)}`;
}

/** One line of printable text. A target may repeat what it was given in confidence. */
function excerptOf(body: Uint8Array, secrets: readonly string[]): string {
  let text = Buffer.from(body).toString();
  for (const secret of secrets.flatMap((value) => [value, ...value.split(' ')]))
    if (secret.length >= shortestSecret) text = text.replaceAll(secret, '***');
  const line = text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
  return line.length > longestExcerpt ? `${line.slice(0, longestExcerpt).toWellFormed()}...` : line;
}

/** Where several addresses were tried, the error itself has no message: the first of those that it holds has. */
function networkFault(error: unknown): string {
  const { message, errors } = error as { readonly message?: unknown; readonly errors?: readonly unknown[] };
  const first = errors?.[0];
  if (message === '' && first !== undefined) return networkFault(first);
  return typeof message === 'string' && message !== '' ? message : describe(error);
}
