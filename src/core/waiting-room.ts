import { Lanes, type LanesParts } from './lanes.js';
import type { Delivery } from './provider.js';

export interface WaitingRoomParts extends Omit<LanesParts, 'turn'> {
  /** Whether one more may begin now. */
  readonly hasPlace: () => boolean;
  readonly begin: (delivery: Delivery) => void;
}

/**
 * The deliveries of a listener that have not begun: those that wait for a place, in the order in which they came, and those that wait for
 * earlier ones of their key, which take no place meanwhile.
 */
export class WaitingRoom {
  readonly #parts: WaitingRoomParts;
  /** What waits for a place: of each key one at most. */
  readonly #line: Delivery[] = [];
  readonly #lanes: Lanes;

  constructor(parts: WaitingRoomParts) {
    this.#parts = parts;
    this.#lanes = new Lanes({
      ...parts,
      turn: (delivery) => {
        this.#turn(delivery);
      },
    });
  }

  get size(): number {
    return this.#line.length + this.#lanes.waiting;
  }

  /** One with this key. Begins at once when nothing of it is held here, and there is a place. */
  arrive(key: string, delivery: Delivery): void {
    this.#lanes.arrive(key, delivery);
  }

  /**
   * There is no place for it now. Those whose connection went are the first in line. They make room at once: long runs would let them pile up
   * from one loss to the next.
   */
  wait(delivery: Delivery): void {
    while (this.#line[0]?.stale === true) this.drop(this.#line.shift() as Delivery);
    this.#line.push(delivery);
  }

  /** Begins what there is a place for. */
  fill(): void {
    const { hasPlace, begin } = this.#parts;
    // Not every delivery makes a run: some take over the result of another.
    while (this.#line.length > 0 && hasPlace()) begin(this.#line.shift() as Delivery);
  }

  /** Its connection is gone, and it has left the line. */
  drop(delivery: Delivery): void {
    this.#parts.drop(delivery);
    this.#lanes.passed(delivery);
  }

  /** The later ones of its key may go on. */
  passed(delivery: Delivery): void {
    this.#lanes.passed(delivery);
  }

  /** It begins again at this time; the later ones of its key wait on. Doubles of it come after it. */
  retry(delivery: Delivery, at: number, doubles: readonly Delivery[]): void {
    this.#lanes.retry(delivery, at, doubles);
  }

  /** All that wait here leave. */
  emptied(): Delivery[] {
    const line = this.#line.splice(0);
    return [...line, ...this.#lanes.emptied(line)];
  }

  /** Those that waited for another connection make room. */
  reconnected(): void {
    this.#lanes.sweep();
    for (const delivery of this.#line.splice(0)) {
      if (delivery.stale === true) this.drop(delivery);
      else this.#line.push(delivery);
    }
  }

  /** Its key's. Others that wait for a place came before it. */
  #turn(delivery: Delivery): void {
    const { hasPlace, begin } = this.#parts;
    if (this.#line.length === 0 && hasPlace()) begin(delivery);
    else this.wait(delivery);
  }
}
