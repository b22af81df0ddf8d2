import { currentRun } from '../core/ambient.js';
import { Deferred } from '../core/deferred.js';
import type { EventListenerDescriptor } from '../core/descriptors.js';
import { describe, TidingsError } from '../core/errors.js';
import type { Wait } from '../core/within.js';
import type { Assembly } from './assembly.js';
import type { Closing } from './closing.js';
import { isPaused, lagOf, setConcurrency, type StopListenerOptions } from './listener-control.js';
import type { Settings } from './manager-options.js';
import type { Guest, Station } from './station.js';
import { closeStation, openStation } from './stations.js';

/** A listener that is a function: what `EventManager.listen()` returns. Goes over stops and starts of its manager. */
export interface ListenerHandle extends AsyncDisposable {
  readonly name: string;
  /**
   * Resolves when the broker has confirmed the subscription: with the manager's start, or at once while that runs. Rejects where it was refused,
   * and where the manager failed or stopped before; ask again for the next time.
   */
  readonly ready: Promise<void>;
  /** Whether it shall listen: false from `stop()` to `start()`. */
  readonly stopped: boolean;
  /** Whether nothing is begun now: by `pause()`, or by its breaker. */
  readonly paused: boolean;
  /**
   * Begins nothing more, waits until what runs has ended, at most to the deadline, gives back the rest, and takes the subscription from the
   * broker. The queue stays, and goes on collecting. Inside the listener it resolves when all others have ended. Idempotent, never rejects.
   */
  stop(options?: StopListenerOptions): Promise<void>;
  /** Listens again after `stop()`. Returns `ready`; rejects with 'configuration' where another one has its queue by now. Idempotent. */
  start(): Promise<void>;
  /** As `events.listener(...).pause()`; what is set holds until the listener or the manager stops. Throws 'not-running' unless it listens. */
  pause(): Promise<void>;
  resume(): void;
  setConcurrency(concurrency: number): void;
  /** How many events are still to be handled, for all processes. */
  lag(): Promise<number>;
}

export interface FunctionListenerParts {
  readonly settings: Settings;
  readonly closing: Closing;
  /** While it runs. */
  readonly running: () => Assembly | undefined;
  /** It shall be kept, or not. The first throws where its queue is taken. */
  readonly keep: (listener: FunctionListener) => void;
  readonly forget: (listener: FunctionListener) => void;
}

export class FunctionListener implements ListenerHandle, Guest {
  readonly listener: EventListenerDescriptor;
  readonly special: Guest['special'];
  readonly #parts: FunctionListenerParts;
  #wanted = true;
  /** Of this assembly. */
  #stations: readonly Station[] = [];
  #assembly: Assembly | undefined;
  /** The broker has refused it there. */
  #refused: { readonly assembly: Assembly; readonly error: unknown } | undefined;
  #ready = new Deferred<void>();
  #wait: Wait;
  #moving: Promise<void> = Promise.resolve();
  #isMoving = false;

  constructor(listener: EventListenerDescriptor, special: Guest['special'], parts: FunctionListenerParts) {
    this.listener = listener;
    this.special = special;
    this.#parts = parts;
    this.#wait = parts.closing.waitOf();
  }

