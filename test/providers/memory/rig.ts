import type { LogFields } from '../../../src/core/logger.js';
import type {
  Delivery,
  ProviderStart,
  ProviderState,
  ProviderSubscription,
  SubscriptionSpec,
  WireMessage,
  WireSend,
} from '../../../src/core/provider.js';
import { MemoryBroker } from '../../../src/providers/memory/memory-broker.js';
import { MemoryProvider } from '../../../src/providers/memory/memory-provider.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';

export function spec(event: string, listener: string, overrides: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return {
    event,
    listener,
    routing: 'multicast',
    queue: listener,
    archive: `archive.${listener}`,
    temporary: false,
    shared: false,
    concurrency: 10,
    prefetch: 0,
    archiveBounds: { maxAgeMs: 3_600_000, maxCount: 10_000 },
    maxCrashes: 8,
    ...overrides,
  };
}

export function message(body: string | Uint8Array = 'hello', overrides: Partial<WireMessage> = {}): WireMessage {
  return { body, headers: new Map(), durable: true, ...overrides };
}

/** What a promise has become, without waiting for it. */
export async function fate(promise: Promise<unknown>): Promise<unknown> {
  let found: unknown = 'pending';
  promise.then(
    (value) => (found = value ?? 'resolved'),
    (error: unknown) => (found = error),
  );
  await new Promise<void>((resolve) => {
    queueMicrotask(resolve);
  });
  return found;
}

/** A service on a broker under a virtual clock. */
export class Service {
  readonly provider: MemoryProvider;
  readonly states: ProviderState[] = [];
  readonly logs: { level: string; fields: LogFields; message: string }[] = [];
  readonly #name: string;

  constructor(
    readonly rig: Rig,
    name: string,
  ) {
    this.#name = name;
    this.provider = new MemoryProvider({ broker: rig.broker });
  }

  start(specs: SubscriptionSpec[] = [], options: Partial<ProviderStart> = {}): Promise<void> {
    const log = (level: string) => (fields: LogFields, text: string) => void this.logs.push({ level, fields, message: text });
    return this.provider.start(
      {
        serviceName: this.#name,
        serverName: 'server',
        logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
        clock: this.rig.clock,
        onState: (change) => void this.states.push(change),
      },
      { specs, signal: new AbortController().signal, ...options },
    );
  }

  send(address: string, what: WireMessage | string = 'hello', options: Partial<WireSend> = {}): Promise<void> {
    const sent = this.provider.send(typeof what === 'string' ? message(what) : what, {
      address,
      routing: 'multicast',
      deadlineAt: this.rig.clock.now() + 30_000,
      ...options,
    });
    // Looked at later by the tests; until then it is nobody's unhandled rejection.
    sent.catch(() => undefined);
    return sent;
  }

  /** Subscribes and opens. */
  async listen(to: SubscriptionSpec, onDelivery?: (delivery: Delivery) => void): Promise<Listening> {
    const deliveries: Delivery[] = [];
    const subscription = await this.provider.subscribe(to, (delivery) => {
      deliveries.push(delivery);
      onDelivery?.(delivery);
    });
    subscription.open();
    return new Listening(deliveries, subscription);
  }
}

export class Listening {
  constructor(
    readonly deliveries: Delivery[],
    readonly subscription: ProviderSubscription,
  ) {}

  get bodies(): (string | Uint8Array)[] {
    return this.deliveries.map((delivery) => delivery.message.body);
  }

  at(index: number): Delivery {
    const delivery = this.deliveries.at(index);
    if (delivery === undefined) throw new Error(`there is no delivery ${String(index)} among ${String(this.deliveries.length)}`);
    return delivery;
  }
}

/** One broker, its clock, and services on it. */
export class Rig {
  readonly clock = new VirtualClock();
  readonly broker = new MemoryBroker({ clock: this.clock });
  readonly #services: Service[] = [];

  service(name = 'shop'): Service {
    const service = new Service(this, name);
    this.#services.push(service);
    return service;
  }

  /** A started service. */
  async started(specs: SubscriptionSpec[] = [], name = 'shop'): Promise<Service> {
    const service = this.service(name);
    await service.start(specs);
    return service;
  }

  /** Until everything that can happen now has happened. */
  rest(): Promise<void> {
    return this.clock.advance(0);
  }

  async end(): Promise<void> {
    await Promise.all(this.#services.map((service) => service.provider.stop({ deadlineMs: 0 })));
  }
}

export const acceptAll = (delivery: Delivery): void => void delivery.settle({ do: 'accept' });

export async function collect(from: AsyncIterable<WireMessage>): Promise<(string | Uint8Array)[]> {
  const bodies: (string | Uint8Array)[] = [];
  for await (const one of from) bodies.push(one.body);
  return bodies;
}
