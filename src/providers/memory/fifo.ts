const compactFrom = 1024;

/** First in, first out, both in O(1) on average; an array's own `shift()` moves all that is behind. */
export class Fifo<T> {
  #items: (T | undefined)[];
  #head = 0;

  constructor(items: T[] = []) {
    this.#items = items;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) this.#reset([]);
    else if (this.#head >= compactFrom && this.#head * 2 >= this.#items.length) this.#reset(this.#items.slice(this.#head));
    return item;
  }

  toArray(): T[] {
    return this.#items.slice(this.#head) as T[];
  }

  #reset(items: (T | undefined)[]): void {
    // An empty array is kept: a queue that is as fast as its senders is emptied for each message.
    if (items.length === 0) this.#items.length = 0;
    else this.#items = items;
    this.#head = 0;
  }
}
