import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '../../src/core/clock.js';
import { Filling, type RuleEvent } from '../../src/targets/rule-event.js';
import { RuleFields } from '../../src/targets/rule-fields.js';
import type { Target, TargetHost, TargetKind, Outlet } from '../../src/targets/target-kind.js';

/** An event as a rule gets it. */
function ruleEvent(event: Partial<RuleEvent> = {}): RuleEvent {
  return {
    event: 'order.placed',
    id: randomUUID(),
    time: '2026-01-02T03:04:05.006Z',
    source: 'shop',
    correlationId: randomUUID(),
    contentType: 'application/json',
    data: {},
    headers: {},
    attempt: 1,
    ...event,
  };
}

/** What a kind makes of the fields of a rule; or what it finds wrong, as `path: message`. */
export function readOptions<O>(kind: TargetKind<O>, options: object, environment: Readonly<Record<string, string>> = {}): O | string[] {
  const fields = new RuleFields({ environment, secret: () => undefined });
  const result = kind.options(fields)['~standard'].validate(options);
  if (result instanceof Promise) throw new Error('the options of a kind are read at once');
  if (result.issues === undefined) return result.value;
  return result.issues.map(({ path, message }) => `${(path ?? []).map(String).join('.')}: ${message}`);
}

const outlet: Outlet = { publish: () => Promise.reject(new Error('it publishes nothing')) };

/** The target of one rule, without a manager around it. */
export class OpenedTarget implements AsyncDisposable {
  readonly target: Target;

  private constructor(target: Target) {
    this.target = target;
  }

  static async open<O>(kind: TargetKind<O>, options: object, clock: Clock = systemClock): Promise<OpenedTarget> {
    const read = readOptions(kind, options);
    if (Array.isArray(read)) throw new Error(read.join('\n'));
    const quiet = (): void => undefined;
    const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    const host: TargetHost = {
      rule: 'to-target',
      serviceName: 'shop',
      logger,
      clock,
    };
    return new OpenedTarget(await kind.open(read, host));
  }

  /** Gives it an event, once. */
  async deliver(event: Partial<RuleEvent> = {}, signal: AbortSignal = new AbortController().signal): Promise<RuleEvent> {
    const whole = ruleEvent(event);
    await this.target.deliver(this.target.prepare(new Filling(whole)), signal, outlet);
    return whole;
  }

  /** What it says that it would send. */
  show(event: Partial<RuleEvent> = {}): unknown {
    return this.target.show(this.target.prepare(new Filling(ruleEvent(event))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.target.close?.();
  }
}
