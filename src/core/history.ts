import { wire } from './headers.js';

/** One failed attempt, as it travels with the event. */
export interface PastAttempt {
  /** How often the event had been put back from the archive before. */
  readonly round: number;
  readonly attempt: number;
  /** When it ended, in ISO 8601. */
  readonly at: string;
  /** Class and message of the error, cut short. */
  readonly error: string;
}

/** The first one and the latest stay. */
const most = 25;
const longestError = 160;

/** The history with one more attempt, as the header has it. */
export function withAttempt(headers: ReadonlyMap<string, string>, attempt: PastAttempt): string {
  const past = historyOf(headers);
  const [first, ...rest] = [...past, { ...attempt, error: attempt.error.slice(0, longestError).toWellFormed() }];
  return JSON.stringify([first, ...rest.slice(-(most - 1))]);
}

/** The failed attempts that a message tells of, oldest first. What cannot be read is none. */
export function historyOf(headers: ReadonlyMap<string, string>, name: string = wire.history): PastAttempt[] {
  const said = headers.get(name);
  if (said === undefined) return [];
  try {
    const list: unknown = JSON.parse(said);
    return Array.isArray(list) ? list.filter(isPastAttempt) : [];
  } catch {
    // Somebody else's header of that name, or one cut short on its way.
    return [];
  }
}

function isPastAttempt(entry: unknown): entry is PastAttempt {
  if (typeof entry !== 'object' || entry === null) return false;
  const { round, attempt, at, error } = entry as Partial<Record<keyof PastAttempt, unknown>>;
  return typeof round === 'number' && typeof attempt === 'number' && typeof at === 'string' && typeof error === 'string';
}
