import { matches } from '../../core/event-pattern.js';
import type { Rule } from '../../targets/rules.js';

/** What a rule hears, for people. */
export function hears({ hears }: Rule): string {
  switch (hears.by) {
    case 'name':
      return hears.name;
    case 'names':
      return hears.names.join(', ');
    case 'pattern':
      return hears.pattern;
    case 'expression':
      return `/${hears.expression.source}/`;
  }
}

/** Whether it hears events of that name. */
export function isHeardBy(name: string, { hears }: Rule): boolean {
  switch (hears.by) {
    case 'name':
      return hears.name === name;
    case 'names':
      return hears.names.includes(name);
    case 'pattern':
      return matches(hears.pattern, name);
    case 'expression':
      return hears.expression.test(name);
  }
}
