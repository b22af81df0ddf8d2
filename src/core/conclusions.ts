import { AttemptBook, type AttemptBookParts } from './attempt-book.js';
import type { EarlierAttempts } from './earlier-attempts.js';
import type { ErrorHandlers } from './error-handlers.js';
import type { Verdict } from './failure-policy.js';
import { Judge, type JudgeParts } from './judge.js';
import { listenerTimeout } from './out-of-time.js';
import type { Thrown } from './pipeline-chain.js';
import type { CopyOutcome, Delivery, Outcome } from './provider.js';
import type { Correspondence, Run } from './run.js';
import type { Runs } from './runs.js';
import type { Suspects } from './suspects.js';
import type { Tap } from './tap.js';
import type { WaitingRoom } from './waiting-room.js';

export interface ConclusionParts extends JudgeParts, AttemptBookParts {
  readonly tap: Tap;
  readonly errors: ErrorHandlers;
  readonly correspondence: Correspondence;
  /** Ends the manager with the error of a listener. Returns at once. */
  readonly halt: (error: unknown) => void;
  readonly runs: Runs;
  readonly waiting: WaitingRoom;
  readonly attempts: EarlierAttempts;
  readonly suspects: Suspects;
  readonly isStopping: () => boolean;
  /** No run begins any more. */
  readonly stop: () => void;
  /** For others to handle. */
  readonly giveBack: (delivery: Delivery) => void;
}

const accept: Outcome = Object.freeze({ do: 'accept' });
const giveBack: Outcome = Object.freeze({ do: 'return' });

/** How the runs of one listener end: what each came to, its settlement, and what may begin then. */
export class Conclusions {
  readonly #parts: ConclusionParts;
  readonly #judge: Judge;
  readonly #book: AttemptBook;
  /** Given up at the listener's timeout, and still going. */
  #overdue = 0;

  constructor(parts: ConclusionParts) {
    this.#parts = parts;
    this.#judge = new Judge(parts);
    this.#book = new AttemptBook(parts);
  }

  get overdue(): number {
    return this.#overdue;
  }

  /** Its pipelines, its listener and the sends of both have ended. */
  finished(run: Run, thrown: Thrown | undefined): void {
    run.cancelExpiry();
    if (run.overdue) this.#overdue--;
    if (run.overdue || run.abandoned) this.#parts.counters.late++;
    else if (run.unwanted) void this.#returned(run);
    else if (thrown === undefined) this.#succeeded(run);
    else void this.#failed(run, thrown);
  }

  /** The attempt has failed now; what the listener still does is ignored. */
  timedOut(run: Run): void {
    const error = listenerTimeout(this.#parts.subscription);
    this.#overdue++;
    run.giveUp(error);
    void this.#failed(run, { error });
  }

  #succeeded(run: Run): void {
    this.#book.succeeded(run);
    run.ended = true;
    void run.delivery.settle(accept).then((settlement) => {
      const settled = this.#parts.runs.settled(run, settlement, accept, undefined);
      if (typeof settled === 'boolean') this.#over(run, settled, undefined, undefined);
      else
        void settled.then((anyhow) => {
          this.#over(run, anyhow, undefined, undefined);
        });
    });
  }

  async #failed(run: Run, failed: Thrown): Promise<void> {
    const { errors, watch, correspondence } = this.#parts;
    const thrown = errors.any ? { error: await errors.handle(failed.error, run) } : failed;
    if (this.#isLeft(run)) return;
    const verdict = this.#judge.verdict(run, thrown.error);
    if (run.isRequest && (verdict.fate === 'answered' || verdict.fate === 'archived')) {
      // Before it is settled: a process that dies in between leaves nobody without an answer.
      await correspondence.refuse(run, thrown.error);
      if (this.#isLeft(run)) return;
    }
    if (verdict.counts) watch?.failed(thrown.error);
    // At once: nothing may begin that would be given back again.
    if (verdict.fate === 'stopped') this.#parts.stop();
    run.ended = true;
    const { outcome } = verdict;
    const staysHere = verdict.fate === 'retried' && run.staysHere;
    const settled = staysHere || (await this.#parts.runs.settled(run, await run.delivery.settle(outcome), outcome, verdict.fate));
    this.#over(run, settled, thrown, verdict);
  }

  #over(run: Run, settled: boolean, thrown: Thrown | undefined, verdict: Verdict | undefined): void {
    run.onSettled?.(settled && !run.overdue);
    if (settled) this.#book.tell(run, thrown, verdict?.fate);
    if (verdict?.fate === 'retried' && run.staysHere) this.#again(run, verdict.outcome);
    else this.passed(run, settled);
    if (verdict?.fate === 'stopped') this.#parts.halt(thrown?.error);
    this.#parts.waiting.fill();
    this.#parts.runs.tellIdle();
  }

  /** Nothing was done: whoever read it does not want it. */
  async #returned(run: Run): Promise<void> {
    run.abandon();
    this.#parts.counters.returned++;
    await this.#parts.runs.settled(run, await run.delivery.settle(giveBack), giveBack, undefined);
    this.passed(run, false);
    this.#parts.runs.tellIdle();
  }

  /** Whether it is for others to settle. */
  #isLeft(run: Run): boolean {
    // An overdue one is counted when its listener has ended.
    if (run.abandoned && !run.overdue) this.#parts.counters.late++;
    return run.abandoned;
  }

  /** The later ones of its key may go on: once, though its settlement may come after it was left to others. */
  passed(run: Run, settled: boolean): void {
    const { delivery } = run;
    if (delivery.message.group === undefined) return;
    if (settled) this.#parts.attempts.forget(delivery);
    if (!run.passed) this.#parts.waiting.passed(delivery);
    run.passed = true;
  }

  /** It is tried again here, unless it shall not be held meanwhile: then it comes again. */
  #again(run: Run, { headers, notBefore }: CopyOutcome): void {
    const { tap, clock } = this.#parts;
    const { delivery } = run;
    this.#parts.attempts.keep(delivery, headers);
    const doubles = this.#parts.runs.release(run);
    const isShut = this.#parts.suspects.isSuspect(delivery) ? tap.isShutBesides('suspect') : !tap.isOpen;
    if (!isShut && !this.#parts.isStopping()) this.#parts.waiting.retry(delivery, notBefore?.getTime() ?? clock.now(), doubles);
    else {
      for (const left of [delivery, ...doubles]) this.#parts.giveBack(left);
      this.#parts.waiting.passed(delivery);
    }
  }
}
