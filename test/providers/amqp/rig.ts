import { afterEach, beforeEach } from '@jest/globals';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { AmqpProvider } from '../../../src/providers/amqp/index.js';
import type { AmqpOptions } from '../../../src/providers/amqp/index.js';
import { Bench, brokerUrl, Operator, Proxy, specOf, unique } from './support.js';
import type { BenchProvider } from './support.js';

const reconnect = { initialDelayMs: 50, maxDelayMs: 500 };

/** What a provider is made of, and where its broker is. */
export interface RigOf<O, P> {
  make(options: Partial<O>): P;
  target(): { host: string; port: number } | undefined;
}

/** What each test of a file has to itself: an operator, a proxy, and providers. All of it ends with the test. */
export class Rig<O = AmqpOptions, P extends BenchProvider = AmqpProvider> {
  readonly #of: RigOf<O, P>;
  #operator: Operator | undefined;
  #proxy: Proxy | undefined;
  readonly #benches: Bench<P>[] = [];

  /** To be called once in a file. */
  static forEachTest(): Rig {
    return Rig.over<AmqpOptions, AmqpProvider>({
      make: (options) => new AmqpProvider({ url: brokerUrl().href, reconnect, ...options }),
      target: () => undefined,
    });
  }

  static over<O, P extends BenchProvider>(of: RigOf<O, P>): Rig<O, P> {
    const rig = new Rig(of);
    beforeEach(() => rig.#open());
    afterEach(() => rig.#close());
    return rig;
  }

  private constructor(of: RigOf<O, P>) {
    this.#of = of;
  }

  get operator(): Operator {
    if (this.#operator === undefined) throw new Error('the operator is there while a test runs');
    return this.#operator;
  }

  get proxy(): Proxy {
    if (this.#proxy === undefined) throw new Error('the proxy is there while a test runs');
    return this.#proxy;
  }

  /** A provider on the broker of the run, not started. */
  bench(options: Partial<O> = {}, host?: ConstructorParameters<typeof Bench>[1]): Bench<P> {
    const bench = new Bench(this.#of.make(options), host);
    this.#benches.push(bench);
    return bench;
  }

  async started(specs: SubscriptionSpec[], options: Partial<O> = {}): Promise<Bench<P>> {
    const bench = this.bench(options);
    await bench.start(specs);
    return bench;
  }

  /** A listener of an event of its own, whose queues go with the test. */
  fresh(event: string, more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
    const spec = specOf(event, unique('L'), more);
    this.operator.clean(spec);
    return spec;
  }

  /** Before the test's own end, where that looks at what is left. */
  async stopAll(): Promise<void> {
    for (const bench of this.#benches.splice(0)) await bench.provider.stop({ deadlineMs: 2_000 });
  }

  async #open(): Promise<void> {
    this.#operator = await Operator.open();
    this.#proxy = await Proxy.open(this.#of.target());
  }

  async #close(): Promise<void> {
    await this.stopAll();
    await this.proxy.close();
    await this.operator.close();
  }
}
