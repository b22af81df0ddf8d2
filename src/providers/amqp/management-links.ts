import type { Clock } from '../../core/clock.js';
import type { Deadlines } from '../../core/deadlines.js';
import { ArtemisManagement } from '../artemis/artemis-management.js';
import type { ManagementChannel, ManagementEvents, ManagementRequest } from '../artemis/artemis-management.js';
import { managementAddress } from '../artemis/artemis-words.js';
import type { RheaConnection } from './rhea-driver.js';
import type { ReceiverLink, SenderLink } from './rhea-links.js';
import { decoded, encoded } from './rhea-message.js';
import type { AmqpMessage } from './rhea-message.js';
import { refusalFault } from './relay.js';

const answersWindow = 500;

/** The management of the broker over one connection. */
export function managementOver(connection: RheaConnection, clock: Clock, deadlines: Deadlines): ArtemisManagement {
  const managed = {
    get alive() {
      return connection.alive;
    },
    openManagement: (events: ManagementEvents) => new ManagementLinks(connection, clock, events),
  };
  return new ArtemisManagement(managed, clock, deadlines);
}

/** A link to the management address, and one from a queue of the broker's own naming for the answers. */
class ManagementLinks implements ManagementChannel {
  readonly #clock: Clock;
  readonly #sender: SenderLink;
  readonly #receiver: ReceiverLink;
  #replyTo: string | undefined;

  constructor(connection: RheaConnection, clock: Clock, events: ManagementEvents) {
    this.#clock = clock;
    const closed = events.closed.bind(events);
    const ready = events.ready.bind(events);
    this.#sender = connection.openSender(
      { address: managementAddress },
      {
        onOpen: ready,
        onSendable: ready,
        onClosed: closed,
        onDrained: () => undefined,
        onAccepted: () => undefined,
        // It carries no correlation.
        onRefused: (_token, refusal) => {
          events.refused(refusalFault(refusal));
        },
      },
    );
    this.#receiver = connection.openReceiver(
      {},
      {
        onOpen: (address) => {
          this.#replyTo = address;
          this.#receiver.addCredit(answersWindow);
          ready();
        },
        onClosed: closed,
        onMessage: (bytes, token) => {
          const message = decoded(bytes);
          this.#receiver.accept(token);
          this.#receiver.addCredit(1);
          events.answered({
            id: String(message.correlation_id),
            succeeded: message.application_properties?.['_AMQ_OperationSucceeded'] === true,
            body: typeof message.body === 'string' ? message.body : undefined,
          });
        },
        onDrained: () => undefined,
      },
    );
  }

  get room(): number {
    return this.#replyTo === undefined ? 0 : this.#sender.room;
  }

  send({ id, properties, body }: ManagementRequest): void {
    const message: AmqpMessage = {
      message_id: id,
      correlation_id: id,
      application_properties: properties,
      ...(body !== undefined && { body }),
      ...(this.#replyTo !== undefined && { reply_to: this.#replyTo }),
    };
    this.#sender.send(encoded(message), message);
  }

  close(): void {
    this.#sender.close();
    void this.#receiver.close(this.#clock, 0);
  }
}
