import { brokerHost, brokerPassword, brokerUser, type BrokerEngine } from './broker-engine.js';
import { brokerRemedies, createArtemis, findArtemis } from './find-artemis.js';

export interface TestBrokerOptions {
  /**
   * A broker of its own, that may be killed and frozen, never the one of TIDINGS_ARTEMIS_URL.
   * @default false
   */
  readonly own?: boolean;
}

/** A real Artemis for tests. All methods are idempotent; calls that overlap are done one after the other. */
export interface TestBroker extends AsyncDisposable {
  /** `amqp://user:password@host:port` */
  readonly url: string;
  /** `stomp://user:password@host:port` */
  readonly stompUrl: string;
  /** `tcp://host:port`, without credentials: for the broker's own JMS client. */
  readonly coreUrl: string;
  readonly host: string;
  readonly amqpPort: number;
  readonly stompPort: number;
  readonly username: string;
  readonly password: string;
  /** Whether the six methods that follow work: false for the broker of TIDINGS_ARTEMIS_URL, where they reject. */
  readonly canRestart: boolean;
  /** On the same data and ports; resolves when it takes AMQP connections. */
  start(): Promise<void>;
  /** In good order, as by SIGTERM. */
  stop(): Promise<void>;
  /** At once, as by SIGKILL. */
  kill(): Promise<void>;
  /** `stop` and `start`. */
  restart(): Promise<void>;
  /** Keeps it from running, as by SIGSTOP: connections stay open and nobody answers. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Ends it and removes its data. Leaves the broker of TIDINGS_ARTEMIS_URL alone. */
  close(): Promise<void>;
}

const startTries = 3;

/**
 * Finds or starts a broker, in this order: the one of TIDINGS_ARTEMIS_URL (its other addresses from TIDINGS_ARTEMIS_STOMP_URL, or port
 * 61613, and TIDINGS_ARTEMIS_CORE_URL, or port 61616); a container engine that answers; Java with Maven. Started ones listen on free ports
 * of 127.0.0.1 and end with this process.
 */
export async function testBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const url = process.env['TIDINGS_ARTEMIS_URL'];
  if (options.own !== true && url !== undefined && url !== '') return new GivenBroker(url);
  const source = await findArtemis();
  if (source === undefined)
    throw new Error(`no Artemis to be had here: ${brokerRemedies.slice(options.own === true ? 1 : 0).join('; or ')}`);
  for (let left = startTries; ; left--) {
    const engine = await createArtemis(source, { brief: options.own === true });
    try {
      await engine.start();
      return new OwnBroker(engine);
    } catch (error) {
      await engine.remove();
      // Somebody else may have taken one of the ports meanwhile.
      if (left === 1 || !/in use|already allocated/i.test(String(error))) throw error;
    }
  }
}

/** One that is there already, and stays. */
class GivenBroker implements TestBroker {
  readonly url: string;
  readonly stompUrl: string;
  readonly coreUrl: string;
  readonly host: string;
  readonly amqpPort: number;
  readonly stompPort: number;
  readonly username: string;
  readonly password: string;
  readonly canRestart = false;

  constructor(url: string) {
    const { hostname, port, username, password } = new URL(url);
    const stomp = new URL(given('TIDINGS_ARTEMIS_STOMP_URL') ?? `stomp://${username}:${password}@${hostname}:61613`);
    this.url = url;
    this.stompUrl = stomp.href;
    this.coreUrl = given('TIDINGS_ARTEMIS_CORE_URL') ?? `tcp://${hostname}:61616`;
    this.host = hostname;
    this.amqpPort = Number(port === '' ? 5672 : port);
    this.stompPort = Number(stomp.port === '' ? 61613 : stomp.port);
    this.username = decodeURIComponent(username);
    this.password = decodeURIComponent(password);
  }

  start = refuse;
  stop = refuse;
  kill = refuse;
  restart = refuse;
  freeze = refuse;
  thaw = refuse;

  async close(): Promise<void> {
    // It is not ours.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It is not ours.
  }
}

function given(variable: string): string | undefined {
  const value = process.env[variable];
  return value === '' ? undefined : value;
}

function refuse(): Promise<never> {
  return Promise.reject(new Error('this broker was given by TIDINGS_ARTEMIS_URL and is not ours to stop: use testBroker({ own: true })'));
}

class OwnBroker implements TestBroker {
  readonly url: string;
  readonly stompUrl: string;
  readonly coreUrl: string;
  readonly host = brokerHost;
  readonly amqpPort: number;
  readonly stompPort: number;
  readonly username = brokerUser;
  readonly password = brokerPassword;
  readonly canRestart = true;
  readonly #engine: BrokerEngine;
  #last: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(engine: BrokerEngine) {
    this.#engine = engine;
    this.amqpPort = engine.amqpPort;
    this.stompPort = engine.stompPort;
    this.url = `amqp://${brokerUser}:${brokerPassword}@${brokerHost}:${String(engine.amqpPort)}`;
    this.coreUrl = `tcp://${brokerHost}:${String(engine.corePort)}`;
    this.stompUrl = `stomp://${brokerUser}:${brokerPassword}@${brokerHost}:${String(engine.stompPort)}`;
  }

  start(): Promise<void> {
    return this.#do(() => this.#engine.start());
  }

  stop(): Promise<void> {
    return this.#do(() => this.#engine.stop());
  }

  kill(): Promise<void> {
    return this.#do(() => this.#engine.kill());
  }

  restart(): Promise<void> {
    return this.#do(async () => {
      await this.#engine.stop();
      await this.#engine.start();
    });
  }

  freeze(): Promise<void> {
    return this.#do(() => this.#engine.freeze());
  }

  thaw(): Promise<void> {
    return this.#do(() => this.#engine.thaw());
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#do(() => this.#engine.remove()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #do(change: () => Promise<void>): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new Error('this broker is closed'));
    const done = this.#last.then(change);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
