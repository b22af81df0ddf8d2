interface Entry<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Many who wait for one promise, which may take long, and give up before: nothing is kept of those who did. */
export class Waiters<T> {
  readonly #promise: Promise<T>;
  readonly #entries = new Set<Entry<T>>();
  #settled = false;

  constructor(promise: Promise<T>) {
    this.#promise = promise;
    promise.then(
      (value) => {
        this.#settled = true;
        for (const { resolve } of this.#entries) resolve(value);
      },
      (error: unknown) => {
        this.#settled = true;
        for (const { reject } of this.#entries) reject(error);
      },
    );
  }

  /** What `wait` makes of a promise that ends as the common one does. */
  async each<R>(wait: (promise: Promise<T>) => Promise<R>): Promise<R> {
    if (this.#settled) return wait(this.#promise);
    let entry: Entry<T> | undefined;
    const own = new Promise<T>((resolve, reject) => this.#entries.add((entry = { resolve, reject })));
    try {
      return await wait(own);
    } finally {
      if (entry !== undefined) this.#entries.delete(entry);
    }
  }
}
