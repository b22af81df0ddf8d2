import type { Clock } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import { AddressChecks } from './artemis-checks.js';
import { boundArchives } from './artemis-archives.js';
import type { Archive } from './artemis-archives.js';
import { missingQueue } from './artemis-faults.js';
import { OperationFault } from './artemis-management.js';
import type { ArtemisManagement, Row } from './artemis-management.js';
import { fullyQualified, serviceOf } from './artemis-words.js';
import type { BrokerAccess } from './broker-access.js';
import type { ProvisioningMode } from './provisioning-mode.js';
import { isReplyQueue, protectReplies } from './reply-queues.js';
import { checkOwner, createQueue, queuesNamed, queuesOf, unique } from './wanted-queues.js';
import type { Wanted } from './wanted-queues.js';

const clockWarningMs = 1_000;

export interface ProvisioningHost {
  readonly serviceName: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Makes the queues of all listeners and their archives, on every connection anew: the broker may have been reset meanwhile. Of those that
 * came after the start as long as somebody has them.
 */
export class ArtemisProvisioning {
  readonly #mode: ProvisioningMode;
  readonly #given: Set<SubscriptionSpec>;
  /** With how many have each. */
  readonly #come = new Map<SubscriptionSpec, number>();
  readonly #host: ProvisioningHost;
  readonly #checks: AddressChecks;
  #toldFallback = false;
  #toldUnbounded = false;
  #toldClock = false;

  constructor(mode: ProvisioningMode, specs: readonly SubscriptionSpec[], host: ProvisioningHost) {
    this.#mode = mode;
    this.#given = new Set(specs);
    this.#host = host;
    this.#checks = new AddressChecks(host.logger);
  }

  /** Whether its queues are made with each connection already. */
  knows(spec: SubscriptionSpec): boolean {
    return this.#given.has(spec);
  }

  /**
   * `first`: at start, when queues that are missing were not lost and other services are looked for, and any fault ends the start. Later
   * a fault of one listener's queue is that listener's: it is told, and resolved with.
   */
  run(access: BrokerAccess, first: boolean): Promise<ReadonlySet<SubscriptionSpec>> {
    return this.#make(access, [...this.#given, ...this.#come.keys()], first);
  }

  /** For a subscription that comes now, refused like one at start. On later connections too, until `leave()`. */
  async provision(access: BrokerAccess, spec: SubscriptionSpec): Promise<void> {
    this.#come.set(spec, (this.#come.get(spec) ?? 0) + 1);
    try {
      await this.#make(access, [spec], true);
    } catch (error) {
      this.leave(spec);
      throw error;
    }
  }

  /**
   * Its queue stays, but nobody here needs it any more. One that does not stay for ever has to be made again for whoever comes back, and not
   * before: the broker would never delete it.
   */
  leave(spec: SubscriptionSpec): void {
    const others = (this.#come.get(spec) ?? 0) - 1;
    if (others > 0) this.#come.set(spec, others);
    else this.#come.delete(spec);
    if (spec.discard === true || spec.temporary) this.#given.delete(spec);
  }

  /** Deletes a queue with what is in it, unless somebody else consumes from it. */
  async discard({ management }: BrokerAccess, { event, queue, routing }: SubscriptionSpec): Promise<void> {
    if (this.#mode === 'none') return;
    try {
      if (this.#mode !== 'attach') await management.operation('broker', 'destroyQueue', queue, false, routing === 'anycast');
      else this.#host.logger.info({ event, queue }, "a queue that nobody needs any more stays: deleting it takes the broker's management");
    } catch (error) {
      const forbidden = TidingsError.is(error) && error.code === 'permission';
      if (!forbidden && !(error instanceof OperationFault)) throw error;
      if (error instanceof OperationFault && error.isMissing) return;
      this.#host.logger.info({ event, queue, reason: error.message }, 'a queue that is of no use here any more was not deleted');
    }
  }

  async #make(access: BrokerAccess, specs: readonly SubscriptionSpec[], first: boolean): Promise<ReadonlySet<SubscriptionSpec>> {
    if (this.#mode === 'attach') await this.#attach(access, specs);
    else {
      try {
        await this.#manage(access, specs, first);
      } catch (error) {
        if (!first && isOfOneQueue(error)) return this.#manageEach(access, specs);
        await this.#fallBack(access, specs, error);
      }
    }
    return new Set();
  }

  #attach(access: BrokerAccess, specs: readonly SubscriptionSpec[]): Promise<void> {
    this.#tellUnbounded(specs);
    return access.attachArchives(specs.filter((spec) => !isReplyQueue(spec)));
  }

  async #fallBack(access: BrokerAccess, specs: readonly SubscriptionSpec[], error: unknown): Promise<void> {
    const forbidden = TidingsError.is(error) && error.code === 'permission';
    if (!forbidden || this.#mode === 'management') throw error;
    if (this.#mode === 'none') {
      this.#tellUnbounded(specs);
      return;
    }
    if (!this.#toldFallback)
      this.#host.logger.info(
        { reason: error.message },
        'queues are made by attaching to them, since the user may not use the management of the broker',
      );
    this.#toldFallback = true;
    await this.#attach(access, specs);
  }

  async #manageEach(access: BrokerAccess, specs: readonly SubscriptionSpec[]): Promise<ReadonlySet<SubscriptionSpec>> {
    const faulty = new Set<SubscriptionSpec>();
    for (const spec of specs) {
      try {
        await this.#manage(access, [spec], false);
      } catch (error) {
        if (!isOfOneQueue(error)) throw error;
        this.#host.logger.error(
          { error, event: spec.event, listener: spec.listener },
          'the queue of a listener is not as it must be; the other listeners go on',
        );
        faulty.add(spec);
      }
    }
    return faulty;
  }

