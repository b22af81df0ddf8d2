import { currentRun } from '../core/ambient.js';
import { systemClock, type Clock } from '../core/clock.js';
import { newCounters, type CounterName } from '../core/counters.js';
import { Deadlines } from '../core/deadlines.js';
import type { Class, EventClass, EventDefinition, Fields, Instance } from '../core/descriptors.js';
import { describe, TidingsError } from '../core/errors.js';
import type { Observer } from '../core/observer.js';
import { Observers } from '../core/observers.js';
import type { RequestAllOptions, RequestOptions, SendOptions, SentEvent } from '../core/sending.js';
import type { Wait } from '../core/within.js';
import type { PullOptions } from '../patterns/pull.js';
import type { Archive } from '../reliability/archive.js';
import { ArchiveWatch } from './archive-watch.js';
import { assemble, type Assembly } from './assembly.js';
import { cancelEvent } from './cancelling.js';
import { Closing } from './closing.js';
import { Correspondent } from './correspondent.js';
import { healthOf, type Health, type ManagerState, type StateChange } from './health.js';
import type { ListenerHandle } from './function-listener.js';
import type { Listen, ListenOptions, Pull, Stream } from './listen-types.js';
import type { ListenerControl } from './listener-control.js';
import { Listening, type StreamOptions } from './listening.js';
import type { HandlerFunction } from './roster.js';
import type { EventManagerOptions } from './eventing-options.js';
import { managerMistakes, settingsOf, type Settings } from './manager-options.js';
import { Outgoing } from './outgoing.js';
import { outletOf } from './outlets.js';
import { RuleGuests } from './rule-guests.js';
import { Sends } from './sends.js';
import { Startup } from './startup.js';
import { States } from './states.js';

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
  readonly #outgoing: Outgoing;
  readonly #closing: Closing;
  readonly #startup: Startup;
  readonly #correspondent: Correspondent;
  readonly #listening: Listening;
  readonly #rules: RuleGuests;
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
    this.#sends = new Sends({
      maxPending,
      now: () => this.#clock.now(),
      ready: (cause, descriptor, wait) => this.#outgoing.sender(cause, descriptor, wait),
    });
    this.#outgoing = new Outgoing({
      settings: this.#settings,
      states: this.#states,
      sends: this.#sends,
      deadlines: this.#deadlines,
      startup: () => this.#startup,
      halted: () => this.#halted,
    });
    this.#closing = new Closing({ settings: this.#settings, sends: this.#sends, deadlines: this.#deadlines, clock: this.#clock });
    this.#correspondent = new Correspondent({
      settings: this.#settings,
      sends: this.#sends,
      counters: this.#counters,
      clock: this.#clock,
      deadlines: this.#deadlines,
      assembly: () => this.#startup.assembly,
      away: () => this.#states.away,
    });
    this.#listening = new Listening({
      settings: this.#settings,
      closing: this.#closing,
      clock: this.#clock,
      deadlines: this.#deadlines,
      running: () => (this.state === 'running' ? this.#startup.assembly : undefined),
      needed: (what) => this.#running(what),
      up: () => this.#up(),
      back: (leaving) => this.#states.back(leaving),
    });
    this.#rules = new RuleGuests({
      settings: this.#settings,
      clock: this.#clock,
      outletOf: (run, prefix) => outletOf({ settings: this.#settings, sends: this.#sends, clock: this.#clock, prefix }, run),
    });
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
      isUp: (assembly) => {
        this.#listening.roster.up(assembly);
      },
      notUp: (error) => {
        this.#listening.roster.down(error);
        void this.#rules.close();
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
    return this.#outgoing.event(this.#outgoing.cause, args);
  }

  /**
   * Sends many without waiting for each confirmation; at most 1 000 are under way. They leave in the order given, unless pipelines or
   * rules of validation take longer for one than for another. Resolves when all are confirmed, else
   * rejects with a `SendManyError` whose `results` tell each. The options are for each of them; the deadline is one for all.
   */
  sendEvents(events: readonly Instance[], options: Omit<SendOptions, 'id'> = {}): Promise<SentEvent[]> {
    return this.#sends.many(this.#outgoing.cause, events, options);
  }

  /** Sends data under a name, without a class. Nothing is validated; the rest is as with `sendEvent`. */
  send(name: string, data: object, options: SendOptions = {}): Promise<SentEvent> {
    return this.#outgoing.named(this.#outgoing.cause, name, data, options);
  }

  /** Asks whoever listens to the event, and resolves with the first answer: see `Request`. An idle manager is started first. */
  request<R extends object>(event: Instance, reply: EventDefinition<R>, options?: RequestOptions): Promise<R>;
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- a definition is a class of what is sent too: in a union both would speak
  request<R extends object>(event: Instance, reply: EventClass<R>, options?: RequestOptions): Promise<R>;
  request(...args: unknown[]): Promise<object> {
    return this.#correspondent.request(this.#outgoing.cause, args);
  }

  /** Asks all who listen to the event, and gives the answers as they come: until `count` have come, or `timeoutMs` are over. See `RequestAll`. */
  requestAll<R extends object>(event: Instance, reply: EventDefinition<R>, options?: RequestAllOptions): AsyncIterable<R>;
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- as above
  requestAll<R extends object>(event: Instance, reply: EventClass<R>, options?: RequestAllOptions): AsyncIterable<R>;
  requestAll(...args: unknown[]): AsyncIterable<object> {
    return this.#correspondent.requestAll(this.#outgoing.cause, args);
  }

  /** How it is now: for readiness probes. `ready` is true only while every subscription is confirmed. */
  health(): Health {
    const { manager, provider } = this.#states;
    return healthOf({
      manager,
      provider,
      providerName: (this.#settings.provider as Settings['provider'] | undefined)?.name ?? 'none',
      pending: this.#sends.pending,
      requests: this.#correspondent.pending,
      stations: this.#startup.assembly?.stations ?? [],
      complaints: [...this.#listening.roster.complaints, ...(this.#archives?.complaints ?? [])],
    });
  }

  /**
   * What one listener could not handle: a class, what `listen()` returned, or the name of a rule. `event` says which one of a class that
   * listens to several, or which class derived from it. Works in a process that does not consume too, but for rules. Throws 'configuration' for a class that is no listener; its methods reject with 'not-running' unless the manager runs.
   */
  archive(listener: Class | ListenerHandle | string, event?: EventClass): Archive {
    return this.#listening.archive(listener, event);
  }

  /** Steers one listener of this process, or a rule by its name. As with `archive()`, `event` says which one of several. */
  listener(listener: Class | string, event?: EventClass): ListenerControl {
    return this.#listening.control(listener, event);
  }

  /**
   * Takes back an event that was sent with `delayMs` or `deliverAt`, or that nobody has taken yet, from every listener's queue that still holds
   * it; resolves with from how many: 0 is too late. `id` is that of the send. Rejects with 'not-supported' without the capability 'cancel'.
   */
  async cancel(event: EventClass | string, id: string): Promise<number> {
    this.#running('a delayed event');
    return cancelEvent(this.#settings, event, id);
  }

  /**
   * Makes a function a listener, of an event or of all that match a pattern: part of the next start, or subscribed at once while the manager
   * runs. Throws a ConfigurationError with the mistakes that can be seen at once; `ready` of the handle tells the rest.
   */
  readonly listen: Listen = (event: EventClass | string, options: ListenOptions, handler: HandlerFunction) =>
    this.#listening.listen(event, options, handler);

  /**
   * The events of one queue, for `for await`. With a name it is shared by all that read it, and stays; without one it is a copy of its own, which
   * begins with the first `next()` or `ready` and goes with the loop. One after the other, each accepted when the next is asked for;
   * with a concurrency above 1 so many are out at once, and each is settled by its own methods. Starts an idle manager; ends with `stop()`.
   */
  readonly stream: Stream = (event: EventClass | string, options: StreamOptions = {}) => this.#listening.stream(event, options);

  /** Takes up to `max` events, each to be settled by its own methods, and held until then. Starts an idle manager. */
  readonly pull: Pull = (event: EventClass | string, options: PullOptions) => this.#listening.pull(event, options);

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
    const wait = this.#closing.waitOf(options.deadlineMs);
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

  /** For who reads: starts an idle manager. */
  async #up(): Promise<Assembly> {
    if (this.state === 'idle' || this.state === 'starting') await this.start();
    return this.#running('a stream');
  }

  #assemble(): Promise<Assembly> {
    return assemble({
      settings: this.#settings,
      mistakes: this.#mistakes,
      guests: this.#listening.roster.guests(),
      rules: this.#rules,
      counters: this.#counters,
      observers: this.#observers,
      clock: this.#clock,
      deadlines: this.#deadlines,
      sendWithin: this.#outgoing.within,
      correspondence: this.#correspondent,
      halt: this.#halt,
      away: () => this.#states.away,
      lost: () => this.#states.losses,
    });
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
    void this.#stopBy(this.#closing.waitOf(), cause);
  };

  async #shutDown(wait: Wait, halted: Error | undefined): Promise<void> {
    this.#halted = halted;
    if (this.#startup.isUnderWay) await this.#startup.cancel();
    const { assembly } = this.#startup;
    if (assembly === undefined) {
      await this.#correspondent.close(assembly, this.#closing, wait);
      this.#ended();
      return;
    }
    this.#states.enter('stopping');
    this.#archives?.end();
    this.#archives = undefined;
    this.#correspondent.stop();
    await this.#closing.hook('beforeStop', wait);
    await this.#closing.drain(assembly, wait);
    await this.#correspondent.close(assembly, this.#closing, wait);
    await this.#closing.close(assembly, wait);
    await this.#closing.bounded(this.#rules.close(), this.#closing.extended(wait));
    this.#ended();
    await this.#closing.hook('afterStop');
  }

  #ended(): void {
    this.#startup.forget();
    this.#listening.roster.down(new TidingsError('not-running', 'the event manager has stopped', { retryable: true }));
    this.#deadlines.expireAll();
    if (this.#halted === undefined) this.#states.enter('stopped');
    else this.#states.enter('failed', this.#halted);
  }
}
