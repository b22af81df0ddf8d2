import type { Subscription } from './catalog.js';
import type { Clock } from './clock.js';
import type { Counters } from './counters.js';
import type { HeaderChanges } from './earlier-attempts.js';
import { describe, TidingsError } from './errors.js';
import type { FailurePolicy, Fate, Verdict } from './failure-policy.js';
import type { Logger } from './logger.js';
import type { CopyOutcome } from './provider.js';
import type { Run } from './run.js';

export interface JudgeParts {
  readonly subscription: Subscription;
  readonly failures: FailurePolicy;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Says what becomes of a delivery whose attempt failed, and writes it into the log. */
export class Judge {
  readonly #parts: JudgeParts;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
  }

  /** A delivery is settled whatever was thrown: an error that cannot even be described must not keep it. */
  verdict(run: Run, error: unknown): Verdict {
    this.#parts.counters.failed++;
    try {
      return this.#judged(run, error);
    } catch (broken) {
      return this.#judged(run, new TidingsError('pipeline', `an error was thrown that could not be described: ${describe(broken)}`));
    }
  }

  #judged(run: Run, error: unknown): Verdict {
    const { failures, subscription, clock } = this.#parts;
    const { listener, spec, faults } = subscription;
    const { attempt, envelope } = run;
    const verdict = failures.decide({
      error,
      reason: run.crashed ? 'crashed' : run.expired ? 'expired' : envelope.receiptFailure,
      id: envelope.id,
      correlationId: envelope.correlationId,
      type: envelope.saidType,
      message: envelope.message,
      attempt,
      listener,
      spec,
      faults: spec.pattern === true && faults !== undefined ? faults + envelope.descriptor.name : faults,
      staysHere: run.staysHere,
      now: clock.now(),
    });
    this.#log(run, error, verdict.fate);
    return run.earlier === undefined || verdict.outcome.do !== 'copy' ? verdict : withEarlier(verdict, run.earlier);
  }

  #log({ envelope, attempt }: Run, error: unknown, fate: Fate): void {
    const { subscription, logger } = this.#parts;
    const { event, listener, spec } = subscription;
    const fields = { event: event.name, listener: listener.name, id: envelope.id, attempt, error: describe(error) };
    if (fate === 'retried') logger.warn(fields, 'an attempt failed and will be retried');
    else if (fate === 'archived') logger.error(fields, `an event goes to ${spec.archive}`);
    else if (fate === 'answered') logger.warn(fields, 'a request failed, and whoever sent it is told');
    else if (fate === 'discarded') logger.error(fields, "an event is discarded after a failure, as onError: 'discard' says");
    else logger.error(fields, "an attempt failed: the manager stops, as onError: 'stop' says, and the event stays on its queue");
  }
}

/** A copy is made of the message as it was received, which does not tell of the attempts made here. */
function withEarlier(verdict: Verdict, earlier: HeaderChanges): Verdict {
  const outcome = verdict.outcome as CopyOutcome;
  const { headers, notice } = outcome;
  const told = notice === undefined ? undefined : { notice: { ...notice, headers: { ...earlier, ...notice.headers } } };
  return { ...verdict, outcome: { ...outcome, headers: { ...earlier, ...headers }, ...told } } as Verdict;
}
