import { Roll } from '../../core/roll.js';
import type { StompDelivery } from './stomp-delivery.js';

/** All that came for one subscription and is not settled: never more than its limit is handed over, the rest waits for its turn. */
export class HeldDeliveries {
  limit: number;
  readonly #handOver: (delivery: StompDelivery) => void;
  readonly #flow: (more: boolean) => void;
  /** Handed over and not settled, those of lost connections included; what is given back keeps its place until it has gone. */
  readonly #handed = new Roll<StompDelivery>();
  readonly #waiting = new Roll<StompDelivery>();
  /** Of those handed over: they go to the broker as soon as nothing runs that would go with them. */
  #returned: StompDelivery[] = [];
  #open = false;
  /** Settled in this tick. */
  #unwritten = 0;

  /** `flow` is told, again and again, whether more would find a place. */
  constructor(limit: number, handOver: (delivery: StompDelivery) => void, flow: (more: boolean) => void) {
    this.limit = limit;
    this.#handOver = handOver;
    this.#flow = flow;
  }

  /** Free ones. */
  get places(): number {
    return this.limit - this.#handed.size;
  }

  /** Nothing runs. */
  get resting(): boolean {
    return this.#handed.size <= this.#returned.length;
  }

  get handed(): readonly StompDelivery[] {
    return this.#handed.toArray();
  }

  get all(): StompDelivery[] {
    return [...this.#handed.toArray(), ...this.#waiting.toArray()];
  }

  open(): void {
    this.#open = true;
    // Given back, and still here: they are the first again.
    const waiting = this.#waiting.toArray();
    this.#waiting.clear();
    for (const delivery of this.#takeReturned()) this.#waiting.add(delivery.again());
    for (const delivery of waiting) this.#waiting.add(delivery);
    this.pump();
  }

  /** Nothing is handed over until it is opened again. */
  shut(): void {
    this.#open = false;
  }

  came(delivery: StompDelivery): void {
    this.#waiting.add(delivery);
    this.pump();
    if (this.#waiting.size > 0) this.#flow(false);
  }

  returned(delivery: StompDelivery): void {
    this.#returned.push(delivery);
  }

  settled(delivery: StompDelivery): void {
    this.#handed.remove(delivery);
    if (this.#unwritten++ === 0) setImmediate(this.#written);
  }

  /** What is not running is the broker's again. */
  forget(): void {
    this.#waiting.clear();
    this.#takeReturned();
  }

  pump(): void {
    while (this.#open && this.#handed.size + this.#unwritten < this.limit) {
      const delivery = this.#waiting.first;
      if (delivery === undefined) {
        this.#flow(true);
        return;
      }
      this.#waiting.remove(delivery);
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
    for (const delivery of returned) this.#handed.remove(delivery);
    return returned;
  }
}
