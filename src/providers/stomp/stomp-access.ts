import type { Clock } from '../../core/clock.js';
import type { Deadlines } from '../../core/deadlines.js';
import { SendError, TidingsError, describe } from '../../core/errors.js';
import type { CopyTo, SubscriptionSpec } from '../../core/provider.js';
import { ArtemisManagement } from '../artemis/artemis-management.js';
import type { ArchiveRemover, BrokerAccess, FoundQueue, QueueReader, ReadingOptions } from '../artemis/broker-access.js';
import type { Endpoint } from '../network/endpoints.js';
import { sendRefusal } from './artemis-dialect.js';
import { FrameRemover } from './frame-remover.js';
import { attachArchives } from './attached-archives.js';
import type { Connect } from './connect.js';
import type { Frame } from './frame-writer.js';
import { ManagementConnection } from './management-connection.js';
import type { Outbox } from './outbox.js';
import { queueCopy } from './stomp-copy.js';
import { SubscriptionReader } from './subscription-reader.js';
import type { ShownByFrame } from './subscription-reader.js';
import type { StompConnection } from './stompjs-driver.js';

export interface AccessHost {
  readonly connect: Connect;
  readonly copies: Outbox;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly windowMessageBytes: number;
}

/** The queues of the broker while one main connection lives. What may be refused has connections of its own. */
export class StompAccess implements BrokerAccess<ShownByFrame> {
  readonly countsDeliveries = false;
  readonly showsByTaking = true;
  readonly management: ArtemisManagement;
  readonly #main: StompConnection;
  readonly #endpoint: Endpoint;
  readonly #host: AccessHost;

  constructor(main: StompConnection, endpoint: Endpoint, host: AccessHost) {
    this.#main = main;
    this.#endpoint = endpoint;
    this.#host = host;
    const managed = {
      get alive() {
        return main.alive;
      },
      openManagement: (events: ConstructorParameters<typeof ManagementConnection>[1]) =>
        new ManagementConnection({ connect: host.connect, endpoint, clock: host.clock }, events),
    };
    this.management = new ArtemisManagement(managed, host.clock, host.deadlines);
  }

  get alive(): boolean {
    return this.#main.alive;
  }

  attachArchives(specs: readonly SubscriptionSpec[]): Promise<void> {
    return attachArchives(specs, this.#host, this.#endpoint);
  }

  openRemover(archive: string): ArchiveRemover {
    return new FrameRemover(archive, this.#host, this.#endpoint);
  }

  openReader(queue: FoundQueue, options: ReadingOptions): QueueReader<ShownByFrame> {
    const { connect, windowMessageBytes } = this.#host;
    return new SubscriptionReader(queue, options, { connect, endpoint: this.#endpoint, windowMessageBytes });
  }

  async copy(shown: ShownByFrame, copy: CopyTo, to: FoundQueue): Promise<void> {
    const result = await this.#host.copies.offer({ destination: to.name, frame: (receipt) => encoded(shown, copy, to, receipt) });
    if (result === 'confirmed') return;
    if (result === 'lost') throw new TidingsError('connection', `copy to ${to.name}: the connection was lost`, { retryable: true });
    if (result === 'unconfirmed')
      throw new SendError('unknown', 'send-timeout', `copy to ${to.name}: the broker did not confirm it in time; it may have arrived`);
    throw sendRefusal(`copy to ${to.name}`, result);
  }
}

function encoded(shown: ShownByFrame, copy: CopyTo, to: FoundQueue, receipt: string): Frame {
  try {
    return queueCopy(shown, copy, { to: to.name, routing: to.routing, receipt });
  } catch (error) {
    throw new SendError('refused', 'send-refused', `copy to ${to.name}: it cannot be written: ${describe(error)}`, { cause: error });
  }
}
