import { TidingsError } from '../../core/errors.js';
import type { PeerFault } from '../network/peer-fault.js';
import { missingRight } from './artemis-words.js';

/** Why a queue cannot be read on. */
export function readingRefused(queue: string, fault: PeerFault): TidingsError {
  const right = missingRight(fault.message);
  return right === undefined
    ? new TidingsError('connection', `queue ${queue}: the broker ended the reading: ${fault.message}`, { cause: fault, retryable: true })
    : new TidingsError('permission', `queue ${queue}: the user lacks the right ${right}. The broker said: ${fault.message}`, {
        cause: fault,
      });
}

export function readingSilent(queue: string, silenceMs: number): TidingsError {
  return new TidingsError(
    'connection',
    `queue ${queue}: messages wait there, and the broker gave none in ${String(silenceMs)} ms. It may be paused, or another consumer has their groups.`,
    { retryable: true },
  );
}
