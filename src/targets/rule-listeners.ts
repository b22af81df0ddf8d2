import { nearestName } from '../core/option-mistakes.js';
import type { Routing } from '../core/provider.js';
import type { Rule, Rules } from './rules.js';

/** What is known of an event that classes of this process declare. */
export interface KnownEvent {
  readonly name: string;
  readonly routing: Routing;
}

/** One queue of a rule. */
export interface RuleListener {
  readonly rule: Rule;
  /** Names its queue. */
  readonly name: string;
  /** That of the event, or a pattern. */
  readonly event: string;
  readonly isPattern: boolean;
  readonly routing: Routing;
}

export interface RuleListeners {
  readonly listeners: readonly RuleListener[];
  readonly mistakes: readonly string[];
  /** What may be a mistake. */
  readonly hints: readonly string[];
}

/** The listeners that rules come to. An expression is matched with the names that are declared, or that stand in the file. */
export function ruleListeners(rules: Rules, declared: readonly KnownEvent[]): RuleListeners {
  const prefix = rules.namePrefix ?? '';
  const routings = new Map(declared.map(({ name, routing }) => [name, routing]));
  const listed = rules.events.map((name) => prefix + name);
  const known = new Set([...listed, ...rules.rules.flatMap(namesIn).map((name) => prefix + name), ...routings.keys()]);
  const mistakes: string[] = [];
  const listeners = rules.rules.flatMap((rule) => {
    const one = (event: string, name = rule.name): RuleListener => ({
      rule,
      name,
      event,
      isPattern: false,
      routing: routings.get(event) ?? rule.routing,
    });
    // Whichever they are: no queue changes its name when one more comes.
    const each = (events: readonly string[]): RuleListener[] => events.map((event) => one(event, `${rule.name}.${event}`));
    const { hears } = rule;
    switch (hears.by) {
      case 'name':
        return [one(prefix + hears.name)];
      case 'pattern':
        return [{ ...one(prefix + hears.pattern), isPattern: true }];
      case 'names':
        return each(hears.names.map((name) => prefix + name));
      case 'expression': {
        const found = [...known].filter((name) => name.startsWith(prefix) && hears.expression.test(name.slice(prefix.length)));
        if (found.length === 0)
          mistakes.push(
            `${rule.place}: the rule '${rule.name}' matches no event that is known: list their names under 'events' at the top of the file, or use a pattern such as 'shop.*' in 'event'`,
          );
        return each(found);
      }
    }
  });
  return { listeners, mistakes, hints: listeners.flatMap((listener) => hintOf(listener, new Set([...routings.keys(), ...listed])) ?? []) };
}

function namesIn({ hears }: Rule): readonly string[] {
  return hears.by === 'name' ? [hears.name] : hears.by === 'names' ? hears.names : [];
}

/** A name that nobody declares is no mistake: it may come from elsewhere. Unless it looks like one that somebody does. */
function hintOf({ rule, event, isPattern }: RuleListener, known: ReadonlySet<string>): string | undefined {
  if (isPattern || known.has(event)) return undefined;
  const nearest = nearestName(event, [...known]);
  return nearest === undefined
    ? undefined
    : `${rule.place}: the rule '${rule.name}' hears '${event}', which nobody here declares: did you mean '${nearest}'?`;
}
