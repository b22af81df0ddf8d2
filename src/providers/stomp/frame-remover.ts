import type { Clock } from '../../core/clock.js';
import { OperationFault } from '../artemis/artemis-management.js';
import type { ArchiveRemover } from '../artemis/broker-access.js';
import { Stirring } from '../network/stirring.js';
import type { Endpoint } from '../network/endpoints.js';
import type { PeerFault } from '../network/peer-fault.js';
import type { Connect } from './connect.js';
import { QueueLine } from './queue-line.js';

const patienceMs = 5_000;

/** Takes messages out of an archive one after the other: the window holds one at a time. */
export class FrameRemover implements ArchiveRemover {
  readonly #archive: string;
  readonly #clock: Clock;
  readonly #line: QueueLine;
  readonly #held: (() => void)[] = [];
  #fault: OperationFault | undefined;
  readonly #stirring = new Stirring();

  constructor(archive: string, { connect, clock }: { readonly connect: Connect; readonly clock: Clock }, endpoint: Endpoint) {
    this.#archive = archive;
    this.#clock = clock;
    this.#line = new QueueLine(
      { event: archive, queue: archive, routing: 'anycast' },
      { connect, endpoint, clock, windowBytes: 1, resting: false },
      {
        received: ({ said }, connection) => {
          this.#held.push(() => {
            connection.ack(said.get('ack') ?? '');
          });
          this.#stirring.stir();
        },
        opened: () => undefined,
        lost: (fault: PeerFault) => {
          this.#fault = new OperationFault(`consuming from ${archive}`, fault.message);
          this.#stirring.stir();
        },
      },
    );
    this.#line.open();
  }

  get given(): number {
    return this.#held.length;
  }

  /** There is something to remove, so one message comes at once. */
  async opened(): Promise<void> {
    while (this.#held.length === 0) await this.#progress();
  }

  async remove(count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      while (this.#held.length === 0) await this.#progress();
      this.#held.shift()?.();
    }
  }

  close(): Promise<void> {
    return this.#line.close(patienceMs);
  }

  /** Resolves when something has happened. @throws OperationFault when it is refused, or nothing happens. */
  async #progress(): Promise<void> {
    if (this.#fault === undefined && !(await this.#stirring.within(this.#clock, patienceMs)))
      this.#fault ??= new OperationFault(`consuming from ${this.#archive}`, 'the broker gave nothing in time');
    if (this.#fault !== undefined) throw this.#fault;
  }
}
