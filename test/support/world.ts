import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { EventManager, MemoryBroker, MemoryProvider, systemClock } from '../../src/index.js';
import type { Class, EventingOptions, EventManagerOptions, Logger, Provider, QueueAdmin } from '../../src/index.js';

/** A name that no other test uses, so that tests can run side by side on one broker. */
export function unique(name: string): string {
  return `${name}.${randomBytes(5).toString('hex')}`;
}

/** Keeps what is logged, for tests that look at it. */
export class KeptLogger implements Logger {
  readonly lines: { level: keyof Logger; fields: unknown; message: string }[] = [];

  debug(fields: unknown, message: string): void {
    this.lines.push({ level: 'debug', fields, message });
  }

  info(fields: unknown, message: string): void {
    this.lines.push({ level: 'info', fields, message });
  }

  warn(fields: unknown, message: string): void {
    this.lines.push({ level: 'warn', fields, message });
  }

  error(fields: unknown, message: string): void {
    this.lines.push({ level: 'error', fields, message });
  }

  text(): string {
    return this.lines.map(({ level, fields, message }) => `${level} ${message} ${JSON.stringify(fields)}`).join('\n');
  }
}

/** Managers that end with the test: `await using world = new World()`. */
export class World implements AsyncDisposable {
  readonly broker = new MemoryBroker();
  readonly logger = new KeptLogger();
  readonly #managers: EventManager[] = [];
  #foreign: Provider | undefined;

  /** A manager over this world's memory broker; listeners are made once each, without arguments. */
  manager(options: Partial<EventingOptions> = {}, resolve = onceEach()): EventManager {
    const all: EventManagerOptions = {
      provider: new MemoryProvider({ broker: this.broker }),
      serviceName: 'test-service',
      listeners: [],
      pipelines: [],
      logger: this.logger,
      resolve,
      ...options,
    };
    const manager = new EventManager(all);
    this.#managers.push(manager);
    return manager;
  }

  /** A provider of its own on this world's broker, for what a foreign program would do and see. */
  async provider(): Promise<Provider> {
    if (this.#foreign === undefined) {
      this.#foreign = new MemoryProvider({ broker: this.broker });
      const host = { serviceName: 'foreign', serverName: 'foreign', logger: this.logger, clock: systemClock, onState: () => undefined };
      await this.#foreign.start(host, { specs: [], signal: new AbortController().signal });
    }
    return this.#foreign;
  }

  async queues(): Promise<QueueAdmin> {
    const { queues } = await this.provider();
    if (queues === undefined) throw new Error('the memory provider has no queues');
    return queues;
  }

  async started(options: Partial<EventingOptions> = {}): Promise<EventManager> {
    const manager = this.manager(options);
    await manager.start();
    return manager;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#managers.map((manager) => manager.stop({ deadlineMs: 1000 })));
    await this.#foreign?.stop({ deadlineMs: 1000 });
  }
}

export function onceEach(): (target: Class) => unknown {
  const instances = new Map<Class, unknown>();
  return (target) => {
    if (!instances.has(target)) instances.set(target, new target());
    return instances.get(target);
  };
}

/** A promise and its ends. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void } {
  let open: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => (open = resolve));
  return { promise, open };
}
