import type { Envelope } from '../core/envelope.js';
import { describe, RetryLater, TidingsError } from '../core/errors.js';
import type { EventContext } from '../core/event-context.js';
import { EvaluationFault } from './expressions/evaluation-fault.js';
import { Filling, type RuleEvent } from './rule-event.js';
import type { Rule, Rules } from './rules.js';
import type { Outlet, Target, TargetHost } from './target-kind.js';
import { TargetRefusal } from './target-refusal.js';

export interface RunnerParts {
  readonly rules: Rules;
  readonly host: TargetHost;
  /** Nothing is delivered; what would be is told to the logger. */
  readonly dryRun: boolean;
}

/** One rule at work. */
export class RuleRunner {
  readonly rule: Rule;
  readonly #target: Target;
  readonly #parts: RunnerParts;

  private constructor(rule: Rule, target: Target, parts: RunnerParts) {
    this.rule = rule;
    this.#target = target;
    this.#parts = parts;
  }

  /** Connects nothing. */
  static async open(rule: Rule, parts: RunnerParts): Promise<RuleRunner> {
    return new RuleRunner(rule, await rule.target.open(rule.options, parts.host), parts);
  }

  /** Whether an event goes to the target. Throws a TargetRefusal where that cannot be told. */
  accepts(envelope: Envelope, name: string): boolean {
    const { filter } = this.rule;
    return filter === undefined || this.#filled(() => filter(this.#filling(envelope, name, undefined)));
  }

  /** Throws what the target throws, without secrets. */
  async on(envelope: Envelope, name: string, { attempt, signal }: Pick<EventContext, 'attempt' | 'signal'>, outlet: Outlet): Promise<void> {
    const { rules, host, dryRun } = this.#parts;
    const shipment = this.#filled(() => this.#target.prepare(this.#filling(envelope, name, attempt)));
    if (dryRun) {
      const shown = shownText(this.#target, shipment, rules);
      host.logger.warn({ rule: this.rule.name, event: name, id: envelope.id, shown }, 'a dry run: this would be delivered');
      return;
    }
    try {
      await this.#target.deliver(shipment, signal, outlet);
    } catch (error) {
      throw withoutSecrets(error, rules);
    }
  }

  async close(): Promise<void> {
    await this.#target.close?.();
  }

  #filling(envelope: Envelope, name: string, attempt: number | undefined): Filling {
    return new Filling(ruleEvent(envelope, name, attempt), this.#parts.host.clock);
  }

  /** What has no value with this event has none the next time either. */
  #filled<T>(fill: () => T): T {
    try {
      return fill();
    } catch (error) {
      if (!(error instanceof EvaluationFault)) throw withoutSecrets(error, this.#parts.rules);
      throw new TargetRefusal(`the rule '${this.rule.name}' cannot be applied to this event: ${this.#parts.rules.masked(error.message)}`, {
        cause: error,
      });
    }
  }
}

/** What one event becomes, for people: JSON, without values of the environment. */
export function shownText(target: Target, shipment: unknown, rules: Rules, indent?: number): string {
  const masked = (_name: string, value: unknown): unknown => (typeof value === 'string' ? rules.masked(value) : value);
  return JSON.stringify(target.show(shipment), masked, indent);
}

/** `name`: that of the address it came by, whatever type its sender said. */
function ruleEvent(envelope: Envelope, name: string, attempt: number | undefined): RuleEvent {
  return {
    event: name,
    id: envelope.id,
    time: envelope.time.toISOString(),
    source: envelope.source,
    subject: envelope.subject,
    correlationId: envelope.correlationId,
    causationId: envelope.causationId,
    contentType: envelope.contentType,
    data: envelope.event,
    headers: Object.fromEntries(envelope.headers()),
    attempt,
  };
}

/** The same error, where nothing has to be taken from it. */
function withoutSecrets(error: unknown, rules: Rules): unknown {
  const said = describe(error);
  const masked = rules.masked(said);
  if (masked === said) return error;
  // When it shall be tried again is no secret. Its cause is what its message tells of.
  if (RetryLater.is(error)) return new RetryLater(error.delayMs, { cause: new Error(rules.masked(describe(error.cause))) });
  return TidingsError.is(error) ? new TidingsError(error.code, masked, { retryable: error.retryable }) : new Error(masked);
}
