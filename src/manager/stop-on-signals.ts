import { constants } from 'node:os';
import { z } from 'zod';
import { ConfigurationError } from '../core/errors.js';
import { optionMistakes } from '../core/option-mistakes.js';
import type { EventManager } from './event-manager.js';

export interface StopOnSignalsOptions {
  /**
   * How long running listeners and sends may take.
   * @default that of `stop()`, 10 000
   */
  readonly deadlineMs?: number;
  /** @default `['SIGTERM', 'SIGINT']` */
  readonly signals?: readonly NodeJS.Signals[];
}

// Nobody is asked about these two.
const unstoppable = ['SIGKILL', 'SIGSTOP'];

const signal = z.custom<NodeJS.Signals>(
  (name) => typeof name === 'string' && name in constants.signals && !unstoppable.includes(name),
  'expected the name of a signal that a process may handle',
);

const shape = z.strictObject({ deadlineMs: z.number().min(0).optional(), signals: z.array(signal).optional() });

/**
 * Stops the manager at the first of the signals, so that the process can exit by itself; at a second one, while it stops, the process exits
 * at once with 128 and the number of that signal. Returns a function that takes this back; a stop that a signal has begun takes it back by
 * itself when it has ended. Does not keep the process alive. Each of several managers may have its own. Throws a `ConfigurationError`.
 */
export function stopOnSignals(events: EventManager, options: StopOnSignalsOptions = {}): () => void {
  const { success, data, error } = shape.safeParse(options);
  if (!success)
    throw new ConfigurationError('the options of stopOnSignals()', optionMistakes(error.issues, { '': Object.keys(shape.shape) }));
  const { deadlineMs, signals = ['SIGTERM', 'SIGINT'] } = data;
  let stopping = false;
  const onSignal = (name: NodeJS.Signals): void => {
    if (stopping) process.exit(128 + constants.signals[name]);
    stopping = true;
    void events.stop({ deadlineMs }).finally(takeBack);
  };
  const takeBack = (): void => {
    for (const name of signals) process.off(name, onSignal);
  };
  for (const name of signals) process.on(name, onSignal);
  return takeBack;
}
