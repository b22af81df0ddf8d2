import { currentRun } from '../core/ambient.js';
import type { Deadlines } from '../core/deadlines.js';
import type { EventClass, EventDescriptor } from '../core/descriptors.js';
import { SendError, TidingsError } from '../core/errors.js';
import { nameMistake } from '../core/names.js';
import type { Run, SendWithin } from '../core/run.js';
import type { Sender } from '../core/sender.js';
import { offline, type SendOptions, type SentEvent } from '../core/sending.js';
import { within, type Wait } from '../core/within.js';
import { eventArgument } from './event-argument.js';
import type { Settings } from './manager-options.js';
import type { Sends } from './sends.js';
import type { Startup } from './startup.js';
import type { States } from './states.js';
import { afterStop, halted, neverUp, notUpInTime } from './unsent.js';

export interface OutgoingParts {
  readonly settings: Settings;
  readonly states: States;
  readonly sends: Sends;
  readonly deadlines: Deadlines;
  readonly startup: () => Startup;
  /** The failure of a listener that has stopped the manager. */
  readonly halted: () => Error | undefined;
}

/** What a manager is given to send: for whom, and by which sender as soon as there is one. */
export class Outgoing {
  readonly #parts: OutgoingParts;

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
  }

  /** The run that sends now, where it can be told. */
  get cause(): Run | undefined {
    return this.#parts.settings.ambient ? currentRun() : undefined;
  }

  // Not async: a run must see whether its listener takes the very promise that it is given.
  event(cause: Run | undefined, args: readonly unknown[]): Promise<SentEvent> {
    try {
      const { event, descriptor, options } = eventArgument(args);
      return this.#parts.sends.one(cause, event, descriptor, options);
    } catch (error) {
      return refused(cause, error);
    }
  }

  /** Without a class. */
  named(cause: Run | undefined, name: string, data: object, options: SendOptions): Promise<SentEvent> {
    const mistake = nameMistake(name);
    if (mistake !== undefined) return refused(cause, new TidingsError('configuration', `the event name '${name}' ${mistake}`));
    return this.#parts.sends.one(cause, data, { target: Object as EventClass, kind: 'class', name, options: {} }, options);
  }

  /** What a run has left behind when it was settled sends without a cause. */
  readonly within: SendWithin = (run, args) => this.event(run.ended ? undefined : run, args);

  /** Of the manager that runs; an idle one is started. Rejects by the wait's deadline. */
  sender(cause: Run | undefined, descriptor: EventDescriptor, wait: Wait): Sender | Promise<Sender> {
    const { states, startup } = this.#parts;
    const { assembly } = startup();
    if (assembly !== undefined) {
      if (states.manager === 'running') return assembly.sender;
      // What still runs may finish its work.
      if (states.manager === 'stopping' && cause !== undefined) return assembly.sender;
    }
    return this.#senderOnceUp(cause, descriptor, wait);
  }

  /** Starts an idle manager, waits for one that starts. */
  async #senderOnceUp(cause: Run | undefined, descriptor: EventDescriptor, wait: Wait): Promise<Sender> {
    const { settings, states, deadlines } = this.#parts;
    const startup = this.#parts.startup();
    const failure = this.#parts.halted();
    if (states.manager === 'stopping' || states.manager === 'stopped') throw afterStop(descriptor, states.manager);
    if (startup.failure !== undefined) throw neverUp(descriptor, startup.failure);
    if (failure !== undefined && !startup.isUnderWay) throw halted(descriptor, failure);
    const { own, up } = startup.join();
    const reached = (mine: Promise<void>): Promise<void> =>
      settings.whenOffline === 'wait' ? mine : states.unlessAway(mine, (why) => offline(descriptor.name, why));
    const tooLate = (why: 'deadline' | 'aborted'): SendError =>
      notUpInTime(descriptor, why, { provider: settings.provider.name, error: states.provider.error });
    const waited = up.each((mine) => within(reached(mine), deadlines, wait, tooLate));
    await waited.catch((error: unknown) => {
      // A start that somebody else began may have had a shorter deadline than this send has, which then tries for itself.
      if (error instanceof SendError) throw error;
      if (own || !TidingsError.is(error) || !error.retryable) throw neverUp(descriptor, error);
    });
    return this.sender(cause, descriptor, wait);
  }
}

/** A send that is wrong in itself; inside a run it is the run's like any other that fails. */
function refused(cause: Run | undefined, error: unknown): Promise<never> {
  const sending = Promise.reject(error);
  return cause === undefined ? sending : cause.keep(sending);
}
