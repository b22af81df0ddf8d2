import { AmqpProvider } from '../../src/providers/amqp/index.js';
import type { AmqpOptions } from '../../src/providers/amqp/index.js';
import { StompProvider } from '../../src/providers/stomp/index.js';
import type { StompOptions } from '../../src/providers/stomp/index.js';
import type { Provider } from '../../src/index.js';
import type { ConformanceOptions } from '../../src/testing/conformance/conformance-options.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { testBroker, type TestBroker } from '../../src/testing/test-broker.js';
import { Operator } from '../providers/amqp/support.js';
import { blockOnArtemis, foreignOnArtemis, noDeadLettersOnArtemis, refuseOnArtemis } from './artemis-faults.js';
import { addressOf, artemisStompUrl, artemisUrl, proxied } from './artemis.js';
import { TlsFront } from './tls-front.js';

/** The way to the Artemis of the run that a test may break, and the one past it. */
export interface ArtemisWays {
  readonly proxy: TcpProxy;
  readonly operator: Operator;
}

/** A provider that comes back soon. */
export function quickProvider(url: string, more: AmqpOptions = {}): AmqpProvider {
  return new AmqpProvider({ url, idleTimeoutMs: 3_000, reconnect: { initialDelayMs: 20, maxDelayMs: 200 }, ...more });
}

/** A provider that comes back soon. */
export function quickStomp(url: string, more: StompOptions = {}): StompProvider {
  return new StompProvider({ url, heartbeatMs: 3_000, reconnect: { initialDelayMs: 20, maxDelayMs: 200 }, ...more });
}

/** One of the protocols that the Artemis of the run speaks, and what it cannot do. */
export interface Protocol {
  readonly capabilities: Provider['capabilities'];
  readonly url: () => string;
  readonly tlsScheme: string;
  readonly member: string;
  readonly make: (url: string, more?: { tls: { ca: string } }) => Provider;
  readonly gifts: (ways: () => ArtemisWays) => Partial<ConformanceOptions>;
}

export const overAmqp: Protocol = {
  capabilities: new AmqpProvider().capabilities,
  url: artemisUrl,
  tlsScheme: 'amqps',
  member: './amqp-member.js',
  make: quickProvider,
  gifts: (ways) => ({
    block: (address) => blockOnArtemis(ways().operator, address),
    promptReturns: true,
    foreign: foreignOnArtemis(() => ways().operator),
  }),
};

export const overStomp: Protocol = {
  capabilities: new StompProvider().capabilities,
  url: artemisStompUrl,
  tlsScheme: 'stomps',
  member: './stomp-member.js',
  make: quickStomp,
  gifts: (ways) => ({
    // The window of a listener is (concurrency + prefetch) messages of 4 352 bytes; the broker sends one more when it is nearly full.
    mostHeld: (limit, bodyBytes) => Math.ceil((limit * 4_352) / (bodyBytes + 256)) + 1,
    // A property of type timestamp, which the broker cannot write in STOMP, would end the listener.
    foreign: { ...foreignOnArtemis(() => ways().operator), typed: ['boolean', 'bigint', 'number'] },
  }),
};

/** How the suite breaks connections to Artemis. `ways` is asked at each use: they are opened after the cases are declared. */
export function artemisConformance(
  ways: () => ArtemisWays,
  { capabilities, url, make, member, gifts }: Protocol = overAmqp,
): ConformanceOptions {
  return {
    capabilities,
    create: () => make(proxied(url(), ways().proxy)),
    direct: () => make(url()),
    cut: () => {
      ways().proxy.cut();
    },
    down: () => {
      const { proxy } = ways();
      proxy.refuse();
      proxy.cut();
      return () => proxy.accept();
    },
    hold: () => {
      const { proxy } = ways();
      proxy.hold('down');
      return () => {
        proxy.release('down');
      };
    },
    halfOpen: () => {
      const { proxy } = ways();
      proxy.halfOpen();
      return () => {
        proxy.heal();
      };
    },
    refuse: (address) => refuseOnArtemis(ways().operator, address),
    detach: (queue) => ways().operator.destroyQueue(queue.split('::')[1] ?? queue),
    noDeadLetters: (address) => noDeadLettersOnArtemis(ways().operator, address),
    wrongPassword: () => {
      const wrong = new URL(url());
      wrong.password = 'not-the-one';
      return make(wrong.href);
    },
    processes: new URL(member, import.meta.url).href,
    quietMs: 300,
    ...gifts(ways),
  };
}

/** The provider of one protocol before the Artemis of the run, with all that the suite can break. Opened before the cases run. */
export class OnArtemis {
  readonly options: ConformanceOptions;
  readonly #protocol: Protocol;
  #ways: ArtemisWays | undefined;
  #front: TlsFront | undefined;

  /** `other`: what its messages come from, and go to, besides. */
  constructor(protocol: Protocol, other: Protocol) {
    this.#protocol = protocol;
    this.options = {
      ...artemisConformance(() => opened(this.#ways), protocol),
      both: () => other.make(other.url()),
      tls: {
        good: () => this.#secure('localhost', ({ authority }) => authority),
        wrongAuthority: () => this.#secure('localhost', ({ otherAuthority }) => otherAuthority),
        wrongName: () => this.#secure('127.0.0.1', ({ authority }) => authority),
      },
    };
  }

  async open(): Promise<void> {
    const target = addressOf(this.#protocol.url());
    this.#ways = { proxy: await TcpProxy.start({ target }), operator: await Operator.open() };
    this.#front = await TlsFront.open(target);
  }

  async close(): Promise<void> {
    await this.#ways?.proxy.close();
    await this.#ways?.operator.close();
    await this.#front?.close();
  }

  #secure(host: string, authorityOf: (front: TlsFront) => string): Provider {
    const front = opened(this.#front);
    const { url, tlsScheme, make } = this.#protocol;
    const { username, password } = new URL(url());
    return make(`${tlsScheme}://${username}:${password}@${host}:${String(front.port)}`, { tls: { ca: authorityOf(front) } });
  }
}

function opened<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('open() it before the cases run');
  return part;
}

/** A broker of its own, for the cases that restart it. */
export class RestartingArtemis {
  #broker: TestBroker | undefined;

  options(capabilities: Provider['capabilities'], make: (broker: TestBroker) => Provider): ConformanceOptions {
    const broker = (): TestBroker => opened(this.#broker);
    return {
      capabilities,
      create: () => make(broker()),
      restart: () => broker().restart(),
    };
  }

  async open(): Promise<void> {
    this.#broker = await testBroker({ own: true });
  }

  async close(): Promise<void> {
    await this.#broker?.close();
  }
}
