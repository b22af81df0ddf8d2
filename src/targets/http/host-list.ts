/**
 * Hosts that a rule lists: `api.example.com`, `*.example.com`, `api.example.com:8443`, `http://api.example.com`. Without a port that of the
 * scheme is meant.
 */
export class HostList {
  readonly #hosts: readonly Host[];

  /** Entries that are no hosts allow nothing. */
  constructor(hosts: readonly string[]) {
    this.#hosts = hosts.flatMap((host) => readHost(host) ?? []);
  }

  get isEmpty(): boolean {
    return this.#hosts.length === 0;
  }

  /** `fromEvent`: the scheme is the event's choice. It may choose https, and only what an entry says beside that. */
  allows(url: URL, fromEvent = false): boolean {
    return this.#hosts.some((host) => hasScheme(host, url, fromEvent) && isNamed(host, url) && hasPort(host, url));
  }
}

interface Host {
  /** `http:` or `https:`. */
  readonly scheme: string | undefined;
  /** As parsed URLs have it: in lower case, and in ASCII. */
  readonly name: string;
  readonly port: number | undefined;
  /** Whatever stands before it and a dot, but not itself. */
  readonly below: boolean;
}

/** What is wrong with an entry. */
export function hostMistake(host: string): string | undefined {
  if (readHost(host) !== undefined) return undefined;
  return 'is no host: write api.example.com or *.example.com, where needed with a port, as in api.example.com:8443';
}

function hasScheme({ scheme }: Host, { protocol }: URL, fromEvent: boolean): boolean {
  if (scheme === undefined) return !fromEvent || protocol === 'https:';
  return scheme === protocol;
}

function isNamed({ name, below }: Host, { hostname }: URL): boolean {
  return below ? hostname.length > name.length + 1 && hostname.endsWith(`.${name}`) : hostname === name;
}

function hasPort({ port }: Host, url: URL): boolean {
  if (port === undefined) return url.port === '';
  return port === (url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port));
}

const hostAndPort = /^(?:(https?:)\/\/)?(\*\.)?(\[[0-9a-f:.]+\]|[^\s/?#@\\*:[\]]+)(?::(\d{1,5}))?$/i;

function readHost(text: string): Host | undefined {
  const [, scheme, star, host, port] = hostAndPort.exec(text) ?? [];
  if (host === undefined || !URL.canParse(`http://${host}`) || (star !== undefined && host.startsWith('['))) return undefined;
  return {
    scheme: scheme?.toLowerCase(),
    name: new URL(`http://${host}`).hostname,
    port: port === undefined ? undefined : Number(port),
    below: star !== undefined,
  };
}
