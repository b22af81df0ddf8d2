import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { systemClock } from '../../../src/core/clock.js';
import type { Clock } from '../../../src/core/clock.js';
import type { LogFields, Logger } from '../../../src/core/logger.js';
import type {
  Delivery,
  Provider,
  ProviderHost,
  ProviderState,
  ProviderSubscription,
  QueueAdmin,
  SubscriptionSpec,
  WireMessage,
  WireSend,
} from '../../../src/core/provider.js';
import { Deadlines } from '../../../src/core/deadlines.js';
import { managementOver } from '../../../src/providers/amqp/management-links.js';
import type { ArtemisManagement } from '../../../src/providers/artemis/artemis-management.js';
import { RheaConnection } from '../../../src/providers/amqp/rhea-driver.js';
import { decoded, encoded } from '../../../src/providers/amqp/rhea-message.js';
import type { AmqpMessage } from '../../../src/providers/amqp/rhea-message.js';
import type { AmqpProvider } from '../../../src/providers/amqp/index.js';
import { waitUntil } from '../../../src/testing/wait-until.js';

export function brokerUrl(): URL {
  const url = process.env['TIDINGS_ARTEMIS_URL'];
  if (url === undefined || url === '') throw new Error('TIDINGS_ARTEMIS_URL is not set: these tests need a real Artemis');
  return new URL(url);
}

export function through(proxy: { readonly port: number }): string {
  const url = brokerUrl();
  url.host = `127.0.0.1:${String(proxy.port)}`;
  return url.href;
}

export function unique(name: string): string {
  return `${name}.${randomBytes(5).toString('hex')}`;
}

/** As `waitUntil`, for probes whose 0 or empty text is an answer. */
export async function until<T>(what: string | (() => string), probe: () => T | Promise<T>, timeoutMs = 20_000): Promise<NonNullable<T>> {
  const found = await waitUntil(
    async () => {
      const value = await probe();
      return value === undefined || value === null || value === false ? undefined : { value };
    },
    { timeoutMs, what },
  );
  return found?.value as NonNullable<T>;
}

export interface LogLine {
  readonly level: string;
  readonly fields: LogFields;
  readonly message: string;
}

/** A provider of a broker's. */
export type BenchProvider = Provider & { readonly queues: QueueAdmin };

/** A provider with everything it told. */
export class Bench<P extends BenchProvider = AmqpProvider> {
  readonly provider: P;
  readonly states: ProviderState[] = [];
  readonly log: LogLine[] = [];
  readonly host: ProviderHost;

  constructor(provider: P, host: { serviceName?: string; serverName?: string; clock?: Clock } = {}) {
    this.provider = provider;
    const write =
      (level: string) =>
      (fields: LogFields, message: string): void => {
        this.log.push({ level, fields, message });
      };
    const logger: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
    this.host = {
      serviceName: host.serviceName ?? 'tests',
      serverName: host.serverName ?? unique('server'),
      clock: host.clock ?? systemClock,
      logger,
      onState: (change) => this.states.push(change),
    };
  }

  start(specs: readonly SubscriptionSpec[] = [], timeoutMs = 20_000, once = false): Promise<void> {
    return this.provider.start(this.host, { specs, signal: AbortSignal.timeout(timeoutMs), once });
  }

  async listen(spec: SubscriptionSpec): Promise<Inbox> {
    const inbox = new Inbox();
    inbox.subscription = await this.provider.subscribe(spec, (delivery) => {
      inbox.arrived(delivery);
    });
    return inbox;
  }

  send(address: string, body: string | Uint8Array, options: Partial<WireSend> & { message?: Partial<WireMessage> } = {}): Promise<void> {
    const { message, ...rest } = options;
    return this.provider.send(wire(body, message), { address, routing: 'multicast', deadlineAt: Date.now() + 10_000, ...rest });
  }

  async until(state: ProviderState['state'], from = 0): Promise<void> {
    await until(`the provider is ${state}`, () => this.states.slice(from).some((change) => change.state === state));
  }
}

