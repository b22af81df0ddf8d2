import type { Clock } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import { patiently } from '../network/patiently.js';
import type { ArtemisProvisioning } from './artemis-provisioning.js';
import type { BrokerAccess } from './broker-access.js';

const discardTimeoutMs = 2_000;

interface Reached {
  readonly access: BrokerAccess;
  readonly alive: boolean;
}

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

export interface LateQueuesHost {
  readonly clock: Clock;
  readonly provisioning: ArtemisProvisioning;
  /** The connection that serves now. */
  readonly epoch: () => Reached | undefined;
}

/** Queues of subscriptions that come and go while the provider runs, connected or not. */
export class LateQueues {
  readonly #host: LateQueuesHost;
  readonly #waiting = new Map<Waiting, SubscriptionSpec>();
  /** Closed, and not deleted yet: there was no connection to do it by. By name: it may be wanted again. */
  readonly #discards = new Map<string, SubscriptionSpec>();
  #discarding: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(host: LateQueuesHost) {
    this.#host = host;
  }

  /**
   * Resolves when what a subscription needs is there on the connection that serves now, and will be on each later one; waits for one if
   * there is none. What was given to the start is there with the connection.
   */
  async made(spec: SubscriptionSpec): Promise<void> {
    const { provisioning } = this.#host;
    this.#discards.delete(spec.queue);
    if (provisioning.knows(spec)) return;
    for (;;) {
      const epoch = this.#host.epoch();
      if (epoch === undefined) {
        await this.#connection(spec);
        continue;
      }
      await this.#discarding;
      try {
        await provisioning.provision(epoch.access, spec);
        return;
      } catch (error) {
        const lost = !epoch.alive && TidingsError.is(error) && error.code === 'connection';
        if (!lost) throw error;
      }
    }
  }

  /** To be called when a subscription has ended. Resolves soon and always: what could not be deleted is with the next connection. */
  async left(spec: SubscriptionSpec): Promise<void> {
    this.#host.provisioning.leave(spec);
    if (spec.discard !== true) return;
    this.#discards.set(spec.queue, spec);
    const epoch = this.#host.epoch();
    if (epoch !== undefined) await this.#discard(epoch.access);
  }

  /** To be called when a connection serves. */
  connected({ access }: Reached): void {
    void this.#discard(access);
    for (const waiting of [...this.#waiting.keys()]) waiting.resolve();
  }

  /** Ends what waits for a connection. */
  stop(): void {
    this.#stopped = true;
    for (const [waiting, spec] of this.#waiting) waiting.reject(neverConnected(spec));
    this.#waiting.clear();
  }

  #connection(spec: SubscriptionSpec): Promise<void> {
    if (this.#stopped) return Promise.reject(neverConnected(spec));
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        resolve: () => {
          this.#waiting.delete(waiting);
          resolve();
        },
        reject,
      };
      this.#waiting.set(waiting, spec);
    });
  }

  #discard(access: BrokerAccess): Promise<void> {
    const work = Promise.allSettled([...this.#discards.values()].map((spec) => this.#discardOne(access, spec)));
    const ended = patiently(this.#host.clock, discardTimeoutMs, work);
    this.#discarding = Promise.all([this.#discarding, ended]).then(() => undefined);
    return ended;
  }

  async #discardOne(access: BrokerAccess, spec: SubscriptionSpec): Promise<void> {
    await this.#host.provisioning.discard(access, spec);
    if (this.#discards.get(spec.queue) === spec) this.#discards.delete(spec.queue);
  }
}

function neverConnected({ event, listener }: SubscriptionSpec): TidingsError {
  return new TidingsError(
    'not-running',
    `listener ${listener} of event ${event}: the provider was stopped before the broker could be reached`,
  );
}
