import type { Clock } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import { AddressChecks } from './artemis-checks.js';
import { boundArchives } from './artemis-archives.js';
import type { Archive } from './artemis-archives.js';
import { missingQueue, queueConflict } from './artemis-faults.js';
import { OperationFault, pageSize } from './artemis-management.js';
import type { ArtemisManagement, Row } from './artemis-management.js';
import { fullyQualified, missingRight, serviceOf } from './artemis-words.js';
import type { BrokerAccess } from './broker-access.js';
import type { ProvisioningMode } from './provisioning-mode.js';

const temporaryDelayMs = 600_000;
const clockWarningMs = 1_000;
const fewQueues = 4;

export interface ProvisioningHost {
  readonly serviceName: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** A queue that has to be there. */
interface Wanted {
  readonly spec: SubscriptionSpec;
  readonly address: string;
  readonly queue: string;
  readonly routing: 'MULTICAST' | 'ANYCAST';
  readonly temporary: boolean;
  /** Of an archive: the newest so many stay. */
  readonly maxCount?: number;
}

/** Makes the queues of all listeners and their archives, on every connection anew: the broker may have been reset meanwhile. */
export class ArtemisProvisioning {
  readonly #mode: ProvisioningMode;
  readonly #specs: readonly SubscriptionSpec[];
  readonly #host: ProvisioningHost;
  readonly #checks: AddressChecks;
  #toldFallback = false;
  #toldUnbounded = false;
  #toldClock = false;

  constructor(mode: ProvisioningMode, specs: readonly SubscriptionSpec[], host: ProvisioningHost) {
    this.#mode = mode;
    this.#specs = specs;
    this.#host = host;
    this.#checks = new AddressChecks(host.logger);
  }

  /**
   * `first`: at start, when queues that are missing were not lost and other services are looked for, and any fault ends the start. Later
   * a fault of one listener's queue is that listener's: it is told, and resolved with.
   */
  async run(access: BrokerAccess, first: boolean): Promise<ReadonlySet<SubscriptionSpec>> {
    if (this.#mode === 'attach') await this.#attach(access);
    else {
      try {
        await this.#manage(access, this.#specs, first);
      } catch (error) {
        if (!first && isOfOneQueue(error)) return this.#manageEach(access);
        await this.#fallBack(access, error);
      }
    }
    return new Set();
  }

  #attach(access: BrokerAccess): Promise<void> {
    this.#tellUnbounded();
    return access.attachArchives(this.#specs);
  }

  async #fallBack(access: BrokerAccess, error: unknown): Promise<void> {
    const forbidden = TidingsError.is(error) && error.code === 'permission';
    if (!forbidden || this.#mode === 'management') throw error;
    if (this.#mode === 'none') {
      this.#tellUnbounded();
      return;
    }
    if (!this.#toldFallback)
      this.#host.logger.info(
        { reason: error.message },
        'queues are made by attaching to them, since the user may not use the management of the broker',
      );
    this.#toldFallback = true;
    await this.#attach(access);
  }

  async #manageEach(access: BrokerAccess): Promise<ReadonlySet<SubscriptionSpec>> {
    const faulty = new Set<SubscriptionSpec>();
    for (const spec of this.#specs) {
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
    if (this.#mode === 'none') this.#tellUnbounded();
    else await this.#bound(access, specs, new Map([...before, ...made]));
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

  #tellUnbounded(): void {
    if (this.#toldUnbounded || this.#specs.length === 0) return;
    this.#toldUnbounded = true;
    this.#host.logger.info(
      { archives: new Set(this.#specs.map(({ archive }) => archive)).size },
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

function queuesOf(spec: SubscriptionSpec): Wanted[] {
  return [
    {
      spec,
      address: spec.event,
      queue: spec.queue,
      routing: spec.routing === 'multicast' ? 'MULTICAST' : 'ANYCAST',
      temporary: spec.temporary,
    },
    {
      spec,
      address: spec.archive,
      queue: spec.archive,
      routing: 'ANYCAST',
      temporary: false,
      maxCount: spec.archiveBounds.maxCount,
    },
  ];
}

function unique(wanted: readonly Wanted[]): Wanted[] {
  return [...new Map(wanted.map((entry) => [entry.queue, entry])).values()];
}

/** By their names; where few are wanted these alone, else one listing of all, and by name what several pages of it may have overlooked. */
async function queuesNamed(management: ArtemisManagement, wanted: readonly Wanted[]): Promise<Map<string, Row>> {
  const names = new Set(wanted.map(({ queue }) => queue));
  const all = names.size <= fewQueues ? [] : await management.list('listQueues');
  const found = new Map(all.map((row) => [String(row['name']), row]));
  const unseen = names.size <= fewQueues || all.length >= pageSize ? [...names].filter((name) => !found.has(name)) : [];
  const lists = await Promise.all(unseen.map((value) => management.list('listQueues', { field: 'name', value })));
  for (const row of lists.flat()) found.set(String(row['name']), row);
  return found;
}

function checkOwner(wanted: Wanted, row: Row | undefined): void {
  if (row === undefined) return;
  const { spec, address, queue, routing } = wanted;
  if (row['address'] !== address) throw queueConflict({ ...spec, queue }, `event ${String(row['address'])}`);
  const where = `listener ${spec.listener} of event ${spec.event}: queue ${fullyQualified(address, queue)}`;
  if (row['routingType'] !== routing) {
    throw new TidingsError(
      'queue-conflict',
      `${where} is ${String(row['routingType'])}, and ${routing} is needed. Remove it, or give the listener another name.`,
    );
  }
  if (row['filter'] !== '') {
    throw new TidingsError(
      'queue-conflict',
      `${where} has the filter ${String(row['filter'])}, so that the listener would miss events. Remove the filter, or give the listener another name.`,
    );
  }
}

async function createQueue(management: ArtemisManagement, { address, queue, routing, temporary, maxCount, spec }: Wanted): Promise<void> {
  const lifetime = temporary
    ? { 'auto-delete': true, 'auto-delete-delay': temporaryDelayMs, 'auto-delete-message-count': -1 }
    : { 'auto-delete': false };
  const bound = maxCount === undefined ? {} : { 'ring-size': maxCount };
  // The last for brokers that are told to make no addresses by themselves.
  const configuration = {
    name: queue,
    address,
    'routing-type': routing,
    durable: true,
    ...lifetime,
    ...bound,
    'auto-create-address': true,
  };
  try {
    await management.operation('broker', 'createQueue', JSON.stringify(configuration), true);
  } catch (error) {
    if (!(error instanceof OperationFault)) throw error;
    const right = missingRight(error.message);
    const where = `listener ${spec.listener} of event ${spec.event}: queue ${fullyQualified(address, queue)} could not be made`;
    if (right !== undefined)
      throw new TidingsError(
        'permission',
        `${where}: the user lacks the right ${right} on address ${address}. The broker said: ${error.message}`,
        { cause: error },
      );
    throw new TidingsError('queue-conflict', `${where}. The broker said: ${error.message}`, { cause: error });
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
