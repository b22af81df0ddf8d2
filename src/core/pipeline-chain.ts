import { TidingsError } from './errors.js';
import { HandedPromise } from './handed-promise.js';

/** One event on its way through the pipelines. */
export interface Passage {
  /** What runs innermost, once it was reached; undefined: a pipeline stopped the event. */
  inner: Promise<void> | undefined;
}

export type Stage<P> = (passage: P, next: () => Promise<void>) => Promise<void>;
export type Passing<P> = (passage: P) => Promise<void>;

/**
 * Composes the stages once; the first is the outermost. The returned function rejects with what comes out of the outermost
 * stage. A stage that forgets to await `next()` is taken as if it had returned it: nothing ends before the work further in has,
 * and no failure is lost.
 */
export function chain<P extends Passage>(stages: readonly Stage<P>[], innermost: Passing<P>): Passing<P> {
  const reach: Passing<P> = (passage) => (passage.inner = innermost(passage));
  return stages.reduceRight<Passing<P>>((inner, stage) => around(stage, inner), reach);
}

function around<P>(stage: Stage<P>, inner: Passing<P>): Passing<P> {
  return async (passage) => {
    const step = new Step(passage, inner);
    try {
      await stage(passage, () => step.next());
    } finally {
      step.over = true;
      // Nothing is settled while what was begun still runs.
      await Promise.allSettled([step.begun]);
    }
    await step.forgotten();
  };
}

/** What one stage did with its `next()`. */
class Step<P> {
  readonly #passage: P;
  readonly #inner: Passing<P>;
  begun: Promise<void> | undefined;
  over = false;
  #handed: HandedPromise<void> | undefined;

  constructor(passage: P, inner: Passing<P>) {
    this.#passage = passage;
    this.#inner = inner;
  }

  next(): Promise<void> {
    if (this.begun !== undefined) return refused('a pipeline called next() twice: call it once, and return or await it');
    if (this.over) return refused('a pipeline called next() after it had ended: await what comes before it');
    this.begun = this.#inner(this.#passage);
    return (this.#handed = HandedPromise.of(this.begun));
  }

  /** The failure that a stage did not ask for. */
  async forgotten(): Promise<void> {
    if (this.#handed?.taken === false) await this.begun;
  }
}

function refused(why: string): Promise<never> {
  return Promise.reject(new TidingsError('pipeline', why));
}
