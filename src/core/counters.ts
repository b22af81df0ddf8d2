/** What a manager counts, since it was made. */
export const counterNames = [
  'sent', // confirmed by the broker
  'stopped', // not sent, or accepted unhandled, because a pipeline did not call next()
  'refused', // sends the broker refused
  'unknown', // sends whose fate is not known
  'unsent', // sends that never left
  'handled', // attempts that succeeded
  'failed', // attempts that failed
  'retried', // failed attempts that another one follows: copies scheduled for it, or, for the order of a key, tried again here
  'archived', // copies written to an archive
  'discarded', // events given up after a failure, as onError: 'discard' says
  'paused', // times a breaker paused its listener
  'renewed', // events written anew, since the broker had counted so many lost connections that it would give them up
  'stale', // settlements skipped because their connection was gone: the event comes again
  'adopted', // deliveries that took over the result of a run which had outlived its connection
  'returned', // deliveries left for others while stopping or pausing
  'filtered', // accepted unhandled, as their listener's filter said
  'expired', // received after their time, and not handled
  'answered', // answers that were sent to a request
  'lateReplies', // answers to requests that nobody waited for any more
  'late', // results that came after the listener's timeout or the stop deadline, and were ignored
] as const;

export type CounterName = (typeof counterNames)[number];

export type Counters = Record<CounterName, number>;

export function newCounters(): Counters {
  return Object.fromEntries(counterNames.map((name) => [name, 0])) as Counters;
}
