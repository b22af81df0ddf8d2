import { inspect } from 'node:util';
import type { EventManager } from '../../src/index.js';
import type { KeptLogger } from './world.js';

/** Everything that a person could get to see of a manager and of what it told, errors with their causes and hidden properties. */
export function shown(logger: KeptLogger, manager: EventManager, told: readonly unknown[]): string {
  const inspected = inspect([manager, told, logger.lines], { depth: 12, showHidden: true, maxArrayLength: null, maxStringLength: null });
  const seen = new Set<unknown>();
  const all = (value: unknown): string => {
    if (typeof value !== 'object' || value === null) return String(value);
    if (seen.has(value)) return '';
    seen.add(value);
    return Object.getOwnPropertyNames(value)
      .map((key) => `${key}=${all((value as Record<string, unknown>)[key])}`)
      .join(' ');
  };
  const parts = [logger.text(), JSON.stringify(manager.health()), JSON.stringify(manager), all(told), all(logger.lines), inspected];
  return parts.join('\n');
}
