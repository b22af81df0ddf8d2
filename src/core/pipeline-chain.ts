import { TidingsError } from './errors.js';

/** One event on its way through the pipelines. */
export interface Passage {
  /** What runs innermost, once it was reached; undefined: a pipeline stopped the event. */
  inner: Promise<void> | undefined;
  /** Whether that has ended. */
  innerEnded: boolean;
}

export type Stage<P> = (passage: P, next: () => Promise<void>) => Promise<void>;
export type Passing<P> = (passage: P) => Promise<void>;

/**
 * Composes the stages once; the first is the outermost. The returned function rejects with what comes out of the outermost
 * stage, and does not end before the innermost work has ended, even when a stage forgets to await `next()`.
 */
export function chain<P extends Passage>(stages: readonly Stage<P>[], innermost: Passing<P>): Passing<P> {
  const reach: Passing<P> = (passage) => (passage.inner = innermost(passage));
  if (stages.length === 0) return reach;
  const watched: Passing<P> = (passage) => (passage.inner = noteEnd(passage, innermost));
  const through = stages.reduceRight<Passing<P>>((inner, stage) => around(stage, inner), watched);
  return (passage) => toTheEnd(passage, through);
}

function around<P>(stage: Stage<P>, inner: Passing<P>): Passing<P> {
  return async (passage) => {
    let called = false;
    await stage(passage, () => {
      if (called)
        return Promise.reject(new TidingsError('pipeline', 'a pipeline called next() twice: call it once, and return or await it'));
      called = true;
      return inner(passage);
    });
  };
}

async function noteEnd<P extends Passage>(passage: P, innermost: Passing<P>): Promise<void> {
  try {
    await innermost(passage);
  } finally {
    passage.innerEnded = true;
  }
}

async function toTheEnd<P extends Passage>(passage: P, through: Passing<P>): Promise<void> {
  try {
    await through(passage);
  } catch (error) {
    // What a stage threw counts, not what the work it left behind comes to; but nothing is settled while that still runs.
    await Promise.allSettled([passage.inner]);
    throw error;
  }
  if (!passage.innerEnded) await passage.inner;
}