export class Inbox {
  subscription!: ProviderSubscription;
  readonly deliveries: Delivery[] = [];
  /** Settled as they come. */
  accepting = false;
  mostHeld = 0;
  readonly #held = new Set<Delivery>();

  arrived(delivery: Delivery): void {
    this.deliveries.push(delivery);
    this.#held.add(delivery);
    this.mostHeld = Math.max(this.mostHeld, this.#held.size);
    if (this.accepting) queueMicrotask(() => void this.accept(delivery));
  }

  get bodies(): string[] {
    return this.deliveries.map(({ message }) => String(message.body));
  }

  async accept(delivery: Delivery | undefined): Promise<string> {
    if (delivery === undefined) throw new Error('no such delivery');
    // Before: the next may be handed over within the call.
    this.#held.delete(delivery);
    return delivery.settle({ do: 'accept' });
  }

  async count(n: number, timeoutMs?: number): Promise<Delivery[]> {
    await until(`${String(n)} deliveries have come (now ${String(this.deliveries.length)})`, () => this.deliveries.length >= n, timeoutMs);
    return this.deliveries;
  }
}

export function wire(body: string | Uint8Array, message: Partial<WireMessage> = {}): WireMessage {
  return { body, headers: new Map(), durable: true, ...message };
}

export function specOf(event: string, listener: string, more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  const queue = more.queue ?? listener;
  return {
    event,
    listener,
    queue,
    routing: 'multicast',
    archive: `archive.${queue}`,
    temporary: false,
    shared: false,
    concurrency: 5,
    prefetch: 5,
    archiveBounds: { maxAgeMs: 3_600_000, maxCount: 10_000 },
    maxCrashes: 8,
    ...more,
  };
}

/** Passes bytes between clients and the broker, until it is told to cut, to hold, or to refuse. */
export class Proxy {
  readonly #server: net.Server;
  readonly #pairs = new Set<{ client: net.Socket; broker: net.Socket }>();
  #refusing = false;
  #holding = false;
  accepted = 0;

  static async open(
    target: { host: string; port: number } = { host: brokerUrl().hostname, port: Number(brokerUrl().port) },
  ): Promise<Proxy> {
    const proxy = new Proxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  private constructor(target: { host: string; port: number }) {
    this.#server = net.createServer({ noDelay: true }, (client) => {
      client.on('error', () => undefined);
      if (this.#refusing) {
        client.destroy();
        return;
      }
      this.accepted++;
      const broker = net.connect({ ...target, noDelay: true });
      broker.on('error', () => undefined);
      const pair = { client, broker };
      this.#pairs.add(pair);
      client.pipe(broker);
      broker.on('data', (data) => {
        if (!this.#holding) client.write(data);
      });
      const gone = (): void => {
        this.#pairs.delete(pair);
        client.destroy();
        broker.destroy();
      };
      client.on('close', gone);
      broker.on('close', gone);
    });
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Ends what is open; new connections pass, unless it refuses. */
  cut(): void {
    for (const { client, broker } of [...this.#pairs]) {
      // Not resetAndDestroy(): with a shutdown pending, Node 20 then spins for ever when the process ends.
      client.destroy();
      broker.destroy();
    }
  }

  /** Ends the connection that was opened first. */
  cutOldest(): void {
    for (const { client, broker } of this.#pairs) {
      client.destroy();
      broker.destroy();
      return;
    }
  }

  refuse(on: boolean): void {
    this.#refusing = on;
  }

  /** Swallows what the broker says. */
  hold(on: boolean): void {
    this.#holding = on;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) =>
      this.#server.close(() => {
        resolve();
      }),
    );
  }
}

/** What an operator and foreign programs do, past the provider. */
export class Operator {
  readonly #connection: RheaConnection;
  readonly #deadlines = new Deadlines(systemClock);
  readonly management: ArtemisManagement;
  readonly #queues = new Set<string>();

