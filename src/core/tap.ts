import type { ProviderSubscription } from './provider.js';

/** Who wants a subscription shut. */
export type Shutter = 'start' | 'stop' | 'off' | 'user' | 'breaker' | 'suspect' | 'solitude';

export interface TapOptions {
  /** Most runs at once. */
  readonly concurrency: number;
  /**
   * So many runs are counted as one by `setConcurrency()`.
   * @default 1
   */
  readonly unit?: number | undefined;
  /** Deliveries held beyond those; undefined: as many as run. */
  readonly prefetch: number | undefined;
  /** Told when the provider fails to pause the subscription, which it must not. */
  readonly onFault: (error: unknown) => void;
}

/** What hangs behind the tap. */
export interface Basin {
  /** Nothing more comes: what has not begun goes back, for other processes. */
  emptied(): void;
  /** There may be room for what waits. */
  widened(): void;
}

/**
 * Opens and shuts the deliveries of one subscription. Several may want it shut, each for a reason of its own; it is open while none does.
 * Shut at first, for 'start'.
 */
export class Tap {
  readonly #unit: number;
  readonly #prefetch: number | undefined;
  readonly #onFault: (error: unknown) => void;
  readonly #reasons = new Set<Shutter>(['start']);
  #concurrency: number;
  #trickles = false;
  /** The subscription's own limit is not what it shall be. */
  #widened = false;
  #basin: Basin | undefined;
  #broker: ProviderSubscription | undefined;
  #flows = false;
  #moving: Promise<void> | undefined;
  #isMoving = false;

  constructor({ concurrency, unit = 1, prefetch, onFault }: TapOptions) {
    this.#concurrency = concurrency;
    this.#unit = unit;
    this.#prefetch = prefetch;
    this.#onFault = onFault;
  }

  /** Not before the broker has stopped and begun again where it was shut: what was given back comes first then. */
  get isOpen(): boolean {
    return this.#flows && !this.#isShut();
  }

  /** Most runs at once, now. */
  get concurrency(): number {
    return this.#trickles ? 1 : this.#concurrency;
  }

  /** Whether there is a subscription, which the broker has confirmed once. */
  get connected(): boolean {
    return this.#broker !== undefined;
  }

  /** Whether the broker serves the subscription now. */
  get ready(): boolean {
    return this.#broker?.ready ?? false;
  }

  isShutBy(reason: Shutter): boolean {
    return this.#reasons.has(reason);
  }

  /** Whether anybody wants it shut for another reason. */
  isShutBesides(reason: Shutter): boolean {
    return this.#reasons.size > (this.#reasons.has(reason) ? 1 : 0);
  }

  flowsInto(basin: Basin): void {
    this.#basin = basin;
  }

  connect(broker: ProviderSubscription): void {
    this.#broker = broker;
    if (this.#widened) broker.setLimit(this.#limit);
  }

  /** No run begins from now on; resolves when nothing more comes and what waited was given back. Never rejects. */
  shut(reason: Shutter): Promise<void> {
    this.#reasons.add(reason);
    return this.#move();
  }

  /** Takes one reason back. */
  open(reason: Shutter): void {
    if (this.#reasons.delete(reason)) void this.#move();
  }

  /** One at a time, held ones included, until it is taken back. */
  trickle(on: boolean): void {
    this.#trickles = on;
    this.#widthChanged();
  }

  setConcurrency(concurrency: number): void {
    this.#concurrency = concurrency * this.#unit;
    this.#widthChanged();
  }

  async close(): Promise<void> {
    await this.#broker?.close();
  }

  /** As `close()`; another subscription may be connected afterwards. Only while it is shut. */
  async detach(): Promise<void> {
    const broker = this.#broker;
    this.#broker = undefined;
    await broker?.close();
  }

  get #limit(): number {
    return this.#trickles ? 1 : this.#concurrency + (this.#prefetch ?? this.#concurrency);
  }

  #widthChanged(): void {
    this.#widened = true;
    this.#broker?.setLimit(this.#limit);
    if (this.isOpen) this.#basin?.widened();
  }

  // A call, since it may change while something is awaited.
  #isShut(): boolean {
    return this.#reasons.size > 0;
  }

  #move(): Promise<void> {
    if (this.#isMoving) return this.#moving ?? Promise.resolve();
    this.#isMoving = true;
    return (this.#moving = this.#follow());
  }

  /** Goes after what is wanted, which may change on the way. */
  async #follow(): Promise<void> {
    while (this.#broker !== undefined && this.#flows === this.#isShut()) {
      if (!this.#isShut()) {
        this.#flows = true;
        this.#broker.open();
        this.#basin?.widened();
      } else {
        this.#flows = false;
        await this.#paused(this.#broker);
        this.#basin?.emptied();
      }
    }
    this.#isMoving = false;
  }

  /** What still comes after a fault waits behind the tap. */
  async #paused(broker: ProviderSubscription): Promise<void> {
    try {
      await broker.pause();
    } catch (error) {
      this.#onFault(error);
    }
  }
}