  get name(): string {
    return this.listener.name;
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get stopped(): boolean {
    return !this.#wanted;
  }

  get paused(): boolean {
    return this.#stations.some(isPaused);
  }

  /** In words, why it does not listen though it should. */
  get complaint(): string | undefined {
    return this.#refused === undefined || !this.#wanted
      ? undefined
      : `the listener ${this.name} is not subscribed: ${describe(this.#refused.error)}`;
  }

  async stop({ deadlineMs }: StopListenerOptions = {}): Promise<void> {
    const { closing, forget } = this.#parts;
    this.#wait = closing.waitOf(deadlineMs);
    this.#wanted = false;
    forget(this);
    this.#renew(new TidingsError('not-running', `the listener ${this.name} was stopped`, { retryable: true }));
    const moved = this.#move();
    const run = currentRun();
    const dispatchers = this.#stations.map(({ dispatcher }) => dispatcher);
    const own = run === undefined ? undefined : dispatchers.find((dispatcher) => dispatcher.has(run));
    if (run === undefined || own === undefined) return closing.bounded(moved, closing.extended(this.#wait));
    own.setLeaving(run);
    await closing.bounded(Promise.all(dispatchers.map((dispatcher) => dispatcher.ended({ butLeaving: true }))), this.#wait);
  }

  async start(): Promise<void> {
    if (!this.#wanted) this.#parts.keep(this);
    this.#wanted = true;
    if (this.#refused !== undefined) this.#renew();
    this.#refused = undefined;
    void this.#move();
    await this.#ready.promise;
  }

  async pause(): Promise<void> {
    await Promise.all(this.#listening().map(({ tap }) => tap.shut('user')));
  }

  resume(): void {
    for (const { tap } of this.#listening()) tap.open('user');
  }

  setConcurrency(concurrency: number): void {
    setConcurrency(this.#listening(), concurrency);
  }

  async lag(): Promise<number> {
    return lagOf(this.#listening(), this.#parts.settings.provider);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** The manager runs, with it or before it came. */
  up(assembly: Assembly): void {
    this.#stations = assembly.stations.filter(({ subscription }) => subscription.listener === this.listener);
    this.#refused = undefined;
    this.#assembly = this.#stations.length > 0 ? assembly : undefined;
    if (this.#assembly !== undefined && this.#wanted) this.#ready.resolve();
    void this.#move();
  }

  /** The manager does not run any more, or has not come up. */
  down(error: unknown): void {
    this.#stations = [];
    this.#assembly = undefined;
    this.#refused = undefined;
    this.#renew(error);
  }

  /** The next time has a promise of its own. */
  #renew(error?: unknown): void {
    this.#ready.reject(error);
    this.#ready = new Deferred();
  }

  #listening(): readonly Station[] {
    if (this.#stations.length > 0 && this.#parts.running() === this.#assembly) return this.#stations;
    throw new TidingsError('not-running', `the listener ${this.name} does not listen now: await its ready`, { retryable: true });
  }

  /** Goes after what is wanted, which may change on the way. Never rejects. */
  #move(): Promise<void> {
    if (this.#isMoving) return this.#moving;
    this.#isMoving = true;
    return (this.#moving = this.#follow());
  }

  async #follow(): Promise<void> {
    for (;;) {
      const assembly = this.#parts.running();
      if (this.#wanted && assembly !== undefined && this.#assembly !== assembly && this.#refused?.assembly !== assembly)
        await this.#open(assembly);
      else if (!this.#wanted && this.#assembly !== undefined) await this.#close(this.#assembly);
      else break;
    }
    // In the turn of the last look: what is wanted from now on moves anew.
    this.#isMoving = false;
  }

  async #open(assembly: Assembly): Promise<void> {
    const { settings, closing } = this.#parts;
    const opened: Station[] = [];
    const { signal } = assembly.ending;
    try {
      const subscriptions = await assembly.admit(this.listener);
      const opening = subscriptions.map(async (subscription) => {
        opened.push(await openStation(assembly, settings, subscription, this.special, { signals: [signal], isWanted: () => this.#wanted }));
      });
      const failed = (await Promise.allSettled(opening)).find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    } catch (error) {
      await Promise.all(opened.map((station) => closeStation(assembly, station, closing, closing.waitOf(0))));
      this.#notOpened(assembly, error);
      return;
    }
    // Stopped meanwhile: they went with the rest.
    if (signal.aborted) return;
    this.#stations = opened;
    this.#assembly = assembly;
    if (this.#wanted) this.#ready.resolve();
  }

  #notOpened(assembly: Assembly, error: unknown): void {
    // The manager tells by itself that it stops, and what of its listeners.
    if (assembly.ending.signal.aborted) return;
    this.#refused = { assembly, error };
    this.#parts.settings.logger.error({ listener: this.name, error: describe(error) }, 'a listener could not be subscribed');
    this.#ready.reject(error);
  }

  async #close(assembly: Assembly): Promise<void> {
    const { closing } = this.#parts;
    const stations = this.#stations;
    await Promise.all(stations.map((station) => closeStation(assembly, station, closing, this.#wait)));
    // The manager may have stopped and started meanwhile.
    if (this.#assembly !== assembly) return;
    this.#stations = [];
    this.#assembly = undefined;
  }
}
