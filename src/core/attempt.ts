import { wire } from './headers.js';

type Headers = ReadonlyMap<string, string>;

/** Whether it comes out of an archive: somebody has put it back, and it begins anew. */
export function isPutBack(headers: Headers): boolean {
  return headers.has(wire.errorReason);
}

/** The number of this attempt: 1 where no failure of this round has been counted yet. */
export function attemptOf(headers: Headers): number {
  return isPutBack(headers) ? 1 : wholeNumber(headers.get(wire.attempt), 1);
}

/** How often the event was put back from the archive. Tells its copies from those of earlier rounds. */
export function roundOf(headers: Headers): number {
  return wholeNumber(headers.get(wire.round), 0) + (isPutBack(headers) ? 1 : 0);
}

function wholeNumber(said: string | undefined, otherwise: number): number {
  const number = said === undefined ? otherwise : Number(said);
  return Number.isSafeInteger(number) && number >= otherwise ? number : otherwise;
}
