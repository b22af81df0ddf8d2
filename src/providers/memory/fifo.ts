const compactFrom = 1024;

/** First in, first out, both in O(1) on average; an array's own `shift()` moves all that is behind. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

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

  /** Counted from the first; undefined outside. */
  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#items[this.#head + index];
  }

  /** In O(1) at the place that a `shift()` has left, and at the end. */
  insert(index: number, item: T): void {
    if (index === 0 && this.#head > 0) this.#items[--this.#head] = item;
    else this.#items.splice(this.#head + index, 0, item);
  }

  removeAt(index: number): void {
    if (index === 0) this.shift();
    else this.#items.splice(this.#head + index, 1);
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