  /** For one listener whose link was closed, most often with its queue. */
  async restore(access: BrokerAccess, spec: SubscriptionSpec): Promise<void> {
    if (this.#mode === 'attach') return;
    try {
      await this.#manage(access, [spec], false);
    } catch (error) {
      if (!(TidingsError.is(error) && error.code === 'permission') || this.#mode === 'management') throw error;
    }
  }

  /** How far the broker's clock is ahead of ours, at most a little too much; 0 where it does not tell. */
  async clockOffset(management: ArtemisManagement): Promise<number> {
    const before = this.#host.clock.now();
    let brokersTime: unknown;
    try {
      brokersTime = await management.attribute('broker', 'CurrentTimeMillis');
    } catch (error) {
      if (error instanceof OperationFault || (TidingsError.is(error) && error.code === 'permission')) return 0;
      throw error;
    }
    if (typeof brokersTime !== 'number') return 0;
    const offsetMs = brokersTime - before;
    if (Math.abs(offsetMs) > clockWarningMs && !this.#toldClock) {
      this.#toldClock = true;
      this.#host.logger.warn({ offsetMs }, "the broker's clock is not ours; delayed deliveries are corrected for it, but set the clocks");
    }
    return offsetMs;
  }

  async #manage(access: BrokerAccess, specs: readonly SubscriptionSpec[], first: boolean): Promise<void> {
    if (specs.length === 0) return;
    const { management } = access;
    const wanted = specs.flatMap(queuesOf);
    const before = await queuesNamed(management, wanted);
    const missing = unique(wanted.filter(({ queue }) => !before.has(queue)));
    for (const entry of wanted) checkOwner(entry, before.get(entry.queue));
    const [gone] = missing;
    if (gone !== undefined && this.#mode === 'none') throw missingQueue(gone.spec, fullyQualified(gone.address, gone.queue));
    const made = missing.length > 0 ? await this.#create(management, missing, first) : before;
    if (this.#mode === 'none') this.#tellUnbounded(specs);
    else await Promise.all([this.#bound(access, specs, new Map([...before, ...made])), protectReplies(access, specs, this.#host.logger)]);
    await this.#checks.run(access, specs);
    if (first) await this.#checkConsumers(management, specs, before);
  }

  #bound(access: BrokerAccess, specs: readonly SubscriptionSpec[], queues: ReadonlyMap<string, Row>): Promise<void> {
    const archives = new Map<string, Archive>();
    for (const { archive, archiveBounds } of specs) {
      const row = queues.get(archive);
      if (row !== undefined) archives.set(archive, { name: archive, bounds: archiveBounds, row });
    }
    return boundArchives([...archives.values()], { access, clock: this.#host.clock, logger: this.#host.logger });
  }

  #tellUnbounded(specs: readonly SubscriptionSpec[]): void {
    if (this.#toldUnbounded || specs.length === 0) return;
    this.#toldUnbounded = true;
    this.#host.logger.info(
      { archives: new Set(specs.map(({ archive }) => archive)).size },
      "archives are not bounded by their listeners: that needs the broker's management and provisioning: 'management'. Bound them by ring-size and expiry-delay in the broker.",
    );
  }

  async #create(management: ArtemisManagement, missing: readonly Wanted[], first: boolean): Promise<Map<string, Row>> {
    await Promise.all(missing.map((entry) => createQueue(management, entry)));
    // "Ignore if exists" echoes the request: only reading back tells what is there.
    const after = await queuesNamed(management, missing);
    for (const entry of missing) {
      const row = after.get(entry.queue);
      if (row === undefined) throw missingQueue(entry.spec, fullyQualified(entry.address, entry.queue));
      checkOwner(entry, row);
    }
    const queues = missing.map(({ address, queue }) => fullyQualified(address, queue));
    if (first) this.#host.logger.info({ queues }, 'queues were made');
    else
      this.#host.logger.warn(
        { queues, count: queues.length },
        'queues were missing after a reconnect and were made anew: events may have been missed',
      );
    return after;
  }

  async #checkConsumers(
    management: ArtemisManagement,
    specs: readonly SubscriptionSpec[],
    queues: ReadonlyMap<string, Row>,
  ): Promise<void> {
    const consumed = specs.filter(({ queue, shared }) => !shared && Number(queues.get(queue)?.['consumerCount'] ?? 0) > 0);
    await Promise.all(
      consumed.map(async (spec) => {
        for (const row of await management.list('listConsumers', { field: 'queue', value: spec.queue })) {
          const client = typeof row['clientID'] === 'string' ? row['clientID'] : '';
          const service = serviceOf(client);
          if (service === this.#host.serviceName) continue;
          if (service !== undefined) throw consumedBy(spec, service);
          this.#host.logger.warn(
            { event: spec.event, listener: spec.listener, queue: spec.queue, client },
            'another program consumes from this queue too: each gets a part of the events',
          );
        }
      }),
    );
  }
}

function isOfOneQueue(error: unknown): boolean {
  return TidingsError.is(error) && (error.code === 'queue-conflict' || error.code === 'missing-queue');
}

function consumedBy(spec: SubscriptionSpec, service: string): TidingsError {
  return new TidingsError(
    'queue-conflict',
    `listener ${spec.listener} of event ${spec.event}: queue ${fullyQualified(spec.event, spec.queue)} is consumed by service ${service} already, and each would get half of the events. ` +
      `Give the listener another name, or say sharedQueue: true if that is meant.`,
  );
}
