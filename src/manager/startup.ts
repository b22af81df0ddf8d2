import type { Clock } from '../core/clock.js';
import type { Deadlines } from '../core/deadlines.js';
import { TidingsError } from '../core/errors.js';
import type { ProviderHost } from '../core/provider.js';
import { Waiters } from '../core/waiters.js';
import { within } from '../core/within.js';
import type { Assembly } from './assembly.js';
import type { Closing } from './closing.js';
import { connect, unlessAborted } from './connecting.js';
import type { Settings } from './manager-options.js';
import type { States } from './states.js';

/** The last moment a Date can say. */
const endOfTime = 8.64e15;

export interface StartupParts {
  readonly settings: Settings;
  /** In the options. */
  readonly mistakes: readonly string[];
  readonly states: States;
  readonly closing: Closing;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly assemble: () => Promise<Assembly>;
  readonly begun: () => void;
  /** Everything is confirmed, and nobody knows yet. */
  readonly ready: (assembly: Assembly) => void;
  /** It runs. */
  readonly isUp: (assembly: Assembly) => void;
  readonly notUp: (error: unknown) => void;
  readonly isStopping: () => boolean;
  readonly stop: () => Promise<void>;
}

interface Start {
  /** Everything is confirmed: sends may go. */
  readonly up: Waiters<void>;
  /** And the hook afterStart has ended. */
  readonly done: Promise<void>;
  readonly abort: AbortController;
}

/** Brings a manager up, one start for all who wait for it: those who asked for one, and those whose sends need one. */
export class Startup {
  readonly #parts: StartupParts;
  #current: Start | undefined;
  #assembly: Assembly | undefined;
  #failure: TidingsError | undefined;

  constructor(parts: StartupParts) {
    this.#parts = parts;
  }

  /** Of the start that is under way or has come up. */
  get assembly(): Assembly | undefined {
    return this.#assembly;
  }

  /** What a person must mend before any start can come up. */
  get failure(): TidingsError | undefined {
    return this.#failure;
  }

  get isUnderWay(): boolean {
    return this.#current !== undefined;
  }

  /** Resolves when it is up and its hooks have run; as `EventManager.start()` says. */
  async start(signal: AbortSignal | undefined): Promise<void> {
    const { settings, states, clock, deadlines } = this.#parts;
    const { startTimeoutMs } = settings;
    // One try ends by itself.
    const at = startTimeoutMs === 0 ? endOfTime : clock.now() + startTimeoutMs;
    while (states.manager !== 'running') {
      if (states.manager === 'stopping')
        throw new TidingsError('not-running', 'start() while stopping: await stop() first', { retryable: true });
      if (this.#failure !== undefined) throw this.#failure;
      const own = this.#current === undefined;
      const current = this.#current ?? this.#begin(startTimeoutMs === 0);
      let mine: TidingsError | undefined;
      const giveUp = (why: 'deadline' | 'aborted'): Error | undefined => {
        mine = this.#timeout(why);
        // A start that others began goes on for them.
        if (!own) return mine;
        current.abort.abort(mine);
        return undefined;
      };
      try {
        await within(current.done, deadlines, { at, signal }, giveUp);
        return;
      } catch (error) {
        // The one who began it gave up; this one has not.
        if (own || mine !== undefined || !TidingsError.is(error) || error.code !== 'start-timeout') throw error;
      }
    }
  }

  /** The start that is under way, or one of its own, which tries until it is stopped. */
  join(): { readonly own: boolean; readonly up: Waiters<void> } {
    const own = this.#current === undefined;
    const { up } = this.#current ?? this.#begin(false);
    return { own, up };
  }

  /** Resolves when a start that is under way has ended. */
  async cancel(): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    current.abort.abort(new TidingsError('not-running', 'the event manager was stopped while it was starting', { retryable: true }));
    await current.done.catch(() => undefined);
  }

  /** The manager is down, and may be started anew. */
  forget(): void {
    this.#assembly = undefined;
    this.#failure = undefined;
  }

  #begin(once: boolean): Start {
    const { states, begun } = this.#parts;
    const abort = new AbortController();
    begun();
    // Begins in its own turn: whoever is told of 'starting' finds it begun already.
    const up = Promise.resolve()
      .then(() => this.#bringUp(abort.signal, once))
      .then(
        (assembly) => {
          this.#isUp(assembly);
        },
        (error: unknown) => this.#notUp(error),
      );
    const done = up.then(() => this.#afterStart());
    // Whoever began it may have stopped waiting.
    done.catch(() => undefined);
    this.#current = { up: new Waiters(up), done, abort };
    states.enter('starting');
    return this.#current;
  }

  /** Each step ends with the signal, whatever hangs in it. */
  async #bringUp(signal: AbortSignal, once: boolean): Promise<Assembly> {
    const { settings, mistakes, states, closing, clock, assemble } = this.#parts;
    const { hooks, provider, logger } = settings;
    // With mistakes in the options there may be no hooks to call: they are reported first.
    if (mistakes.length === 0) await unlessAborted(signal, async () => hooks.beforeStart?.());
    const assembly = (this.#assembly = await unlessAborted(signal, assemble));
    const progress = { started: false };
    try {
      await unlessAborted(signal, () =>
        connect({ assembly, provider, logger, clock, onState: noting(states, assembly) }, { signal, once }, () => {
          progress.started = true;
        }),
      );
    } catch (error) {
      // One whose start was refused holds nothing, and may be somebody else's.
      if (progress.started || signal.aborted) await closing.stopProvider(settings);
      throw error;
    }
    return assembly;
  }

  #isUp(assembly: Assembly): void {
    const { states, ready, isUp } = this.#parts;
    this.#current = undefined;
    ready(assembly);
    states.enter('running');
    // Not before: a listener may stop it with its first event. Whoever was told may have done so already.
    if (states.manager !== 'running') return;
    // Listeners that were stopped meanwhile begin nothing.
    isUp(assembly);
    for (const { tap } of assembly.stations) tap.open('start');
  }

  #notUp(error: unknown): never {
    const { states, isStopping, notUp } = this.#parts;
    this.#current = undefined;
    this.#assembly = undefined;
    // What a person must mend stays; an unreachable broker may be back at the next try.
    if (TidingsError.is(error) && !error.retryable) this.#failure = error;
    notUp(error);
    // Stopped while starting is no failure.
    if (!isStopping()) states.enter('failed', error instanceof Error ? error : undefined);
    throw error;
  }

  async #afterStart(): Promise<void> {
    const { settings, stop } = this.#parts;
    try {
      await settings.hooks.afterStart?.();
    } catch (error) {
      await stop();
      throw error;
    }
  }

  #timeout(why: 'deadline' | 'aborted'): TidingsError {
    const { settings, states } = this.#parts;
    const cause = states.provider.error;
    const what =
      why === 'deadline'
        ? `the broker could not be reached in ${String(settings.startTimeoutMs)} ms (startTimeoutMs)`
        : 'the start was given up by its signal';
    return new TidingsError('start-timeout', cause === undefined ? what : `${what}; last: ${cause.message}`, { retryable: true, cause });
  }
}

/** What waits here for a connection that is gone must not keep deliveries of the new one out. */
function noting(states: States, { stations }: Assembly): ProviderHost['onState'] {
  return (change) => {
    states.providerChanged(change);
    if (change.state === 'connected') for (const { dispatcher } of stations) dispatcher.reconnected();
  };
}
