import { randomFrom } from '../../support/random.js';

/** Chance that can be repeated from its seed. */
export class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = randomFrom(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  of<T>(choice: readonly T[]): T {
    return choice[this.below(choice.length)] as T;
  }

  /** At most so many. */
  some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  bytes(most: number): Buffer {
    return this.exactly(this.below(most + 1));
  }

  exactly(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  id(): string {
    return this.exactly(16).toString('hex');
  }
}
