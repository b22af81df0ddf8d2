import { systemClock } from '../../core/clock.js';
import { describe } from '../../core/errors.js';
import { consoleLogger } from '../../core/logger.js';
import { nearestName } from '../../core/option-mistakes.js';
import { EvaluationFault } from '../../targets/expressions/evaluation-fault.js';
import { Filling, type RuleEvent } from '../../targets/rule-event.js';
import { shownText } from '../../targets/rule-runner.js';
import type { Rule, Rules } from '../../targets/rules.js';
import { TargetRefusal } from '../../targets/target-refusal.js';
import type { TargetHost } from '../../targets/target-kind.js';
import { isHeardBy } from './hears.js';

export interface Tried {
  readonly report: string;
  /** Each rule that hears the event could say what becomes of it, and one does hear it. */
  readonly passed: boolean;
}

/** What each rule would make of the event. Nothing is sent, and nothing connected to. */
export async function tryRules(rules: Rules, event: RuleEvent): Promise<Tried> {
  const heard = rules.rules.filter((rule) => isHeardBy(event.event, rule));
  const lines: string[] = [];
  let passed = heard.length > 0;
  for (const rule of heard) {
    const outcome = await outcomeOf(rule, event, rules);
    passed &&= !outcome.failed;
    lines.push(`${rule.place}: ${rule.name}: ${outcome.text}`);
  }
  const others = rules.rules.length - heard.length;
  if (heard.length === 0) lines.push(`no rule hears ${event.event}${hint(event.event, rules)}`);
  else if (others > 0) lines.push(`not heard by ${String(others)} other rule${others === 1 ? '' : 's'}`);
  return { report: `${lines.join('\n')}\n`, passed };
}

async function outcomeOf(rule: Rule, event: RuleEvent, rules: Rules): Promise<{ readonly text: string; readonly failed: boolean }> {
  const filling = new Filling(event);
  try {
    if (rule.filter?.(new Filling({ ...event, attempt: undefined })) === false)
      return { text: 'its filter is false: its target gets nothing', failed: false };
    return { text: `the target (${rule.kind}) would get\n${await shipment(rule, filling, rules)}`, failed: false };
  } catch (error) {
    const isArchived = error instanceof EvaluationFault || error instanceof TargetRefusal;
    return { text: `${isArchived ? 'the event would be archived: ' : ''}${rules.masked(describe(error))}`, failed: true };
  }
}

async function shipment({ name, target: kind, options }: Rule, filling: Filling, rules: Rules): Promise<string> {
  const target = await kind.open(options, hostOf(name));
  try {
    return shownText(target, target.prepare(filling), rules, 2);
  } finally {
    await target.close?.();
  }
}

function hostOf(rule: string): TargetHost {
  return { rule, serviceName: 'tidings', logger: consoleLogger, clock: systemClock };
}

function hint(name: string, { rules, events }: Rules): string {
  const named = rules.flatMap(({ hears }) => (hears.by === 'name' ? [hears.name] : hears.by === 'names' ? hears.names : []));
  const nearest = nearestName(name, [...named, ...events]);
  return nearest === undefined || nearest === name ? '' : `: did you mean ${nearest}?`;
}
