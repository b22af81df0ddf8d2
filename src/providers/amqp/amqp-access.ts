import type { Clock } from '../../core/clock.js';
import { SendError, TidingsError, describe } from '../../core/errors.js';
import type { CopyTo, SubscriptionSpec } from '../../core/provider.js';
import type { ArtemisManagement } from '../artemis/artemis-management.js';
import type { ArchiveRemover, BrokerAccess, FoundQueue, QueueReader, ReadingOptions } from '../artemis/broker-access.js';
import { queueCopy } from './amqp-copy.js';
import { sendRefusal } from './artemis-dialect.js';
import { attachArchives } from './attached-archives.js';
import { LinkReader } from './link-reader.js';
import type { ShownByLink } from './link-reader.js';
import { LinkRemover } from './link-remover.js';
import type { Relay } from './relay.js';
import type { RheaConnection } from './rhea-driver.js';

/** The queues of the broker over one AMQP connection. */
export class AmqpAccess implements BrokerAccess<ShownByLink> {
  readonly countsDeliveries = true;
  readonly showsByTaking = false;
  readonly management: ArtemisManagement;
  readonly #connection: RheaConnection;
  readonly #relay: Relay;
  readonly #clock: Clock;

  constructor(connection: RheaConnection, { management, relay, clock }: { management: ArtemisManagement; relay: Relay; clock: Clock }) {
    this.#connection = connection;
    this.management = management;
    this.#relay = relay;
    this.#clock = clock;
  }

  get alive(): boolean {
    return this.#connection.alive;
  }

  attachArchives(specs: readonly SubscriptionSpec[]): Promise<void> {
    return attachArchives(specs, this.#connection, this.#clock);
  }

  openRemover(archive: string): ArchiveRemover {
    return new LinkRemover(archive, this.#connection, this.#clock);
  }

  openReader(queue: FoundQueue, options: ReadingOptions): QueueReader<ShownByLink> {
    return new LinkReader(this.#connection, queue, options);
  }

  async copy(shown: ShownByLink, copy: CopyTo, { name: to }: FoundQueue): Promise<void> {
    const result = await this.#relay.offer(encoded(shown, copy, to));
    if (result === 'confirmed') return;
    if (result === 'lost') throw new TidingsError('connection', `copy to ${to}: the connection was lost`, { retryable: true });
    if (result === 'unconfirmed')
      throw new SendError('unknown', 'send-timeout', `copy to ${to}: the broker did not confirm it in time; it may have arrived`);
    throw sendRefusal(`copy to ${to}`, result);
  }
}

function encoded(shown: ShownByLink, copy: CopyTo, to: string): Buffer {
  try {
    return queueCopy(shown, copy, to);
  } catch (error) {
    throw new SendError('refused', 'send-refused', `copy to ${to}: it cannot be written: ${describe(error)}`, { cause: error });
  }
}
