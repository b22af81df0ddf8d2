import { type Filling, type RuleEvent } from '../../src/targets/rule-event.js';
import { RuleFields } from '../../src/targets/rule-fields.js';
import type { Heard, Rule, Rules } from '../../src/targets/rules.js';
import type { Target, TargetKind } from '../../src/targets/target-kind.js';

const fields = new RuleFields({ environment: {}, secret: () => undefined });

/** Rules as a file would give them. */
export function rulesOf(...rules: Rule[]): Rules {
  return { file: undefined, namePrefix: undefined, events: [], rules, masked: (text) => text };
}

/** One with the options of its kind, checked. */
export function ruleOf(name: string, event: string | Heard, kind: TargetKind, options: object, more: Partial<Rule> = {}): Rule {
  const hears: Heard = typeof event === 'string' ? { by: 'name', name: event } : event;
  const result = kind.options(fields)['~standard'].validate(options);
  if (result instanceof Promise || result.issues !== undefined) throw new Error(`these options are wrong: ${JSON.stringify(result)}`);
  return {
    name,
    place: 'by hand',
    hears,
    routing: 'multicast',
    filter: undefined,
    kind: 'by-hand',
    target: kind,
    options: result.value,
    listener: {},
    ...more,
  };
}

export interface Noted {
  readonly event: RuleEvent;
  readonly at: number;
}

/** A kind that notes what is delivered. `deliver` may throw. */
export function notingKind(seen: Noted[], deliver: (noted: Noted, signal: AbortSignal) => unknown = () => undefined): TargetKind {
  const target: Target<Noted> = {
    prepare: ({ event }: Filling) => ({ event, at: Date.now() }),
    deliver: async (noted, signal) => {
      seen.push(noted);
      await deliver(noted, signal);
    },
    show: ({ event }) => ({ data: event.data }),
  };
  const options: TargetKind['options'] = () => ({
    '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
  });
  return { options, open: () => target };
}
