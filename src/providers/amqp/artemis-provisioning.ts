import type { Clock } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import type { Provisioning } from './amqp-options.js';
import { fullyQualified, linkRefusal, missingQueue, missingRight, queueConflict, serviceOf } from './artemis-dialect.js';
import { OperationFault } from './artemis-management.js';
import type { ArtemisManagement, Row } from './artemis-management.js';
import type { AmqpFault } from './amqp-fault.js';
import type { RheaConnection } from './rhea-driver.js';

const temporaryDelayMs = 600_000;
const attachTimeoutMs = 10_000;
const clockWarningMs = 1_000;

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
}

/** Makes the queues of all listeners and their archives, on every connection anew: the broker may have been reset meanwhile. */
export class ArtemisProvisioning {
  readonly #mode: Provisioning | 'automatic';
  readonly #specs: readonly SubscriptionSpec[];
  readonly #host: ProvisioningHost;
  #toldFallback = false;
  #toldClock = false;

  constructor(mode: Provisioning | 'automatic', specs: readonly SubscriptionSpec[], host: ProvisioningHost) {
    this.#mode = mode;
    this.#specs = specs;
    this.#host = host;
  }

  /**
   * `first`: at start, when queues that are missing were not lost and other services are looked for, and any fault ends the start. Later
   * a fault of one listener's queue is that listener's: it is told, and resolved with.
   */
  async run(connection: RheaConnection, management: ArtemisManagement, first: boolean): Promise<ReadonlySet<SubscriptionSpec>> {
    if (this.#mode === 'attach') await this.#attachArchives(connection);
    else {
      try {
        await this.#manage(management, this.#specs, first);
      } catch (error) {
        if (!first && isOfOneQueue(error)) return this.#manageEach(management);
        await this.#fallBack(connection, error);
      }
    }
    return new Set();
  }

  async #fallBack(connection: RheaConnection, error: unknown): Promise<void> {
    const forbidden = TidingsError.is(error) && error.code === 'permission';
    if (!forbidden || this.#mode === 'management') throw error;
    if (this.#mode === 'none') return;
    if (!this.#toldFallback)
      this.#host.logger.info(
        { reason: error.message },
        'queues are made by attaching to them, since the user may not use the management of the broker',
      );
    this.#toldFallback = true;
    await this.#attachArchives(connection);
  }

  async #manageEach(management: ArtemisManagement): Promise<ReadonlySet<SubscriptionSpec>> {
    const faulty = new Set<SubscriptionSpec>();
    for (const spec of this.#specs) {
      try {
        await this.#manage(management, [spec], false);
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
  async restore(management: ArtemisManagement, spec: SubscriptionSpec): Promise<void> {
    if (this.#mode === 'attach') return;
    try {
      await this.#manage(management, [spec], false);
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

  async #manage(management: ArtemisManagement, specs: readonly SubscriptionSpec[], first: boolean): Promise<void> {
    if (specs.length === 0) return;
    const wanted = specs.flatMap(queuesOf);
    const before = byName(await management.list('listQueues'));
    const missing = unique(wanted.filter(({ queue }) => !before.has(queue)));
    for (const entry of wanted) checkOwner(entry, before.get(entry.queue));
    const [gone] = missing;
    if (gone !== undefined && this.#mode === 'none') throw missingQueue(gone.spec, fullyQualified(gone.address, gone.queue));
    if (missing.length > 0) await this.#create(management, missing, first);
    if (this.#mode !== 'none')
      await Promise.all([...new Set(specs.map(({ archive }) => archive))].map((archive) => protectArchive(management, archive)));
    await Promise.all(specs.map((spec) => this.#checkAddress(management, spec)));
    if (first) await this.#checkConsumers(management, specs, before);
  }

  async #create(management: ArtemisManagement, missing: readonly Wanted[], first: boolean): Promise<void> {
    await Promise.all(missing.map((entry) => createQueue(management, entry)));
    // "Ignore if exists" echoes the request: only reading back tells what is there.
    const after = byName(await management.list('listQueues'));
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
  }

  /** Events reach all listeners in spite of it, as long as every sender says which kind it means. */
  async #checkAddress(management: ArtemisManagement, spec: SubscriptionSpec): Promise<void> {
    const types = await management.attribute(`address.${spec.event}`, 'RoutingTypes').catch(ignoreMissing);
    const other = spec.routing === 'multicast' ? 'ANYCAST' : 'MULTICAST';
    if (!Array.isArray(types) || !types.includes(other)) return;
    this.#host.logger.warn(
      { event: spec.event, listener: spec.listener, routingTypes: types },
      `address ${spec.event} is ${other} too: what programs send there without saying ${spec.routing} may not reach listener ${spec.listener}. Remove the other routing type.`,
    );
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

  /** The broker makes the queue of an archive when a sender attaches to it; those of listeners when they attach themselves. */
  async #attachArchives(connection: RheaConnection): Promise<void> {
    const archives = new Map(this.#specs.map((spec) => [spec.archive, spec]));
    await Promise.all([...archives].map(([archive, spec]) => this.#attachArchive(connection, archive, spec)));
  }

  #attachArchive(connection: RheaConnection, archive: string, spec: SubscriptionSpec): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#host.clock.schedule(attachTimeoutMs, () => {
        reject(
          new TidingsError('connection', `archive ${archive}: the broker did not answer within ${String(attachTimeoutMs)} ms`, {
            retryable: true,
          }),
        );
      });
      const nothing = (): void => undefined;
      const link = connection.openSender(
        { address: archive, capability: 'queue' },
        {
          onOpen: () => {
            timer.cancel();
            link.close();
            resolve();
          },
          onClosed: (fault: AmqpFault) => {
            timer.cancel();
            reject(linkRefusal(fault, { ...spec, event: archive, queue: archive, routing: 'anycast' }));
          },
          onSendable: nothing,
          onDrained: nothing,
          onAccepted: nothing,
          onRefused: nothing,
        },
      );
    });
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
    { spec, address: spec.archive, queue: spec.archive, routing: 'ANYCAST', temporary: false },
  ];
}

function unique(wanted: readonly Wanted[]): Wanted[] {
  return [...new Map(wanted.map((entry) => [entry.queue, entry])).values()];
}

function byName(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [String(row['name']), row]));
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

async function createQueue(management: ArtemisManagement, { address, queue, routing, temporary, spec }: Wanted): Promise<void> {
  const lifetime = temporary
    ? { 'auto-delete': true, 'auto-delete-delay': temporaryDelayMs, 'auto-delete-message-count': -1 }
    : { 'auto-delete': false };
  const configuration = { name: queue, address, 'routing-type': routing, durable: true, ...lifetime };
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

const archiveSettings: Readonly<Record<string, unknown>> = {
  sendToDLAOnNoRoute: true,
  autoDeleteQueues: false,
  autoDeleteAddresses: false,
};

/** Written only where they differ. A write replaces all that the operator has set for this very address: so all is written again. */
async function protectArchive(management: ArtemisManagement, archive: string): Promise<void> {
  const current = JSON.parse(String(await management.operation('broker', 'getAddressSettingsAsJSON', archive))) as Row;
  if (Object.entries(archiveSettings).every(([name, value]) => current[name] === value)) return;
  await management.operation('broker', 'addAddressSettings', archive, JSON.stringify({ ...current, ...archiveSettings }));
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

function ignoreMissing(error: unknown): undefined {
  if (error instanceof OperationFault) return undefined;
  throw error;
}
