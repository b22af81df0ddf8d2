/** What can be on one roll at a time. */
export interface Listed<T> {
  /** Undefined: it is on none. */
  roll: object | undefined;
  /** Its neighbours there. */
  before: T | undefined;
  after: T | undefined;
}

/**
 * Items in the order in which they came, each to be struck out at once. A Set would do the same; but one that things come to and leave all the
 * time makes itself a new table again and again, and what an old one held is kept until the collector looks at all of the memory.
 */
export class Roll<T extends Listed<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first;
  }

  /** It must not be on one. */
  add(item: T): void {
    item.roll = this;
    item.before = this.#last;
    if (this.#last === undefined) this.#first = item;
    else this.#last.after = item;
    this.#last = item;
    this.#size++;
  }

  /** False when it is not on this one. */
  remove(item: T): boolean {
    if (item.roll !== this) return false;
    const { before, after } = item;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    // What has left must not hold on to what comes later.
    item.roll = item.before = item.after = undefined;
    this.#size--;
    return true;
  }

  clear(): void {
    for (const item of this.toArray()) this.remove(item);
  }

  toArray(): T[] {
    const items: T[] = [];
    for (let item = this.#first; item !== undefined; item = item.after) items.push(item);
    return items;
  }
}

/** What is looked up by its key. */
export interface Keyed<T, K> extends Listed<T> {
  readonly key: K;
  /** The next one in its bucket. */
  alike: T | undefined;
}

const buckets = 256;
/** So many characters of the end of a text tell in which bucket it is: ids differ there. */
const telling = 6;

/** As a roll, and each is found by its key; of several with one key the one that came last. In place of a Map for the same reason. */
export class Register<K, T extends Keyed<T, K>> {
  readonly #roll = new Roll<T>();
  readonly #buckets = new Array<T | undefined>(buckets).fill(undefined);

  get size(): number {
    return this.#roll.size;
  }

  get(key: K): T | undefined {
    let item = this.#buckets[bucketOf(key)];
    while (item !== undefined && item.key !== key) item = item.alike;
    return item;
  }

  has(item: T): boolean {
    return item.roll === this.#roll;
  }

  add(item: T): void {
    const bucket = bucketOf(item.key);
    item.alike = this.#buckets[bucket];
    this.#buckets[bucket] = item;
    this.#roll.add(item);
  }

  /** False when it is not here. */
  remove(item: T): boolean {
    if (!this.#roll.remove(item)) return false;
    const bucket = bucketOf(item.key);
    let other = this.#buckets[bucket];
    if (other === item) this.#buckets[bucket] = item.alike;
    else {
      while (other !== undefined && other.alike !== item) other = other.alike;
      if (other !== undefined) other.alike = item.alike;
    }
    item.alike = undefined;
    return true;
  }

  clear(): void {
    for (const item of this.toArray()) this.remove(item);
  }

  /** In the order in which they came. */
  toArray(): T[] {
    return this.#roll.toArray();
  }
}

function bucketOf(key: unknown): number {
  if (typeof key !== 'string') return 0;
  let sum = key.length;
  for (let at = Math.max(0, key.length - telling); at < key.length; at++) sum = (Math.imul(sum, 31) + key.charCodeAt(at)) | 0;
  return sum & (buckets - 1);
}
