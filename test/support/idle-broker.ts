import { Bench } from '../../src/testing/conformance/bench.js';
import type { MadeListener } from '../../src/testing/conformance/made-classes.js';
import { testBroker, type TestBroker } from '../../src/testing/test-broker.js';
import { Operator } from '../providers/amqp/support.js';
import { quickProvider } from './artemis-conformance.js';
import { unique } from './world.js';

/** It looks for what is idle or too old every 30 s, and takes two looks to remove a queue. */
const sweepsMs = 100_000;

/**
 * An Artemis of its own, whose operator has it remove what is idle. On it, since its start: a listener's empty queue, an event in an
 * archive that keeps a second, and a queue that the broker does remove, which shows that it has looked.
 */
export class IdleBroker {
  readonly bench: Bench;
  readonly idle: MadeListener;
  readonly failing: MadeListener;
  operator: Operator;
  readonly #broker: TestBroker;
  readonly #control: string;

  static async start(): Promise<IdleBroker> {
    const broker = await testBroker({ own: true });
    const idle = new IdleBroker(broker, await Operator.open(new URL(broker.url)), unique('idle'));
    try {
      await idle.#prepare();
      return idle;
    } catch (error) {
      await idle.end();
      throw error;
    }
  }

  private constructor(broker: TestBroker, operator: Operator, prefix: string) {
    this.#broker = broker;
    this.operator = operator;
    this.bench = new Bench({ capabilities: quickProvider(broker.url).capabilities, create: () => quickProvider(broker.url) });
    const event = this.bench.event({}, `${prefix}.event`);
    this.idle = this.bench.listener(event);
    this.failing = this.bench.listener(event, () => {
      throw new Error('to the archive');
    });
    this.#control = `${prefix}.control`;
  }

  /** Until the broker has looked twice. */
  async swept(): Promise<void> {
    await this.bench.time.until('the broker has looked', async () => (await this.operator.queue(this.#control)) === undefined, sweepsMs);
  }

  /** Until the archive holds nothing. */
  async forgotten(): Promise<void> {
    const { archive } = await this.bench.names(this.failing);
    await this.bench.holds(archive, 0, sweepsMs);
  }

  async restart(): Promise<void> {
    await this.operator.close();
    await this.#broker.restart();
    this.operator = await Operator.open(new URL(this.#broker.url));
  }

  async end(): Promise<void> {
    await this.bench.end();
    await this.operator.close();
    await this.#broker.close();
  }

  async #prepare(): Promise<void> {
    const { bench, operator } = this;
    const settings = JSON.stringify({ autoDeleteQueues: true, autoDeleteQueuesDelay: 0, autoDeleteAddresses: true });
    await operator.management.operation('broker', 'addAddressSettings', this.#control.replace(/control$/, '#'), settings);
    const manager = await bench.started({ listeners: [this.idle, this.failing], retry: false, archive: { maxAgeMs: 1_000 } });
    await manager.sendEvent(this.idle.event, { n: 1, text: '' });
    await bench.time.until('it is archived', () => manager.counters().archived === 1 && manager.counters().handled === 1);
    await bench.stop(manager);
    await operator.createQueue(this.#control, this.#control, { 'auto-delete': true });
    const used = operator.take(`${this.#control}::${this.#control}`, 'topic');
    await operator.publish(this.#control, { body: 'used once', durable: true });
    await used;
  }
}
