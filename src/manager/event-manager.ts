import { currentRun } from '../core/ambient.js';
import { systemClock, type Clock } from '../core/clock.js';
import { newCounters, type CounterName } from '../core/counters.js';
import { Deadlines } from '../core/deadlines.js';
import type { Class, EventClass, EventDefinition, EventDescriptor, Fields, Instance } from '../core/descriptors.js';
import { describe, SendError, TidingsError } from '../core/errors.js';
import { nameMistake } from '../core/names.js';
import type { Observer } from '../core/observer.js';
import { Observers } from '../core/observers.js';
import type { Run, SendWithin } from '../core/run.js';
import type { Sender } from '../core/sender.js';
import { offline, type SendOptions, type SentEvent } from '../core/sending.js';
import { within, type Wait } from '../core/within.js';
import { Archive, type ArchiveParts } from '../reliability/archive.js';
import { ArchiveWatch } from './archive-watch.js';
import { assemble, type Assembly } from './assembly.js';
import { Closing } from './closing.js';
import { eventArgument } from './event-argument.js';
import { healthOf, type Health, type ManagerState, type StateChange } from './health.js';
import { ListenerControl } from './listener-control.js';
import { checkListener, findStation, findSubscription } from './listener-argument.js';
import type { EventManagerOptions } from './eventing-options.js';
import { defaultStopDeadlineMs, managerMistakes, settingsOf, type Settings } from './manager-options.js';
import { Sends } from './sends.js';
import { Startup } from './startup.js';
import { States } from './states.js';
import { afterStop, halted, neverUp, notUpInTime } from './unsent.js';

/**
 * Sends events and hands received ones to their listeners. Made by the container module `eventing()`, or by hand. All methods may be
 * called at any time and concurrently. `start()` is optional: the first send starts an idle manager.
 */
