import { Buffer } from 'node:buffer';
import { traceHeaders } from '../../core/headers.js';
import { asText } from '../expressions/functions.js';
import { inField } from '../in-field.js';
import type { Filling, RuleEvent } from '../rule-event.js';
import type { RuleFields } from '../rule-fields.js';
import type { Target, TargetHost, TargetKind } from '../target-kind.js';
import { TargetRefusal } from '../target-refusal.js';
import { bodyOf, fieldsText, structuredBody, type Body } from './body.js';
import { binaryHeaders } from './cloud-event.js';
import { Exchange, HttpFailure, type HttpRequest } from './exchange.js';
import { headerText, isHeaderValue } from './header-text.js';
import { HostList } from './host-list.js';
import { bodiless, httpOptions, type HttpOptions } from './http-options.js';
import { longestHead, RequestUrl } from './request-url.js';
import { signatureHeaders } from './signature.js';
import { UndiciDriver } from './undici-driver.js';

/** The kind `http`: one request for each event. */
export const httpTarget: TargetKind<HttpOptions> = {
  options: (fields: RuleFields) => httpOptions(fields),
  open: (options, host) => new HttpTarget(options, host),
};

/** A request, and its body as people read it. */
export interface HttpShipment extends HttpRequest {
  readonly shownBody: unknown;
}

class HttpTarget implements Target<HttpShipment> {
  readonly #options: HttpOptions;
  readonly #host: TargetHost;
  readonly #url: RequestUrl;
  readonly #driver: UndiciDriver;
  readonly #exchange: Exchange;
  readonly #authorization: Readonly<Record<string, string>>;

  constructor(options: HttpOptions, host: TargetHost) {
    const { timeoutMs, maxAnswerBytes, redirects, privateAddresses, hosts } = options;
    this.#options = options;
    this.#host = host;
    this.#url = new RequestUrl(options.url, new HostList(hosts));
    this.#driver = new UndiciDriver({ connectTimeoutMs: timeoutMs, maxAnswerBytes });
    this.#exchange = new Exchange({
      rule: host.rule,
      url: this.#url,
      redirects,
      privateAddresses,
      driver: this.#driver,
      clock: host.clock,
    });
    this.#authorization = authorizationOf(options, this.#url.user);
  }

  prepare(filling: Filling): HttpShipment {
    const { method } = this.#options;
    const url = this.#filledUrl(filling);
    const body = this.#body(filling);
    const headers: Record<string, string> = {
      'user-agent': 'tidings',
      'idempotency-key': headerText(filling.event.id),
      ...traceOf(filling.event),
      ...(this.#options.cloudEvents === 'binary' ? binaryHeaders(filling.event) : undefined),
      ...(body === undefined ? undefined : { 'content-type': body.contentType }),
    };
    const confided: Record<string, string> = { ...this.#authorization, ...this.#signature(filling, body) };
    // What the rule sets takes the place of what every request has, and is confided to its host alone otherwise.
    for (const [name, value] of this.#ownHeaders(filling)) (name in headers ? headers : confided)[name] = value;
    checkHead(url, { ...headers, ...confided });
    return { method, url, headers, confided, body: body?.bytes, shownBody: body?.shown };
  }

  async deliver(shipment: HttpShipment, signal: AbortSignal): Promise<void> {
    const { timeoutMs } = this.#options;
    const over = new AbortController();
    const end = (): void => {
      over.abort(signal.reason);
    };
    const timer = this.#host.clock.schedule(timeoutMs, () => {
      over.abort(new HttpFailure(`${this.#exchange.named(shipment)}: no whole answer in ${String(timeoutMs)} ms`));
    });
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    try {
      await this.#exchange.run(shipment, over.signal);
    } finally {
      signal.removeEventListener('abort', end);
      timer.cancel();
    }
  }

  show({ method, url, headers, confided, shownBody }: HttpShipment): unknown {
    const shown = { ...headers, ...confided };
    for (const name of masked) if (name in shown) shown[name] = '***';
    return { method, url: url.href, headers: shown, ...(shownBody === undefined ? undefined : { body: shownBody }) };
  }

  close(): Promise<void> {
    return this.#driver.close();
  }

  #filledUrl(filling: Filling): URL {
    const url = inField('url', () => this.#url.fill(filling));
    const { query } = this.#options;
    if (query === undefined) return url;
    const more = fieldsText(
      'query',
      inField('query', () => query.render(filling)),
    );
    if (more !== '') url.search = url.search === '' ? more : `${url.search}&${more}`;
    return url;
  }

  #body(filling: Filling): Body | undefined {
    const { method, cloudEvents } = this.#options;
    const form = (['json', 'form', 'body'] as const).find((name) => this.#options[name] !== undefined);
    if (form === undefined && bodiless.includes(method)) return undefined;
    const template = form === undefined ? undefined : this.#options[form];
    const value = template === undefined ? filling.event.data : inField(String(form), () => template.render(filling));
    if (cloudEvents === 'structured') return structuredBody(form === 'body' ? 'body' : 'json', value, filling.event);
    return bodyOf(form ?? 'json', value);
  }

  #signature({ event, world }: Filling, body: Body | undefined): Record<string, string> | undefined {
    const { signature } = this.#options;
    if (signature === undefined) return undefined;
    const { secret, formerSecret } = signature;
    const secrets = formerSecret === undefined ? [secret] : [secret, formerSecret];
    return signatureHeaders(secrets, { id: event.id, atMs: world.now(), body: body?.bytes });
  }

  #ownHeaders(filling: Filling): [name: string, value: string][] {
    const found: [string, string][] = [];
    for (const [name, template] of Object.entries(this.#options.headers)) {
      const value = inField(`headers.${name}`, () => template.render(filling));
      if (value === null) continue;
      const text = asText(value);
      if (!isHeaderValue(text)) throw new TargetRefusal(`headers.${name}: a header holds printable ASCII only, and no line breaks`);
      found.push([name.toLowerCase(), text]);
    }
    return found;
  }
}

/** The trace context of the W3C travels in headers of its own. */
function traceOf({ headers }: RuleEvent): Record<string, string> {
  const found = traceHeaders.flatMap((name) => {
    const value = headers[name];
    return value !== undefined && value !== '' && isHeaderValue(value) ? [[name, value] as const] : [];
  });
  return Object.fromEntries(found);
}

/** Headers that are not shown. */
const masked = ['authorization', 'webhook-signature'];

function authorizationOf({ auth }: HttpOptions, user: string | undefined): Record<string, string> {
  if (auth?.bearer !== undefined) return { authorization: `Bearer ${auth.bearer}` };
  const basic = auth === undefined ? user : `${String(auth.username)}:${String(auth.password)}`;
  return basic === undefined ? {} : { authorization: `Basic ${Buffer.from(basic).toString('base64')}` };
}

function checkHead(url: URL, headers: Readonly<Record<string, string>>): void {
  const size = Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, url.href.length);
  if (size > longestHead) throw new TargetRefusal(`url and headers have more than ${String(longestHead)} characters together`);
}
