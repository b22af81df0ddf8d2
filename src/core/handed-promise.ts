type Resolve<T> = (value: T | PromiseLike<T>) => void;
type Reject = (reason: unknown) => void;

// What a promise under construction is settled by: read by its constructor at once, so that no executor is made for each.
let resolveNewest: Resolve<never>;
let rejectNewest: Reject;

function executor(resolve: Resolve<never>, reject: Reject): void {
  resolveNewest = resolve;
  rejectNewest = reject;
}

/**
 * A promise that knows whether anybody asked for its result. Whoever handed it out settles it, and answers for a failure that nobody took;
 * it is no unhandled rejection.
 */
export class HandedPromise<T> extends Promise<T> {
  taken = false;
  readonly #resolve: Resolve<T>;
  readonly #reject: Reject;

  static {
    // `await` looks at the constructor, and goes the short way, past then(), where it is that of all promises; so does what then() returns.
    void Object.defineProperty(this.prototype, 'constructor', {
      get(this: HandedPromise<unknown>) {
        this.taken = true;
        return Promise;
      },
    });
  }

  constructor() {
    super(executor);
    this.#resolve = resolveNewest as Resolve<T>;
    this.#reject = rejectNewest;
  }

  /** It comes to what the promise comes to. */
  static of<T>(promise: Promise<T>): HandedPromise<T> {
    const handed = new HandedPromise<T>();
    void promise.then(handed.#resolve, (error: unknown) => {
      handed.reject(error);
    });
    return handed;
  }

  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.taken = true;
    return super.then(fulfilled, rejected);
  }

  resolve(value: T): void {
    this.#resolve(value);
  }

  reject(error: unknown): void {
    const { taken } = this;
    if (!taken) void super.then(undefined, () => undefined);
    // It was looked at from in here only.
    this.taken = taken;
    this.#reject(error);
  }
}
