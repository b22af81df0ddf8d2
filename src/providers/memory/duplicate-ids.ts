/** As many as Artemis keeps for an address unless told otherwise. */
const capacity = 20_000;

/**
 * The last ids seen on an address; the oldest goes first. Each is known by its number: what is too old is passed over, and goes with all of its
 * generation, since to take ids out one by one would cost more than all else.
 */
export class DuplicateIds {
  #young = new Map<string, number>();
  #old: ReadonlyMap<string, number> = new Map();
  #added = 0;

  has(id: string): boolean {
    const number = this.#young.get(id) ?? this.#old.get(id);
    return number !== undefined && number >= this.#added - capacity;
  }

  /** An id that is there already keeps its place. */
  add(id: string): void {
    if (this.has(id)) return;
    if (this.#young.size === capacity) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(id, this.#added++);
  }
}
