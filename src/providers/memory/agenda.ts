import type { Clock, Timer } from '../../core/clock.js';
import { TimeHeap } from './time-heap.js';
import type { Timed } from './time-heap.js';

export interface AgendaItem extends Timed {
  /** Whether a process should live on for it. */
  readonly keepsAlive: boolean;
  run(): void;
}

/**
 * What the broker has to do later, over one timer. It needs no timer while nobody is connected: what became due meanwhile is
 * done, in order, when somebody connects. So a stopped provider leaves none behind.
 */
export class Agenda {
  readonly #clock: Clock;
  readonly #items = new TimeHeap<AgendaItem>();
  #keeping = 0;
  #awake = false;
  #timer: Timer | undefined;
  #armedFor = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(item: AgendaItem): void {
    this.#items.add(item);
    if (item.keepsAlive) this.#keeping++;
    this.#arm();
  }

  remove(item: AgendaItem): void {
    if (this.#items.remove(item) && item.keepsAlive) this.#keeping--;
    this.#arm();
  }

  /** Does what is due, and from now on in time. */
  wake(): void {
    this.#awake = true;
    this.runDue();
  }

  /** Ends the timer, until `wake()`. */
  rest(): void {
    this.#awake = false;
    this.#arm();
  }

  runDue(): void {
    const now = this.#clock.now();
    for (let item = this.#items.first; item !== undefined && item.at <= now; item = this.#items.first) {
      this.#items.remove(item);
      if (item.keepsAlive) this.#keeping--;
      item.run();
    }
    this.#arm();
  }

  #arm(): void {
    const next = this.#awake ? (this.#items.first?.at ?? Infinity) : Infinity;
    if (next !== this.#armedFor) {
      this.#timer?.cancel();
      this.#armedFor = next;
      this.#timer = next === Infinity ? undefined : this.#clock.schedule(next - this.#clock.now(), this.#fire);
    }
    this.#timer?.keepAlive(this.#keeping > 0);
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    this.#armedFor = Infinity;
    this.runDue();
  };
}
