/**
 * A promise that knows whether anybody asked for its result: `await` and `Promise.all` on a subclass go through `then`. Whoever
 * handed it out answers for a failure that nobody took; it is no unhandled rejection.
 */
export class HandedPromise<T> extends Promise<T> {
  // What then() returns is a plain promise: only the first step counts.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  taken = false;

  static of<T>(promise: Promise<T>): HandedPromise<T> {
    const handed = new HandedPromise<T>((resolve, reject) => {
      promise.then(resolve, reject);
    });
    handed.#quiet();
    return handed;
  }

  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.taken = true;
    return super.then(fulfilled, rejected);
  }

  #quiet(): void {
    void super.then(undefined, () => undefined);
  }
}
