import type { Clock } from '../../core/clock.js';
import type { Deadlines } from '../../core/deadlines.js';
import type { Logger } from '../../core/logger.js';
import type { WireMessage, WireSend } from '../../core/provider.js';
import { Roll } from '../../core/roll.js';
import type { PeerFault } from '../network/peer-fault.js';
import type { PendingSend } from '../network/pending-send.js';
import type { Frame } from './frame-writer.js';
import { Flight } from './letter.js';
import type { Letter } from './letter.js';
import { Narrows } from './narrows.js';
import { OutgoingCopy } from './outgoing-copy.js';
import type { CopyEnds, CopyHost, CopyResult, CopyToSend } from './outgoing-copy.js';
import { OutgoingEvent } from './outgoing-event.js';
import type { EventHost, Whereabouts } from './outgoing-event.js';
import { refusedOf } from './refused-letters.js';
import { StompFault } from './stomp-fault.js';
import type { StompConnection } from './stompjs-driver.js';

const mostInFlight = 1_000;
const mostGone = 1_024;

export interface OutboxHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly deadlines: Deadlines;
  /** How far the broker's clock is ahead. */
  clockOffsetMs(): number;
}

/**
 * All that is sent: events, and the copies of retries and archives. Each stays here until its receipt has come; what was in flight when a
 * connection ended goes again over the next, in order. The broker ends a connection to refuse one thing: what it names is refused, and
 * where it names nothing, what was in flight goes one at a time until the culprit has shown itself.
 */
export class Outbox {
  readonly #host: OutboxHost;
  readonly #copyHost: CopyHost;
  readonly #needed: () => void;
  #events: Letter[] = [];
  #head = 0;
  #copies: Letter[] = [];
  readonly #inFlight = new Roll<Flight>();
  readonly #unsettledEvents = new Roll<PendingSend<Frame>>();
  readonly #unsettledCopies = new Set<OutgoingCopy>();
  readonly #narrows = new Narrows();
  /** One of them made the broker end the connection. */
  readonly #suspects = new Set<object>();
  /** What is in flight is for a narrow. */
  #alone = false;
  #connection: StompConnection | undefined;
  /** Listeners are served: events may leave. */
  #released = false;
  #lastReceipt = 0;
  /** Connections lost one after the other that confirmed nothing. */
  #silentLosses = 0;
  #complaint: string | undefined;
  #onIdle: (() => void) | undefined;
  #gone = 0;
  #closed = false;

