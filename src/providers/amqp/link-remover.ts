import type { Clock } from '../../core/clock.js';
import { OperationFault } from '../artemis/artemis-management.js';
import { fullyQualified } from '../artemis/artemis-words.js';
import type { ArchiveRemover } from '../artemis/broker-access.js';
import { Stirring } from '../network/stirring.js';
import { capabilityOf } from './artemis-dialect.js';
import type { RheaConnection } from './rhea-driver.js';
import type { ReceiverLink } from './rhea-links.js';

const patienceMs = 5_000;

/** A link that takes messages out, and throws them away. */
export class LinkRemover implements ArchiveRemover {
  /** Without credit none. */
  readonly given = 0;
  readonly #archive: string;
  readonly #clock: Clock;
  readonly #link: ReceiverLink;
  #open = false;
  #fault: OperationFault | undefined;
  #missing = 0;
  readonly #stirring = new Stirring();

  constructor(archive: string, connection: RheaConnection, clock: Clock) {
    this.#archive = archive;
    this.#clock = clock;
    this.#link = connection.openReceiver(
      { address: fullyQualified(archive, archive), capability: capabilityOf('anycast') },
      {
        onOpen: () => {
          this.#open = true;
          this.#stirring.stir();
        },
        onClosed: (fault) => {
          this.#fault = new OperationFault(`consuming from ${archive}`, fault.message);
          this.#stirring.stir();
        },
        onMessage: (_message, token) => {
          this.#link.accept(token);
          this.#missing--;
          this.#stirring.stir();
        },
        onDrained: () => undefined,
      },
    );
  }

  async opened(): Promise<void> {
    while (!this.#open) await this.#progress();
  }

  async remove(count: number): Promise<void> {
    if (count <= 0) return;
    this.#missing = count;
    this.#link.addCredit(count);
    while (this.#missing > 0) await this.#progress();
  }

  close(): Promise<void> {
    return this.#link.close(this.#clock, patienceMs);
  }

  /** Resolves when something has happened. @throws OperationFault when it is refused, or nothing happens. */
  async #progress(): Promise<void> {
    if (this.#fault === undefined && !(await this.#stirring.within(this.#clock, patienceMs)))
      this.#fault ??= new OperationFault(`consuming from ${this.#archive}`, 'the broker gave nothing in time');
    if (this.#fault !== undefined) throw this.#fault;
  }
}