export class EventManager implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #mistakes: readonly string[];
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #counters = newCounters();
  readonly #observers: Observers;
  readonly #states: States;
  readonly #sends: Sends;
  readonly #closing: Closing;
  readonly #startup: Startup;
  #stopping: Promise<void> | undefined;
  /** Of a listener whose `onError` is 'stop'. */
  #halted: Error | undefined;
  #archives: ArchiveWatch | undefined;

  /** Does no I/O. Mistakes in the options are reported by `start()`, together with all others. */
  constructor(options: EventManagerOptions) {
    this.#mistakes = managerMistakes(options);
    this.#settings = settingsOf(options);
    const { provider, logger, maxPending } = this.#settings;
    this.#clock = (provider as typeof provider | undefined)?.clock ?? systemClock;
    this.#deadlines = new Deadlines(this.#clock);
    this.#observers = new Observers(logger);
    this.#states = new States(logger);
    this.#sends = new Sends({ maxPending, now: () => this.#clock.now(), ready: (...args) => this.#sender(...args) });
    this.#closing = new Closing({ settings: this.#settings, sends: this.#sends, deadlines: this.#deadlines, clock: this.#clock });
    this.#startup = new Startup({
      settings: this.#settings,
      mistakes: this.#mistakes,
      states: this.#states,
      closing: this.#closing,
      clock: this.#clock,
      deadlines: this.#deadlines,
      assemble: () => this.#assemble(),
      begun: () => (this.#halted = undefined),
      ready: (assembly) => {
        this.#watchArchives(assembly);
      },
      isStopping: () => this.#stopping !== undefined,
      stop: () => this.stop(),
    });
  }

  get state(): ManagerState {
    return this.#states.manager;
  }

  /**
   * Connects, makes the queues, subscribes; resolves when the broker has confirmed every subscription. Idempotent. Rejects with a
   * ConfigurationError (all mistakes at once), 'authentication', 'permission', 'queue-conflict', 'missing-queue' at once, with
   * 'start-timeout' when the broker could not be reached in `startTimeoutMs`; then it may be called again.
   */
  async start(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    await this.#startup.start(options.signal);
  }

  /**
   * Sends an event: an instance of a decorated class, or the class or definition and its fields. See `SendEvent` for what it resolves and rejects
   * with. An idle manager is started first.
   */
  sendEvent<E extends object>(event: EventDefinition<object, E>, fields: NoInfer<E>, options?: SendOptions): Promise<SentEvent>;
  sendEvent<E extends object>(event: EventClass<E>, fields: Fields<E>, options?: SendOptions): Promise<SentEvent>;
  sendEvent(event: Instance, options?: SendOptions): Promise<SentEvent>;
  sendEvent(...args: unknown[]): Promise<SentEvent> {
    return this.#send(this.#causingRun(), args);
  }

  /**
   * Sends many without waiting for each confirmation; at most 1 000 are under way. They leave in the order given, unless pipelines or
   * rules of validation take longer for one than for another. Resolves when all are confirmed, else
   * rejects with a `SendManyError` whose `results` tell each. The options are for each of them; the deadline is one for all.
   */
  sendEvents(events: readonly Instance[], options: Omit<SendOptions, 'id'> = {}): Promise<SentEvent[]> {
    return this.#sends.many(this.#causingRun(), events, options);
  }

  /** Sends data under a name, without a class. Nothing is validated; the rest is as with `sendEvent`. */
  send(name: string, data: object, options: SendOptions = {}): Promise<SentEvent> {
    const cause = this.#causingRun();
    const mistake = nameMistake(name);
    if (mistake !== undefined) return refused(cause, new TidingsError('configuration', `the event name '${name}' ${mistake}`));
    return this.#sends.one(cause, data, { target: Object as EventClass, kind: 'class', name, options: {} }, options);
  }

  /** How it is now: for readiness probes. `ready` is true only while every subscription is confirmed. */
  health(): Health {
    const { manager, provider } = this.#states;
    return healthOf({
      manager,
      provider,
      providerName: (this.#settings.provider as Settings['provider'] | undefined)?.name ?? 'none',
      pending: this.#sends.pending,
      stations: this.#startup.assembly?.stations ?? [],
      archives: this.#archives?.complaints ?? [],
    });
  }

  /**
   * What one listener could not handle. `event` says which one of a class that listens to several. Works in a process that does not consume
   * too. Throws 'configuration' for a class that is no listener; its methods reject with 'not-running' unless the manager runs.
   */
  archive(listener: Class, event?: EventClass): Archive {
    const { provider } = this.#settings;
    const find = (): ArchiveParts => {
      const { spec } = findSubscription(this.#settings, this.#running('an archive').serverName, listener, event);
      if (provider.queues === undefined)
        throw new TidingsError('not-supported', `the provider ${provider.name} gives no access to archives (capability 'manage')`);
      return { queues: provider.queues, spec };
    };
    checkListener(listener, event);
    return new Archive(find);
  }

  /** Steers one listener of this process. As with `archive()`, `event` says which one of several. */
  listener(listener: Class, event?: EventClass): ListenerControl {
    checkListener(listener, event);
    return new ListenerControl(() => ({
      station: findStation(this.#running('a listener').stations, listener, event),
      queues: this.#settings.provider.queues,
    }));
  }

  /** What happened since the manager was made. A copy. */
  counters(): Readonly<Record<CounterName, number>> {
    return { ...this.#counters };
  }

  /** Calls back at each change of the manager's or the connection's state; returns a function that ends it. */
  onStateChange(callback: (change: StateChange) => void): () => void {
    return this.#states.listen(callback);
  }

  /** Tells the observer what happens from now on; returns a function that ends it. */
  observe(observer: Observer): () => void {
    return this.#observers.add(observer);
  }

  /**
   * Takes nothing new, lets running listeners finish, waits for sends under way, closes. At the deadline (default 10 000 ms) the
   * signals of what still runs abort and those events go back to their queues. Idempotent. Inside a listener it resolves when all
   * others have ended (with `context: 'explicit'` it cannot know, and waits for itself until the deadline). Never rejects.
   */
  stop(options: { deadlineMs?: number | undefined } = {}): Promise<void> {
    const { deadlineMs = defaultStopDeadlineMs } = options;
    const wait: Wait = {
      at: this.#clock.now() + (deadlineMs >= 0 && deadlineMs < Infinity ? deadlineMs : defaultStopDeadlineMs),
      signal: undefined,
    };
    const stopped = this.#stopBy(wait);
    const run = currentRun();
    const dispatchers = (this.#startup.assembly?.stations ?? []).map(({ dispatcher }) => dispatcher);
    const own = run === undefined ? undefined : dispatchers.find((dispatcher) => dispatcher.has(run));
    if (run === undefined || own === undefined) return stopped;
    own.setLeaving(run);
    return this.#closing.bounded(Promise.all(dispatchers.map((dispatcher) => dispatcher.ended({ butLeaving: true }))), wait);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  // --- starting ----------------------------------------------------------------------------------------------------

  #watchArchives({ stations }: Assembly): void {
    const { provider, logger } = this.#settings;
    if (provider.queues === undefined || stations.length === 0) return;
    this.#archives = new ArchiveWatch({ queues: provider.queues, stations, logger, clock: this.#clock });
  }

  #running(what: string): Assembly {
    const { assembly } = this.#startup;
    if (assembly === undefined || this.state !== 'running')
      throw new TidingsError(
        'not-running',
        `${what} can only be reached while the event manager runs, and it is ${this.state}: start() it`,
        {
          retryable: true,
        },
      );
    return assembly;
  }

  #assemble(): Promise<Assembly> {
    return assemble({
      settings: this.#settings,
      mistakes: this.#mistakes,
      counters: this.#counters,
      observers: this.#observers,
      clock: this.#clock,
      deadlines: this.#deadlines,
      sendWithin: this.#sendWithin,
      halt: this.#halt,
      away: () => this.#states.away,
      lost: () => this.#states.losses,
    });
  }

  // --- sending -----------------------------------------------------------------------------------------------------

  #causingRun(): Run | undefined {
    return this.#settings.ambient ? currentRun() : undefined;
  }

  // Not async: a run must see whether its listener takes the very promise that it is given.
  #send(cause: Run | undefined, args: readonly unknown[]): Promise<SentEvent> {
    try {
      const { event, descriptor, options } = eventArgument(args);
      return this.#sends.one(cause, event, descriptor, options);
    } catch (error) {
      return refused(cause, error);
    }
  }

  /** What a run has left behind when it was settled sends without a cause. */
  readonly #sendWithin: SendWithin = (run, args) => this.#send(run.ended ? undefined : run, args);

  #sender(cause: Run | undefined, descriptor: EventDescriptor, wait: Wait): Sender | Promise<Sender> {
    const { assembly } = this.#startup;
    if (assembly !== undefined) {
      if (this.state === 'running') return assembly.sender;
      // What still runs may finish its work.
      if (this.state === 'stopping' && cause !== undefined) return assembly.sender;
    }
    return this.#senderOnceUp(cause, descriptor, wait);
  }

  /** Starts an idle manager, waits for one that starts. */
  async #senderOnceUp(cause: Run | undefined, descriptor: EventDescriptor, wait: Wait): Promise<Sender> {
    if (this.state === 'stopping' || this.state === 'stopped') throw afterStop(descriptor, this.state);
    if (this.#startup.failure !== undefined) throw neverUp(descriptor, this.#startup.failure);
    if (this.#halted !== undefined && !this.#startup.isUnderWay) throw halted(descriptor, this.#halted);
    const { own, up } = this.#startup.join();
    const reached = (mine: Promise<void>): Promise<void> =>
      this.#settings.whenOffline === 'wait' ? mine : this.#states.unlessAway(mine, (why) => offline(descriptor.name, why));
    const tooLate = (why: 'deadline' | 'aborted'): SendError =>
      notUpInTime(descriptor, why, { provider: this.#settings.provider.name, error: this.#states.provider.error });
    const waited = up.each((mine) => within(reached(mine), this.#deadlines, wait, tooLate));
    await waited.catch((error: unknown) => {
      // A start that somebody else began may have had a shorter deadline than this send has, which then tries for itself.
      if (error instanceof SendError) throw error;
      if (own || !TidingsError.is(error) || !error.retryable) throw neverUp(descriptor, error);
    });
    return this.#sender(cause, descriptor, wait);
  }

  // --- stopping ----------------------------------------------------------------------------------------------------

  #stopBy(wait: Wait, halted?: Error): Promise<void> {
    return (this.#stopping ??= this.#shutDown(wait, halted).finally(() => {
      this.#stopping = undefined;
    }));
  }

  /** A listener has failed that says onError: 'stop'. */
  readonly #halt = (error: unknown): void => {
    const cause = error instanceof Error ? error : new Error(describe(error));
    void this.#stopBy({ at: this.#clock.now() + defaultStopDeadlineMs, signal: undefined }, cause);
  };

  async #shutDown(wait: Wait, halted: Error | undefined): Promise<void> {
    this.#halted = halted;
    if (this.#startup.isUnderWay) await this.#startup.cancel();
    const { assembly } = this.#startup;
    if (assembly === undefined) {
      this.#ended();
      return;
    }
    this.#states.enter('stopping');
    this.#archives?.end();
    this.#archives = undefined;
    await this.#closing.hook('beforeStop', wait);
    await this.#closing.drain(assembly, wait);
    await this.#closing.close(assembly, wait);
    this.#ended();
    await this.#closing.hook('afterStop');
  }

  #ended(): void {
    this.#startup.forget();
    this.#deadlines.expireAll();
    if (this.#halted === undefined) this.#states.enter('stopped');
    else this.#states.enter('failed', this.#halted);
  }
}

/** A send that is wrong in itself; inside a run it is the run's like any other that fails. */
function refused(cause: Run | undefined, error: unknown): Promise<never> {
  const sending = Promise.reject(error);
  return cause === undefined ? sending : cause.keep(sending);
}
