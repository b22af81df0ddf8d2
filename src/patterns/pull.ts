import type { Aborts } from '../core/aborts.js';
import type { Clock } from '../core/clock.js';
import { Deferred } from '../core/deferred.js';
import { TidingsError } from '../core/errors.js';
import { Held, type HeldEvent } from './held-event.js';
import type { OpenReading, Reading } from './reading.js';

export interface PullOptions {
  /**
   * Of the queue, which all who say it share. Without one only what comes from now on is pulled, as a copy of its own.
   * @default none
   */
  name?: string | undefined;
  /** At most so many events, 1 or more; of one key one at most, as the later ones wait for it. */
  max: number;
  /** Milliseconds, 1 or more: resolves then with what is there. Counts from when the manager runs, the round trips of subscribing included. */
  timeoutMs: number;
  /**
   * Resolves with what is there.
   * @default none
   */
  signal?: AbortSignal | undefined;
}

/** Throws 'configuration' for what would pull nothing, or for ever. */
export function checkPullOptions({ max, timeoutMs }: PullOptions): void {
  if (!(Number.isSafeInteger(max) && max >= 1)) throw new TidingsError('configuration', 'max of pull() must be a whole number, 1 or more');
  if (!(timeoutMs >= 1 && timeoutMs < 2 ** 31))
    throw new TidingsError(
      'configuration',
      'timeoutMs of pull() must be a number of milliseconds, 1 or more, and at most 24 days: it has to subscribe before anything can come',
    );
}

/** Takes what comes until there are enough of them or the time is over; they stay held until each is settled. */
export async function pull<E extends object>(
  open: OpenReading,
  { max, timeoutMs, signal }: PullOptions,
  { clock, aborts }: { readonly clock: Clock; readonly aborts: Aborts },
): Promise<HeldEvent<E>[]> {
  const held: Held<E>[] = [];
  const enough = new Deferred<void>();
  const leaving = new AbortController();
  let ending: AbortSignal | undefined;
  let over = false;
  const finish = (): void => {
    over = true;
    enough.resolve();
  };
  const opening = open((event, run) => {
    const one = new Held(event as E, run);
    if (over || held.length >= max) one.giveBack();
    else if (held.push(one) === max) enough.resolve();
    return one.outcome;
  }, leaving.signal);
  const timer = clock.schedule(timeoutMs, finish);
  const finishing = { aborted: finish };
  if (signal !== undefined) aborts.add(signal, finishing);
  if (signal?.aborted === true) finish();
  // What was refused is told at once.
  opening.then((reading) => {
    if (over) return;
    ending = reading.ending;
    ending.addEventListener('abort', finish, { once: true });
    if (ending.aborted) finish();
  }, enough.reject);
  try {
    await enough.promise;
  } finally {
    timer.cancel();
    if (signal !== undefined) aborts.remove(signal, finishing);
    ending?.removeEventListener('abort', finish);
  }
  over = true;
  // Nobody waits for it any more. What has been handed out is settled first.
  if (held.length === 0) leaving.abort(new TidingsError('not-running', 'the time of the pull was over before it was subscribed'));
  const settled = Promise.all(held.map((one) => one.settled));
  void opening.then((reading) => closeOnce(reading, settled)).catch(() => undefined);
  return held;
}

async function closeOnce(reading: Reading, settled: Promise<unknown>): Promise<void> {
  await reading.shut();
  await settled;
  await reading.close();
}
