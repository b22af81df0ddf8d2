import type { EventManager, EventingOptions, QueueAdmin } from '../../src/index.js';
import { EventManager as Manager } from '../../src/index.js';
import { AmqpProvider } from '../../src/providers/amqp/index.js';
import { KeptLogger, onceEach } from './world.js';

/** The broker of the run, which the test setup found or started. */
export function artemisUrl(): string {
  const url = process.env['TIDINGS_ARTEMIS_URL'];
  if (url === undefined || url === '') throw new Error('no Artemis: TIDINGS_ARTEMIS_URL is not set by the test setup');
  return url;
}

/** Managers over a real Artemis that end with the test. */
export class ArtemisWorld implements AsyncDisposable {
  readonly url: string;
  readonly logger = new KeptLogger();
  readonly #managers: EventManager[] = [];

  constructor(url = artemisUrl()) {
    this.url = url;
  }

  manager(options: Partial<EventingOptions> = {}): EventManager {
    const provider = new AmqpProvider({ url: this.url });
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
    const provider = new AmqpProvider({ url: this.url });
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
