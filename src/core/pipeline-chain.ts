import { TidingsError } from './errors.js';
import { HandedPromise } from './handed-promise.js';

/** What came of something that did not end well. */
export interface Thrown {
  readonly error: unknown;
}

/** Whoever waits for something to end. */
interface Waiting {
  /** Called once, when it has ended; undefined: well. Does not throw. */
  finished(thrown: Thrown | undefined): void;
}

/** One event on its way through the pipelines. `finished` tells it what comes out of the outermost stage, when nothing runs any more. */
export interface Passage extends Waiting {
  /** Whether it got as far as the work; false: a pipeline stopped the event. */
  reached: boolean;
  /** Whether the work has ended, one way or the other. */
  worked: boolean;
}

export type Stage<P> = (passage: P, next: () => Promise<void>) => Promise<void>;

/** What the pipelines are around. */
export interface Work<P> {
  /** Fails by throwing or rejecting. */
  begin(passage: P): unknown;
  /** What is left to do once it has ended well: a promise only where there is something. Does not throw. */
  complete(passage: P, result: unknown): Promise<void> | undefined;
}

/**
 * Stages around work, composed once; the first is the outermost. A stage that forgets to await `next()` is taken as if it had returned it:
 * nothing ends before the work further in has, and no failure is lost. It runs for every event, so it is written for speed: nothing is
 * awaited here, since each `await` makes promises of its own; whoever waits is told.
 */
export class Chain<P extends Passage> {
  readonly #stages: readonly Stage<P>[];
  readonly #work: Work<P>;

  constructor(stages: readonly Stage<P>[], work: Work<P>) {
    this.#stages = stages;
    this.#work = work;
  }

  /** Does not throw. */
  pass(passage: P): void {
    this.enter(0, passage, passage);
  }

  /** The stage at this place, or behind the last one the work. */
  enter(place: number, passage: P, outer: Waiting): void {
    const stage = this.#stages[place];
    if (stage === undefined) this.#begin(passage, outer);
    else new Step(this, place, passage, outer).begin(stage);
  }

  #begin(passage: P, outer: Waiting): void {
    passage.reached = true;
    let result: unknown;
    try {
      result = this.#work.begin(passage);
    } catch (error) {
      failed(passage, outer, error);
      return;
    }
    if (!isThenable(result)) this.#complete(passage, outer, result);
    else
      Promise.resolve(result).then(
        (value) => {
          this.#complete(passage, outer, value);
        },
        (error: unknown) => {
          failed(passage, outer, error);
        },
      );
  }

  #complete(passage: P, outer: Waiting, result: unknown): void {
    const left = this.#work.complete(passage, result);
    if (left === undefined) succeeded(passage, outer);
    else
      left.then(
        () => {
          succeeded(passage, outer);
        },
        (error: unknown) => {
          failed(passage, outer, error);
        },
      );
  }
}

/** One stage of one passage. */
class Step<P extends Passage> implements Waiting {
  readonly #chain: Chain<P>;
  readonly #place: number;
  readonly #passage: P;
  readonly #outer: Waiting;
  /** What `next()` gave out. */
  #handed: HandedPromise<void> | undefined;
  /** Whether what `next()` began has ended. */
  #innerOver = false;
  #innerThrown: Thrown | undefined;
  /** Whether the stage itself has ended. */
  #over = false;
  #thrown: Thrown | undefined;
  /** It returned what `next()` gave out. */
  #passesOn = false;

  constructor(chain: Chain<P>, place: number, passage: P, outer: Waiting) {
    this.#chain = chain;
    this.#place = place;
    this.#passage = passage;
    this.#outer = outer;
  }

  begin(stage: Stage<P>): void {
    let returned: Promise<void>;
    try {
      returned = stage(this.#passage, () => this.#next());
    } catch (error) {
      this.#left({ error });
      return;
    }
    if (returned === this.#handed) {
      this.#passesOn = true;
      this.#left(undefined);
    } else
      // A stage that is not typed may return anything.
      Promise.resolve(returned).then(
        () => {
          this.#left(undefined);
        },
        (error: unknown) => {
          this.#left({ error });
        },
      );
  }

  /** What `next()` began has. */
  finished(thrown: Thrown | undefined): void {
    this.#innerOver = true;
    this.#innerThrown = thrown;
    if (thrown === undefined) this.#handed?.resolve();
    else this.#handed?.reject(thrown.error);
    if (this.#over) this.#end();
  }

  #next(): Promise<void> {
    if (this.#handed !== undefined) return refused('a pipeline called next() twice: call it once, and return or await it');
    if (this.#over) return refused('a pipeline called next() after it had ended: await what comes before it');
    const handed = (this.#handed = new HandedPromise<void>());
    this.#chain.enter(this.#place + 1, this.#passage, this);
    return handed;
  }

  #left(thrown: Thrown | undefined): void {
    this.#over = true;
    this.#thrown = thrown;
    // Nothing is settled while what was begun still runs.
    if (this.#handed === undefined || this.#innerOver) this.#end();
  }

  /** A failure further in is the stage's own, unless it asked for it. */
  #end(): void {
    const isOurs = this.#passesOn || this.#handed?.taken === false;
    this.#outer.finished(this.#thrown ?? (isOurs ? this.#innerThrown : undefined));
  }
}

function succeeded(passage: Passage, outer: Waiting): void {
  passage.worked = true;
  outer.finished(undefined);
}

function failed(passage: Passage, outer: Waiting, error: unknown): void {
  passage.worked = true;
  outer.finished({ error });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && 'then' in value;
}

function refused(why: string): Promise<never> {
  return Promise.reject(new TidingsError('pipeline', why));
}