  /** `needed` is called when something waits and there is no connection. */
  constructor(host: OutboxHost, needed: () => void = () => undefined) {
    this.#host = host;
    this.#needed = needed;
    const { clock, logger, deadlines } = host;
    this.#copyHost = {
      clock,
      logger,
      deadlines,
      receipted: (copy) => {
        this.#receipted(copy);
      },
      ended: (copy) => {
        this.#unsettledCopies.delete(copy);
        this.#suspects.delete(copy);
        this.#noteGone();
      },
      again: (copy) => {
        this.#copies.push(copy);
        this.#pump();
      },
    };
  }

  get idle(): boolean {
    return this.#unsettledEvents.size === 0;
  }

  /** Something is to be written. */
  get waiting(): boolean {
    return this.#copies.length > 0 || this.#head < this.#events.length;
  }

  /** Rejects with a SendError. What `whereabouts` is given leaves when that lets it enter. */
  send(message: WireMessage, options: WireSend, whereabouts?: Whereabouts): Promise<void> {
    return new Promise((resolve, reject) => {
      const event = new OutgoingEvent(message, options, this.#eventHost, { resolve, reject }, whereabouts);
      this.#unsettledEvents.add(event);
      this.#host.deadlines.add(event, options.deadlineAt);
      if (options.signal !== undefined) this.#host.deadlines.aborts.add(options.signal, event);
      if (options.deadlineAt <= this.#host.clock.now()) {
        event.expire();
        return;
      }
      if (whereabouts === undefined) this.enter(event);
      else whereabouts.hold(event);
    });
  }

  /** It may leave now, after all that have entered. */
  enter(event: OutgoingEvent): void {
    if (event.ended) return;
    this.#events.push(event);
    this.#pump();
  }

  /** Resolves with true once a copy is confirmed, with false when it is not wanted any more. Rejects when it cannot be written. */
  async copy(copy: CopyToSend): Promise<boolean> {
    return (await this.#copy(copy, false)) === 'confirmed';
  }

  /** Resolves with the broker's first answer, after 10 s at the latest. Rejects when it cannot be written. */
  offer(copy: CopyToSend): Promise<CopyResult> {
    return this.#copy(copy, true);
  }

  /** To be called when originals of copies may be out of reach. */
  sweep(): void {
    for (const copy of [...this.#unsettledCopies]) if (!copy.wanted) copy.end('lost');
  }

  connected(connection: StompConnection): void {
    this.#connection = connection;
    connection.onWritable = this.#pump;
    this.#pump();
  }

  /** The listeners are back: what the events are for may be theirs. */
  release(): void {
    this.#released = true;
    this.#pump();
  }

  /** True when the connection ended only because something that was sent was refused, and it is known what. */
  disconnected(fault: PeerFault): boolean {
    this.#connection = undefined;
    this.#released = false;
    this.#alone = false;
    const inFlight = this.#inFlight.toArray().map(({ letter }) => letter);
    this.#inFlight.clear();
    const refused = refusedOf(inFlight, fault);
    const back = inFlight.filter((letter) => !letter.ended && !refused.has(letter));
    if (refused.size > 0) this.#suspects.clear();
    // A broker may also close without a word when more is on its way behind what it refuses: twice in a row is no chance.
    else if (fault instanceof StompFault || ++this.#silentLosses > 1) for (const letter of back) this.#suspects.add(letter);
    this.#putBack(back);
    for (const [letter, reason] of refused) {
      this.#complaint = reason.message;
      this.#narrows.refused(letter.destination);
      if (!letter.ended) letter.refusedBy(reason);
    }
    return refused.size > 0;
  }

  /** Resolves when no event waits any more. */
  whenIdle(): Promise<void> {
    return this.idle
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#onIdle = resolve;
        });
  }

  /** Ends what is not confirmed. */
  close(reason: string): void {
    this.#closed = true;
    this.#connection = undefined;
    for (const event of this.#unsettledEvents.toArray()) event.giveUp(reason);
    for (const copy of [...this.#unsettledCopies]) copy.end('lost');
    this.#events = [];
    this.#head = 0;
    this.#copies = [];
    this.#inFlight.clear();
  }

  #copy(copy: CopyToSend, once: boolean): Promise<CopyResult> {
    if (this.#closed) return Promise.resolve('lost');
    return new Promise((resolve, reject) => {
      const ends: CopyEnds = { once, resolve, reject };
      const letter = new OutgoingCopy(copy, ends, this.#copyHost);
      this.#unsettledCopies.add(letter);
      this.#copies.push(letter);
      this.#pump();
    });
  }

  readonly #pump = (): void => {
    const connection = this.#connection;
    if (connection === undefined) {
      if (this.waiting) this.#needed();
      return;
    }
    while (this.#connection === connection && connection.alive && connection.writable && this.#inFlight.size < this.#room) {
      const letter = this.#next();
      if (letter === undefined) break;
      const narrow = this.#narrows.has(letter.destination);
      // Its turn comes when nothing else is on its way.
      if (narrow && this.#inFlight.size > 0 && !letter.ended) break;
      this.#take(letter);
      if (!letter.ended) this.#alone = this.#transmit(connection, letter) && narrow;
    }
    this.#forgetSent();
  };

  get #room(): number {
    return this.#alone || this.#suspects.size > 0 ? 1 : mostInFlight;
  }

  #next(): Letter | undefined {
    return this.#copies[0] ?? (this.#released ? this.#events[this.#head] : undefined);
  }

  /** Out of its row, of which it is the first. */
  #take(letter: Letter): void {
    if (letter.isCopy) this.#copies.shift();
    else this.#head++;
  }

  #transmit(connection: StompConnection, letter: Letter): boolean {
    if (letter instanceof OutgoingCopy && !letter.wanted) {
      letter.end('lost');
      return false;
    }
    const receipt = (letter.receipt ??= `${connection.receiptPrefix}${String(++this.#lastReceipt)}`);
    const frame = letter.frame(receipt);
    if (frame === undefined) return false;
    letter.noteTransmission();
    this.#inFlight.add((letter.flight = new Flight(letter)));
    connection.send(frame, receipt, letter);
    return true;
  }

  readonly #eventHost: EventHost = {
    now: () => this.#host.clock.now(),
    clockOffsetMs: () => this.#host.clockOffsetMs(),
    receipted: (event) => {
      this.#receipted(event);
      event.confirm();
    },
    settled: (event) => {
      this.#unsettledEvents.remove(event);
      this.#suspects.delete(event);
      this.#host.deadlines.remove(event, event.options.deadlineAt);
      if (event.options.signal !== undefined) this.#host.deadlines.aborts.remove(event.options.signal, event);
      if (this.#unsettledEvents.size === 0) this.#onIdle?.();
      this.#noteGone();
    },
    hindrance: () => {
      const said = this.#complaint === undefined ? '' : ` (the broker ended the one before: ${this.#complaint})`;
      return this.#connection?.alive === true ? 'others were before it' : `there was no connection to the broker${said}`;
    },
  };

  #receipted(letter: Letter): void {
    if (letter.flight !== undefined) this.#inFlight.remove(letter.flight);
    letter.flight = undefined;
    this.#suspects.delete(letter);
    this.#complaint = undefined;
    this.#silentLosses = 0;
    this.#alone = false;
    this.#narrows.confirmed(letter.destination);
    // Not at once: the receipts of one chunk come one after the other.
    if (this.#head < this.#events.length || this.#copies.length > 0) this.#pump();
  }

  /** To where they stood: before all that waits. */
  #putBack(letters: readonly Letter[]): void {
    if (letters.length === 0) return;
    this.#copies = [...letters.filter(({ isCopy }) => isCopy), ...this.#copies];
    this.#events = [...letters.filter(({ isCopy }) => !isCopy), ...this.#events.slice(this.#head)];
    this.#head = 0;
  }

  #forgetSent(): void {
    if (this.#head > mostGone || this.#head >= this.#events.length) {
      this.#events = this.#head >= this.#events.length ? [] : this.#events.slice(this.#head);
      this.#head = 0;
    }
  }

  /** While nothing leaves, what was given up would stay in its row with its body. */
  #noteGone(): void {
    // Those that are gone stand in the rows themselves: half is the most that would be worth keeping.
    if (++this.#gone <= mostGone || 2 * this.#gone <= this.#events.length - this.#head + this.#copies.length) return;
    this.#events = this.#events.slice(this.#head).filter((event) => !event.ended);
    this.#head = 0;
    this.#copies = this.#copies.filter((copy) => !copy.ended);
    this.#gone = 0;
  }
}
