import type { Socket } from 'node:net';

/** Up: from the client to the target. Down: from the target to the client. */
export type Direction = 'up' | 'down';

/** What the faults in force say. One object serves all flows of a proxy; they look at it whenever they are pumped. */
export interface Faults {
  halfOpen: boolean;
  readonly held: Set<Direction>;
  delayMs: number;
  bytesPerSecond: number;
}

export interface FlowObserver {
  /** Asked before bytes pass: when the connection is to be cut among or right after them, after how many. */
  cutAfter(flow: Flow, bytes: number): number | undefined;
  /** The bytes before the cut are with the kernel. */
  cut(flow: Flow): void;
  passed(flow: Flow, bytes: number): void;
}

interface Item {
  readonly dueAt: number;
  /** Absent: the end of the stream. */
  bytes?: Buffer;
}

// A sender that is held up feels it once this much waits here, as it would with a slow network.
const mostWaitingBytes = 1024 * 1024;
const throttleStepMs = 20;

/** One direction of one connection: reads from one socket, writes to the other, in order, as the faults allow. */
export class Flow {
  readonly direction: Direction;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: Faults;
  readonly #observer: FlowObserver;
  readonly #waiting: Item[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #throttledSince: number | undefined;

  constructor(direction: Direction, from: Socket, to: Socket, faults: Faults, observer: FlowObserver) {
    this.direction = direction;
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    this.#observer = observer;
    from.on('data', (bytes: Buffer) => {
      this.#add({ dueAt: performance.now() + faults.delayMs, bytes });
    });
    from.on('end', () => {
      this.#add({ dueAt: performance.now() + faults.delayMs });
    });
    to.on('drain', () => {
      this.pump();
    });
  }

  get blocked(): boolean {
    return this.#faults.halfOpen || this.#faults.held.has(this.direction);
  }

  /** Passes on what may pass now, and comes back by itself when only time stands in the way. */
  pump(): void {
    clearTimeout(this.#timer);
    while (!this.#closed && !this.blocked && !this.#to.writableNeedDrain) {
      const item = this.#waiting[0];
      if (item === undefined) break;
      const now = performance.now();
      if (item.dueAt > now) {
        this.#later(item.dueAt - now);
        break;
      }
      if (item.bytes === undefined) {
        this.#waiting.shift();
        this.#to.end();
      } else if (!this.#pass(item, item.bytes, now)) break;
    }
    if (this.#waitingBytes < mostWaitingBytes && this.#from.isPaused()) this.#from.resume();
  }

  /** Nothing passes any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #add(item: Item): void {
    if (this.#closed) return;
    this.#waiting.push(item);
    this.#waitingBytes += item.bytes?.length ?? 0;
    if (this.#waitingBytes >= mostWaitingBytes) this.#from.pause();
    this.pump();
  }

  /** False when the rest has to wait, or when the connection is cut here. */
  #pass(item: Item, bytes: Buffer, now: number): boolean {
    const most = Math.min(bytes.length, this.#budget(now));
    if (most === 0) {
      this.#later(throttleStepMs);
      return false;
    }
    const cutAfter = this.#observer.cutAfter(this, most);
    const passing = cutAfter ?? most;
    this.#observer.passed(this, passing);
    if (cutAfter !== undefined) {
      this.close();
      this.#to.write(bytes.subarray(0, passing), () => {
        this.#observer.cut(this);
      });
      return false;
    }
    this.#waitingBytes -= passing;
    if (passing === bytes.length) this.#waiting.shift();
    else item.bytes = bytes.subarray(passing);
    this.#to.write(bytes.subarray(0, passing));
    return true;
  }

  /** How many bytes the throttle lets through now: those of the time since the last ones, of a tenth of a second at most. */
  #budget(now: number): number {
    const rate = this.#faults.bytesPerSecond;
    if (rate === Infinity) {
      this.#throttledSince = undefined;
      return Infinity;
    }
    this.#throttledSince ??= now;
    const elapsedMs = Math.min(now - this.#throttledSince, Math.max(100, 1000 / rate));
    const budget = Math.floor((elapsedMs * rate) / 1000);
    if (budget > 0) this.#throttledSince = now;
    return budget;
  }

  #later(delayMs: number): void {
    // A timer may be early by a fraction of a millisecond.
    this.#timer = setTimeout(
      () => {
        this.pump();
      },
      Math.ceil(delayMs) + 1,
    );
  }
}
