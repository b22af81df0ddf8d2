/** Something due at a time. Kept in one heap at most. */
export interface Timed {
  /** Milliseconds since the epoch; not changed while it is kept. */
  readonly at: number;
}

interface Node<T> {
  readonly item: T;
  readonly order: number;
}

/** What is due next, in O(log n). Equal times come in the order they were added. */
export class TimeHeap<T extends Timed> {
  readonly #nodes: Node<T>[] = [];
  readonly #places = new Map<T, number>();
  #added = 0;

  get size(): number {
    return this.#nodes.length;
  }

  get first(): T | undefined {
    return this.#nodes[0]?.item;
  }

  add(item: T): void {
    this.#rise({ item, order: this.#added++ }, this.#nodes.length);
  }

  /** False when it is not there. */
  remove(item: T): boolean {
    const place = this.#places.get(item);
    if (place === undefined) return false;
    this.#places.delete(item);
    const last = this.#nodes.pop();
    if (last === undefined || last.item === item) return true;
    // The last one fills the gap, and may belong higher or lower.
    this.#sink(last, this.#rise(last, place));
    return true;
  }

  #rise(node: Node<T>, from: number): number {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#nodes[above];
      if (parent === undefined || !before(node, parent)) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(node, place);
    return place;
  }

  #sink(node: Node<T>, from: number): void {
    let place = from;
    for (;;) {
      const left = this.#nodes[2 * place + 1];
      if (left === undefined) break;
      const right = this.#nodes[2 * place + 2];
      const child = right !== undefined && before(right, left) ? right : left;
      if (!before(child, node)) break;
      const below = child === left ? 2 * place + 1 : 2 * place + 2;
      this.#put(child, place);
      place = below;
    }
    this.#put(node, place);
  }

  #put(node: Node<T>, place: number): void {
    this.#nodes[place] = node;
    this.#places.set(node.item, place);
  }
}

function before<T extends Timed>(a: Node<T>, b: Node<T>): boolean {
  return a.item.at < b.item.at || (a.item.at === b.item.at && a.order < b.order);
}
