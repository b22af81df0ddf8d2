import { systemClock } from '../../core/clock.js';
import type { Clock } from '../../core/clock.js';
import { BrokerCore } from './broker-core.js';

export interface MemoryBrokerOptions {
  /**
   * Rules delays, the age of what is archived, and the deletion of temporary queues. A `VirtualClock` makes tests independent of time.
   * @default the machine's clock
   */
  readonly clock?: Clock;
}

/** For the provider's own folder: what stands behind a `MemoryBroker`. */
export let coreOf: (broker: MemoryBroker) => BrokerCore;

/**
 * A broker inside this process. Managers whose providers share one talk to each other, as over a network: queues outlive
 * consumers, deliveries go to each consumer with credit in turn, delays are kept by the broker, an id is taken once. Nothing
 * outlives the process.
 *
 * It keeps the process alive only while somebody is connected and a delayed message is due later.
 *
 * The methods are faults, for tests of what a service does when its broker fails. They work at once.
 */
export class MemoryBroker {
  readonly clock: Clock;
  readonly #core: BrokerCore;

  static {
    coreOf = (broker) => broker.#core;
  }

  constructor(options: MemoryBrokerOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.#core = new BrokerCore(this.clock);
  }

  /**
   * All connections are lost, as if their sockets died. Unsettled deliveries go back at once, with their count raised;
   * confirmations under way are lost. Providers connect again after a short backoff and repeat what was not confirmed.
   */
  cut(): void {
    this.#core.loseAll('the connection to the memory broker was cut');
  }

  /** All connections are lost and nobody can connect, until `up()`. Messages and queues stay. */
  down(): void {
    this.#core.reachable = false;
    this.#core.loseAll('the memory broker went down');
  }

  /** Ends `down()`. */
  up(): void {
    this.#core.reachable = true;
  }

  /**
   * All connections are lost, non-durable messages and empty temporary queues are gone; everything else stays, the ids seen
   * included. It can be connected to at once, unless it is `down()`.
   */
  restart(): void {
    this.#core.loseAll('the memory broker was restarted', () => {
      this.#core.forget();
    });
  }

  /**
   * Messages are taken and delivered, but nothing that is sent is confirmed or refused, until the function returned is called.
   * Held twice, it has to be released twice. What is lost with a connection meanwhile stays unconfirmed.
   */
  holdConfirmations(): () => void {
    return this.#core.hold();
  }

  /**
   * Refuses what is sent to the address while its queues hold so many messages together (one in two queues counts twice); 0
   * refuses all. Copies for a retry or an archive count as sent. Undefined ends it.
   */
  limit(address: string, maxMessages: number | undefined): void {
    this.#core.topology.address(address).limit = maxMessages ?? Infinity;
  }

  /** Gives senders to the address no credit: they wait. `false` ends it. */
  block(address: string, on = true): void {
    this.#core.topology.address(address).blocked = on;
    if (!on) for (const connection of this.#core.connections) connection.credit(address);
  }

  /** Takes the right to send to the address, and to start a listener on it. `false` gives it back. */
  forbid(address: string, on = true): void {
    this.#core.topology.address(address).forbidden = on;
  }
}