  static async open(url = brokerUrl()): Promise<Operator> {
    return new Operator(
      await RheaConnection.open(
        {
          host: url.hostname,
          port: Number(url.port),
          tls: undefined,
          username: decodeURIComponent(url.username),
          password: decodeURIComponent(url.password),
          containerId: unique('operator'),
          idleTimeoutMs: 60_000,
          connectTimeoutMs: 10_000,
          clock: systemClock,
        },
        new AbortController().signal,
        () => undefined,
      ),
    );
  }

  private constructor(connection: RheaConnection) {
    this.#connection = connection;
    this.management = managementOver(connection, systemClock, this.#deadlines);
  }

  /** What any client may put on an address: bytes that the broker does not look into. */
  async sendRaw(address: string, payload: Buffer): Promise<void> {
    let free: () => void = () => undefined;
    const sendable = new Promise<void>((resolve) => (free = resolve));
    let taken: () => void = () => undefined;
    const accepted = new Promise<void>((resolve) => (taken = resolve));
    const nothing = (): void => undefined;
    const events = { onOpen: nothing, onClosed: nothing, onSendable: free, onDrained: nothing, onAccepted: taken, onRefused: nothing };
    const link = this.#connection.openSender({ address, capability: 'topic' }, events);
    await sendable;
    link.send(payload, {});
    await accepted;
    link.close();
  }

  /** Names of queues that `close()` shall destroy, with everything made for a listener. */
  clean(...specs: readonly SubscriptionSpec[]): void {
    for (const spec of specs) this.#queues.add(spec.queue).add(spec.archive);
  }

  async createQueue(address: string, queue: string, more: Record<string, unknown> = {}): Promise<void> {
    this.#queues.add(queue);
    await this.management.operation(
      'broker',
      'createQueue',
      JSON.stringify({ name: queue, address, 'routing-type': 'MULTICAST', durable: true, 'auto-delete': false, ...more }),
      false,
    );
  }

  async destroyQueue(queue: string): Promise<void> {
    await this.management.operation('broker', 'destroyQueue', queue, true, false);
  }

  async queue(name: string): Promise<Record<string, unknown> | undefined> {
    const [row] = await this.management.list('listQueues', { field: 'name', value: name });
    return row;
  }

  async count(queue: string): Promise<number> {
    return Number(await this.management.operation(`queue.${queue}`, 'getMessageCount'));
  }

  /**
   * Waits until the broker says so twice in a row. It counts a moment after it has confirmed, and its count is a sum of what waits, what is
   * delayed and what is delivered, read one after the other: what moves from one to another just then is missed, or counted twice.
   */
  async holds(queue: string, count: number): Promise<void> {
    let last = -1;
    const holds = async (): Promise<boolean> => (last = await this.count(queue)) === count;
    await until(
      () => `${queue} holds ${String(count)} (now ${String(last)})`,
      async () => (await holds()) && holds(),
    );
  }

  async queueOf(spec: SubscriptionSpec): Promise<{ delivering: number; scheduled: number; count: number }> {
    const row = await this.queue(spec.queue);
    return {
      delivering: Number(row?.['deliveringCount']),
      scheduled: Number(row?.['scheduledCount']),
      count: Number(row?.['messageCount']),
    };
  }

  /** One message of any shape, by a foreign program. */
  publish(address: string, message: AmqpMessage, capability = 'topic'): Promise<void> {
    return new Promise((resolve, reject) => {
      const nothing = (): void => undefined;
      let sent = false;
      const link = this.#connection.openSender(
        { address, capability },
        {
          onOpen: nothing,
          onSendable: () => {
            if (!sent) link.send(encoded(message), {});
            sent = true;
          },
          onDrained: nothing,
          onClosed: reject,
          onAccepted: () => {
            link.close();
            resolve();
          },
          onRefused: (_token, refusal) => {
            link.close();
            reject(new Error(refusal.description));
          },
        },
      );
    });
  }

