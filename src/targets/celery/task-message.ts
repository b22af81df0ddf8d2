/** A task as it is asked for. */
export interface Task {
  readonly queue: string;
  /** Its name among the tasks of the workers. */
  readonly task: string;
  /** The id of the event: the same for each attempt. */
  readonly id: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** In ISO 8601, as `expires`. */
  readonly eta: string | null;
  readonly expires: string | null;
  readonly priority: number | undefined;
}

/** A task on its way. */
export interface TaskMessage {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export const taskContentType = 'application/json';
export const taskEncoding = 'utf-8';

/** Workers log these in clear. */
const untold = '...';

/**
 * Version 2 of Celery's message protocol, which all its releases since 4.0 read
 * (https://docs.celeryq.dev/en/stable/internals/protocol.html). `origin`: who sends it.
 */
export function taskMessage({ task, id, args, kwargs, eta, expires }: Task, origin: string): TaskMessage {
  return {
    headers: {
      lang: 'py',
      task,
      id,
      root_id: id,
      parent_id: null,
      group: null,
      shadow: null,
      eta,
      expires,
      retries: 0,
      timelimit: [null, null],
      origin,
      argsrepr: untold,
      kwargsrepr: untold,
    },
    body: JSON.stringify([args, kwargs, { callbacks: null, errbacks: null, chain: null, chord: null }]),
  };
}
