import { TidingsError } from './errors.js';
import { Losses } from './losses.js';
import type { Delivery } from './provider.js';

/** Whose delivery ended so often with a lost process runs alone in its listener. */
const suspectCrashes = 2;
/** And with so many left before the last, alone in the process. */
const lastChances = 2;

/** Which deliveries of a listener may end the process that handles them. */
export class Suspects {
  readonly #maxCrashes: number;
  readonly #losses: Losses;
  /** Of deliveries that are not the first. */
  readonly #suspicions = new WeakMap<Delivery, number>();

  /** `lost`: how many connections this process has lost and outlived so far. */
  constructor(maxCrashes: number, lost: () => number) {
    this.#maxCrashes = maxCrashes;
    this.#losses = new Losses(lost);
  }

  /**
   * To be asked once for each delivery, as it comes and before the others: whether the broker would soon give it up on its own, for losses
   * that were not all crashes.
   */
  isWorn(delivery: Delivery): boolean {
    const { brokerCount = 0, worn = false } = delivery;
    if (brokerCount === 0) return worn;
    const suspicion = this.#losses.suspicionOf(delivery);
    this.#suspicions.set(delivery, suspicion);
    return brokerCount >= this.#maxCrashes && suspicion < this.#maxCrashes;
  }

  /** To be handled when nothing else is held in its listener. */
  isSuspect(delivery: Delivery): boolean {
    return this.#of(delivery) >= suspectCrashes && !this.isCrashed(delivery);
  }

  /** And when nothing else is held in the process. */
  isLastChance(delivery: Delivery): boolean {
    return this.#of(delivery) >= this.#maxCrashes - lastChances;
  }

  /** Not to be handled again. */
  isCrashed(delivery: Delivery): boolean {
    return this.#of(delivery) >= this.#maxCrashes;
  }

  #of(delivery: Delivery): number {
    return this.#suspicions.get(delivery) ?? 0;
  }
}

export function crashed({ brokerCount }: Delivery): TidingsError {
  return new TidingsError(
    'crashed',
    `${String(brokerCount)} deliveries of the event ended with a dead process or a lost connection (maxCrashes): see what it does to the process before you replay it`,
  );
}
