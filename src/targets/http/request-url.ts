import { Buffer } from 'node:buffer';
import { asText } from '../expressions/functions.js';
import type { Filling } from '../rule-event.js';
import { TargetRefusal } from '../target-refusal.js';
import type { Template } from '../template.js';
import type { HostList } from './host-list.js';

/** Of a URL, and of all headers together: many servers refuse more. */
export const longestHead = 16_384;

const fixedScheme = /^https?:\/\//i;
const fixedHost = /^https?:\/\/[^/?#\\]+[/?#]/i;
const sameHost = "the host must not come from the event: write it out and put '/' behind it, or list under 'hosts' which it may be";

/** What is wrong with the template of a URL. */
export function urlMistake(template: Template, hasHosts: boolean): string | undefined {
  if (!template.isFixed && !fixedHost.test(template.leading)) return hasHosts ? undefined : sameHost;
  const text = template.leading;
  if (!URL.canParse(text) || !isHttp(new URL(text))) return 'is no URL that begins with http:// or https://';
  // What comes before an expression may be a part of a segment only.
  return hasDotSegment(template.isFixed ? text : text.slice(0, text.lastIndexOf('/') + 1)) ? dotSegment : undefined;
}

/** The URL of a rule. Where it leads is said by the rule, or by the hosts that the rule lists, whatever an event holds. */
export class RequestUrl {
  /** Scheme, host and port; undefined: they come from the event. */
  readonly origin: string | undefined;
  /** `user:password`, where the rule has them in its URL. They are in no URL that comes out of this. */
  readonly user: string | undefined;
  readonly #template: Template;
  readonly #hosts: HostList;

  constructor(template: Template, hosts: HostList) {
    this.#template = template;
    this.#hosts = hosts;
    if (!template.isFixed && !fixedHost.test(template.leading)) return;
    const { origin, username, password } = new URL(template.leading);
    this.origin = origin;
    if (username !== '' || password !== '') this.user = `${decoded(username)}:${decoded(password)}`;
  }

  fill(filling: Filling): URL {
    // A URL that begins with an expression comes from the event as a whole. All other values are parts of one.
    let isWhole = this.#template.leading === '';
    const text = this.#template.text(filling, (value) => {
      const part = asText(value);
      if (part.length > longestHead) throw tooLong();
      const encoded = isWhole ? part : encodeURIComponent(part.toWellFormed());
      isWhole = false;
      return encoded;
    });
    if (text.length > longestHead) throw tooLong();
    if (!URL.canParse(text)) throw new TargetRefusal('url: what the event makes of it is no URL');
    const url = new URL(text);
    if (!this.#mayAsk(url, !fixedScheme.test(this.#template.leading)) || (this.origin === undefined && url.username + url.password !== ''))
      throw new TargetRefusal('url: what the event makes of it leads to a host that the rule does not allow');
    if (hasDotSegment(text)) throw new TargetRefusal(`url: ${dotSegment}`);
    url.username = url.password = url.hash = '';
    return url;
  }

  /** Whether a redirect may lead there. A rule that lists no hosts leaves that to whom it asks. */
  mayFollow(url: URL): boolean {
    return this.#mayAsk(url, false) || (isHttp(url) && this.#hosts.isEmpty);
  }

  #mayAsk(url: URL, fromEvent: boolean): boolean {
    return isHttp(url) && (url.origin === this.origin || this.#hosts.allows(url, fromEvent));
  }
}

const dotSegment = "a path must not hold '.' or '..' between slashes";
const dots = /(?:^|[\\/])\.{1,2}(?:[\\/]|$)/;

/**
 * They would lead out of the path that the rule says. Looked for in the text, as a parsed URL has followed them already, and in what
 * is encoded too: there are servers that decode a path before they follow its dots.
 */
function hasDotSegment(text: string): boolean {
  const path = text
    .replace(/[\t\n\r]/g, '')
    .replace(/^[^:]*:[\\/]*[^\\/?#]*/, '')
    .replace(/[?#].*$/s, '')
    .replace(/%2e/gi, '.')
    .replace(/%2f|%5c/gi, '/');
  return dots.test(path);
}

function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) => Buffer.from(bytes.replaceAll('%', ''), 'hex').toString());
}

function isHttp({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:';
}

function tooLong(): TargetRefusal {
  return new TargetRefusal(`url: it has more than ${String(longestHead)} characters`);
}
