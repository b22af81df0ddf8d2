import { describe } from '../../core/errors.js';
import type { LogFields, Logger } from '../../core/logger.js';
import type { TakeNote } from './notes.js';

const longest = 1_000;

/** Warnings and errors become notes, for the journal of a run. */
export function memberLogger(note: TakeNote): Logger {
  const write =
    (level: string) =>
    (fields: LogFields, message: string): void => {
      const told = JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? describe(value) : value));
      note({ kind: 'log', level, text: `${message} ${told}`.slice(0, longest) });
    };
  return { debug: () => undefined, info: () => undefined, warn: write('warn'), error: write('error') };
}