  /** The next message of a queue as it is, taken from it. */
  take(address: string, capability = 'queue'): Promise<AmqpMessage> {
    return new Promise((resolve, reject) => {
      const link = this.#connection.openReceiver(
        { address, capability },
        {
          onOpen: () => {
            link.addCredit(1);
          },
          onClosed: reject,
          onDrained: () => undefined,
          onMessage: (bytes, token) => {
            link.accept(token);
            resolve(decoded(bytes));
            setTimeout(() => void link.close(systemClock, 1_000), 20);
          },
        },
      );
    });
  }

  /** All that an anycast queue has and gets, taken from it while the operator is there; the list grows. */
  taking(queue: string): readonly AmqpMessage[] {
    const taken: AmqpMessage[] = [];
    const nothing = (): void => undefined;
    const link = this.#connection.openReceiver(
      { address: queue, capability: 'queue' },
      {
        onOpen: () => {
          link.addCredit(100);
        },
        onClosed: nothing,
        onDrained: nothing,
        onMessage: (bytes, token) => {
          link.accept(token);
          link.addCredit(1);
          taken.push(decoded(bytes));
        },
      },
    );
    return taken;
  }

  /** Fetches so many messages of an anycast queue and keeps them until told to give them back. */
  async hold(queue: string, count: number): Promise<() => Promise<void>> {
    let held = 0;
    let refused: Error | undefined;
    const link = this.#connection.openReceiver(
      { address: queue, capability: 'queue' },
      {
        onOpen: () => {
          link.addCredit(count);
        },
        onClosed: (fault) => (refused = fault),
        onDrained: () => undefined,
        onMessage: () => held++,
      },
    );
    await until('they are held', () => {
      if (refused !== undefined) throw refused;
      return held === count;
    });
    return () => link.close(systemClock, 2_000);
  }

  async sessionsOf(container: string): Promise<{ id: string; connection: string }[]> {
    const answer = JSON.parse(String(await this.management.operation('broker', 'listSessions', '', 1, 10_000))) as {
      data: Record<string, string>[];
    };
    return answer.data
      .filter((row) => row['clientID'] === container)
      .map((row) => ({ id: String(row['id']), connection: String(row['connectionID']) }));
  }

  async close(): Promise<void> {
    for (const queue of this.#queues) await this.management.operation('broker', 'destroyQueue', queue, true, true).catch(() => undefined);
    for (const queue of this.#queues)
      if (queue.startsWith('archive.')) await this.management.operation('broker', 'removeAddressSettings', queue).catch(() => undefined);
    await this.#connection.end(systemClock, 1_000);
    this.#deadlines.expireAll();
  }
}

/** A user of the broker with the rights of `grants` on addresses of its own, and none on management unless they say so. */
export async function withUser<T>(
  { management }: Operator,
  grants: { readonly prefix: string; readonly manage: boolean; readonly revoke?: 'consume' | 'send' },
  work: (url: string) => Promise<T>,
): Promise<T> {
  const [user, role] = [unique('user'), unique('role')];
  const roles = (allowed: boolean): string => (allowed ? `amq,${role}` : 'amq');
  const secure = (match: string, all: boolean): Promise<unknown> =>
    management.operation(
      'broker',
      'addSecuritySettings',
      match,
      roles(all && grants.revoke !== 'send'),
      roles(all && grants.revoke !== 'consume'),
      roles(all),
      roles(all),
      roles(all),
      roles(all),
      roles(all && grants.manage),
      roles(all),
      roles(all),
      roles(all),
    );
  await management.operation('broker', 'addUser', user, 'p@ss/w:rd', role, true);
  const matches = [`${grants.prefix}.#`, `archive.${grants.prefix}.#`];
  for (const match of matches) await secure(match, true);
  try {
    const url = brokerUrl();
    return await work(`amqp://${user}:${encodeURIComponent('p@ss/w:rd')}@${url.host}`);
  } finally {
    for (const match of matches) await management.operation('broker', 'removeSecuritySettings', match);
    await management.operation('broker', 'removeUser', user);
  }
}
