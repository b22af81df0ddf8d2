/** As many as Artemis keeps for an address unless told otherwise. */
const capacity = 20_000;

/** The last ids seen on an address; the oldest goes first. */
export class DuplicateIds {
  readonly #ids = new Set<string>();
  // The order of arrival. A Set knows it too, but finding its first element is slow after many deletions.
  readonly #ring: string[] = [];
  #next = 0;

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** An id that is there already keeps its place. */
  add(id: string): void {
    if (this.#ids.has(id)) return;
    const oldest = this.#ring[this.#next];
    if (oldest !== undefined) this.#ids.delete(oldest);
    this.#ring[this.#next] = id;
    this.#next = (this.#next + 1) % capacity;
    this.#ids.add(id);
  }
}
