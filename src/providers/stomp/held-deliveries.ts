import type { StompDelivery } from './stomp-delivery.js';

/** All that came for one subscription and is not settled: never more than its limit is handed over, the rest waits for its turn. */
export class HeldDeliveries {
  limit: number;
  readonly #handOver: (delivery: StompDelivery) => void;
  /** Handed over and not settled, those of lost connections included; what is given back keeps its place until it has gone. */
  readonly #handed = new Set<StompDelivery>();
  #waiting: StompDelivery[] = [];
  /** Of those handed over: they go to the broker as soon as nothing runs that would go with them. */
  #returned: StompDelivery[] = [];
  #open = false;
  /** Settled in this tick. */
  #unwritten = 0;

  constructor(limit: number, handOver: (delivery: StompDelivery) => void) {
    this.limit = limit;
    this.#handOver = handOver;
  }

  /** Free ones. */
  get places(): number {
    return this.limit - this.#handed.size;
  }

  /** Nothing runs. */
  get resting(): boolean {
    return this.#handed.size <= this.#returned.length;
  }

  get handed(): Iterable<StompDelivery> {
    return this.#handed;
  }

  get all(): StompDelivery[] {
    return [...this.#handed, ...this.#waiting];
  }

  open(): void {
    this.#open = true;
    // Given back, and still here: they are the first again.
    this.#waiting = [...this.#takeReturned().map((delivery) => delivery.again()), ...this.#waiting];
    this.pump();
  }

  /** Nothing is handed over until it is opened again. */
  shut(): void {
    this.#open = false;
  }

  came(delivery: StompDelivery): void {
    this.#waiting.push(delivery);
    this.pump();
  }

  returned(delivery: StompDelivery): void {
    this.#returned.push(delivery);
  }

  settled(delivery: StompDelivery): void {
    this.#handed.delete(delivery);
    if (this.#unwritten++ === 0) setImmediate(this.#written);
  }

  /** What is not running is the broker's again. */
  forget(): void {
    this.#waiting = [];
    this.#takeReturned();
  }

  pump(): void {
    while (this.#open && this.#handed.size + this.#unwritten < this.limit) {
      const delivery = this.#waiting.shift();
      if (delivery === undefined) return;
      if (delivery.stale) continue;
      this.#handed.add(delivery);
      this.#handOver(delivery);
    }
  }

  /**
   * The ACKs of this tick are written: their places are free. Before, quick listeners would handle all that waits here with no ACK on its
   * way, and it would be handled again if the process died just then.
   */
  readonly #written = (): void => {
    this.#unwritten = 0;
    this.pump();
  };

  #takeReturned(): StompDelivery[] {
    const returned = this.#returned.splice(0);
    for (const delivery of returned) this.#handed.delete(delivery);
    return returned;
  }
}
