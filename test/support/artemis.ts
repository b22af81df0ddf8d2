import type { EventManager, EventingOptions, QueueAdmin } from '../../src/index.js';
import { EventManager as Manager } from '../../src/index.js';
import { protocolOf } from '../../src/cli/torture/protocols.js';
import { AmqpProvider } from '../../src/providers/amqp/index.js';
import { StompProvider } from '../../src/providers/stomp/index.js';
import type { TestBroker } from '../../src/testing/test-broker.js';
import { KeptLogger, onceEach } from './world.js';

/** The broker of the run, which the test setup found or started. */
export function artemisUrl(): string {
  const url = process.env['TIDINGS_ARTEMIS_URL'];
  if (url === undefined || url === '') throw new Error('no Artemis: TIDINGS_ARTEMIS_URL is not set by the test setup');
  return url;
}

/** Its STOMP acceptor. */
export function artemisStompUrl(): string {
  const url = process.env['TIDINGS_ARTEMIS_STOMP_URL'];
  if (url === undefined || url === '') throw new Error('no Artemis: TIDINGS_ARTEMIS_STOMP_URL is not set by the test setup');
  return url;
}

/** For tests that hold over both: `describe.each(protocols)('over $name', ...)`. */
export const protocols = [
  { name: 'AMQP', url: artemisUrl, of: (broker: TestBroker): string => broker.url },
  { name: 'STOMP', url: artemisStompUrl, of: (broker: TestBroker): string => broker.stompUrl },
] as const;

export interface ArtemisOptions {
  /** A connection on which nothing comes is given up after about twice this time. */
  readonly silenceMs?: number;
  readonly reconnect?: { initialDelayMs?: number; maxDelayMs?: number };
}

/** The provider for the scheme of the URL, or of the first of several. */
export function artemisProvider(
  url: string | readonly string[],
  { silenceMs, reconnect }: ArtemisOptions = {},
): AmqpProvider | StompProvider {
  const common = { url, ...(reconnect && { reconnect }) };
  if (protocolOf([url].flat()[0] ?? '').kind === 'amqp')
    return new AmqpProvider({ ...common, ...(silenceMs !== undefined && { idleTimeoutMs: silenceMs }) });
  return new StompProvider({ ...common, ...(silenceMs !== undefined && { heartbeatMs: silenceMs }) });
}

/** Managers over a real Artemis that end with the test, each with a provider for the scheme of the URL unless it brings its own. */
export class ArtemisWorld implements AsyncDisposable {
  readonly url: string;
  readonly logger = new KeptLogger();
  readonly #managers: EventManager[] = [];

  constructor(url = artemisUrl()) {
    this.url = url;
  }

  manager(options: Partial<EventingOptions> = {}): EventManager {
    const provider = artemisProvider(this.url);
    const manager = new Manager({
      provider,
      serviceName: 'broker-tests',
      listeners: [],
      pipelines: [],
      logger: this.logger,
      resolve: onceEach(),
      ...options,
    });
    this.#managers.push(manager);
    return manager;
  }

  async started(options: Partial<EventingOptions> = {}): Promise<EventManager> {
    const manager = this.manager(options);
    await manager.start();
    return manager;
  }

  /** What an operator sees of the queues. */
  async queues(): Promise<QueueAdmin> {
    const provider = artemisProvider(this.url);
    const manager = this.manager({ provider });
    await manager.start();
    return provider.queues;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#managers.map((manager) => manager.stop({ deadlineMs: 2000 })));
  }
}

export function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** The same broker by way of a proxy. */
export function proxied(url: string, proxy: { readonly host: string; readonly port: number }): string {
  const through = new URL(url);
  through.host = `${proxy.host}:${String(proxy.port)}`;
  return through.href;
}
