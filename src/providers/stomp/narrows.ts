/** More are not remembered. */
const most = 1_000;

/**
 * Destinations that refused something: the broker ends the connection each time, and whatever was in flight goes again. So what goes there
 * goes alone, until one is confirmed.
 */
export class Narrows {
  readonly #destinations = new Set<string>();

  has(destination: string): boolean {
    return this.#destinations.has(destination);
  }

  refused(destination: string): void {
    this.#destinations.add(destination);
    if (this.#destinations.size <= most) return;
    for (const oldest of this.#destinations) {
      this.#destinations.delete(oldest);
      return;
    }
  }

  confirmed(destination: string): void {
    if (this.#destinations.size > 0) this.#destinations.delete(destination);
  }
}
