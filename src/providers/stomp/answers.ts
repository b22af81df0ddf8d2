import type { Clock, Timer } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { WireMessage, WireSend } from '../../core/provider.js';
import type { ArtemisManagement } from '../artemis/artemis-management.js';
import type { Outbox } from './outbox.js';
import type { OutgoingEvent, Whereabouts } from './outgoing-event.js';

/** A queue that was seen is taken to be there for so long. */
const trustMs = 1_000;
const retryMs = 200;
/** More addresses are not remembered. */
const most = 1_000;

export interface AnswersHost {
  readonly clock: Clock;
  readonly logger: Logger;
  /** That of the connection which serves now. */
  management(): ArtemisManagement | undefined;
}

/** One address that answers go to. */
interface Destination {
  readonly address: string;
  seenAt: number;
  goneAt: number;
  looking: boolean;
  /** For these somebody looks just now. */
  waiting: OutgoingEvent[];
  /** Came since: what is not there now may be there for them. */
  late: OutgoingEvent[];
}

/**
 * What is sent to a queue that may be gone. The broker either makes it anew, for ever, or ends the connection by which the message came. So
 * we look first, and what nobody waits for any more is dropped here. Where looking is not allowed the broker decides.
 */
export class Answers implements Whereabouts {
  readonly #outbox: Outbox;
  readonly #host: AnswersHost;
  readonly #destinations = new Map<string, Destination>();
  readonly #retries = new Set<Timer>();
  /** Does not let us look. */
  #forbidding: ArtemisManagement | undefined;
  #closed = false;

  constructor(outbox: Outbox, host: AnswersHost) {
    this.#outbox = outbox;
    this.#host = host;
  }

  /** Rejects with a SendError. */
  send(message: WireMessage, options: WireSend): Promise<void> {
    return this.#outbox.send(message, options, this);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#retries) timer.cancel();
    this.#retries.clear();
    this.#destinations.clear();
  }

  hold(event: OutgoingEvent): void {
    const destination = this.#destination(event.destination);
    if (destination.looking) destination.late.push(event);
    else if (this.#host.clock.now() - destination.seenAt < trustMs) this.#outbox.enter(event);
    else {
      destination.waiting.push(event);
      void this.#look(destination);
    }
  }

  noteGone(address: string): void {
    const destination = this.#destination(address);
    destination.seenAt = -Infinity;
    destination.goneAt = this.#host.clock.now();
  }

  isGone({ destination, heldAt }: OutgoingEvent): boolean {
    return (this.#destinations.get(destination)?.goneAt ?? -Infinity) > heldAt;
  }

  #destination(address: string): Destination {
    const known = this.#destinations.get(address);
    if (known !== undefined) return known;
    this.#forgetOne();
    const made: Destination = { address, seenAt: -Infinity, goneAt: -Infinity, looking: false, waiting: [], late: [] };
    this.#destinations.set(address, made);
    return made;
  }

  #forgetOne(): void {
    if (this.#destinations.size < most) return;
    for (const [address, { looking }] of this.#destinations)
      if (!looking) {
        this.#destinations.delete(address);
        return;
      }
  }

  async #look(destination: Destination): Promise<void> {
    destination.looking = true;
    const beganAt = this.#host.clock.now();
    const there = await this.#isThere(destination.address);
    if (this.#closed) return;
    if (there === undefined) {
      this.#lookLater(destination);
      return;
    }
    destination.looking = false;
    const { waiting, late } = destination;
    destination.waiting = [];
    destination.late = [];
    if (there) {
      destination.seenAt = beganAt;
      for (const event of [...waiting, ...late]) this.#outbox.enter(event);
      return;
    }
    destination.goneAt = beganAt;
    for (const event of waiting) event.confirm();
    destination.waiting = late;
    if (late.length > 0) await this.#look(destination);
  }

  #lookLater(destination: Destination): void {
    const timer = this.#host.clock.schedule(retryMs, () => {
      this.#retries.delete(timer);
      destination.waiting = [...destination.waiting, ...destination.late].filter(({ ended }) => !ended);
      destination.late = [];
      if (destination.waiting.length > 0) void this.#look(destination);
      else destination.looking = false;
    });
    this.#retries.add(timer);
  }

  /** Undefined when it cannot be told now. Without the right to look the broker will have its say. */
  async #isThere(address: string): Promise<boolean | undefined> {
    const management = this.#host.management();
    if (management === undefined) return undefined;
    if (management === this.#forbidding) return true;
    try {
      const rows = await management.list('listQueues', { field: 'name', value: address });
      return rows.some((row) => row['address'] === address);
    } catch (error) {
      if (TidingsError.is(error) && error.code === 'permission') {
        this.#forbidding = management;
        return true;
      }
      this.#host.logger.debug({ error, address }, 'whether an answer is still waited for could not be told; it is looked for again');
      return undefined;
    }
  }
}
