import type { Clock } from '../core/clock.js';
import type { Deadlines } from '../core/deadlines.js';
import type { Class, EventClass, EventListenerOptions } from '../core/descriptors.js';
import { TidingsError } from '../core/errors.js';
import type { Subscription } from '../core/catalog.js';
import { within } from '../core/within.js';
import { Archive, type ArchiveParts } from '../reliability/archive.js';
import { EventStream } from '../patterns/event-stream.js';
import type { HeldEvent } from '../patterns/held-event.js';
import { checkPullOptions, pull, type PullOptions } from '../patterns/pull.js';
import type { Assembly } from './assembly.js';
import type { Closing } from './closing.js';
import { FunctionListener, type ListenerHandle } from './function-listener.js';
import { checkListener, findStation, findSubscription, ruleStation, subscriptionOf } from './listener-argument.js';
import { ListenerControl } from './listener-control.js';
import { definedOnly, type Settings } from './manager-options.js';
import { openerOf } from './readers.js';
import { Roster, type HandlerFunction } from './roster.js';
import { switchOf } from './station-switch.js';

export interface ListeningParts {
  readonly settings: Settings;
  readonly closing: Closing;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** While it runs. */
  readonly running: () => Assembly | undefined;
  /** The same; throws 'not-running' otherwise, about this. */
  readonly needed: (what: string) => Assembly;
  /** Starts an idle manager. */
  readonly up: () => Promise<Assembly>;
  /** Resolves when the broker can be reached; gives up waiting with the signal. */
  readonly back: (leaving: AbortSignal) => Promise<void>;
}

/** The options of a stream: those of a listener, some of them with another default, and what ends it. */
export interface StreamOptions extends Omit<EventListenerOptions, 'batch' | 'perProcess'> {
  /**
   * Of the queue, which all who say it share, and which stays. Without one it is a copy of its own, which goes with the loop.
   * @default none
   */
  name?: string | undefined;
  /**
   * Most events that are out at once. Above 1 asking for the next one settles none.
   * @default 1
   */
  concurrency?: number | undefined;
  /**
   * Deliveries held beyond those that are out; a loop that is left gives them back.
   * @default 10
   */
  prefetch?: number | undefined;
  /**
   * Pauses the stream when every attempt fails; `false`: never.
   * @default false
   */
  breaker?: EventListenerOptions['breaker'];
  /**
   * Ends the loop, and gives back what is not settled.
   * @default none
   */
  signal?: AbortSignal | undefined;
}

/** Starting has a time of its own. The last moment a Date can say. */
const endOfTime = 8.64e15;

export const defaultStream = Object.freeze({ concurrency: 1, prefetch: 10, breaker: false } as const);

/** What a manager offers about its listeners, beyond starting the decorated ones. */
export class Listening {
  readonly roster: Roster;
  readonly #parts: ListeningParts;

  constructor(parts: ListeningParts) {
    this.#parts = parts;
    this.roster = new Roster(parts);
  }

  archive(listener: Class | ListenerHandle | string, event: EventClass | undefined): Archive {
    const { settings, needed } = this.#parts;
    const find = (): ArchiveParts => {
      const { spec } = this.#subscription(listener, needed('an archive'), event);
      if (settings.provider.queues === undefined)
        throw new TidingsError('not-supported', `the provider ${settings.provider.name} gives no access to archives (capability 'manage')`);
      return { queues: settings.provider.queues, spec };
    };
    if (typeof listener !== 'string' && !(listener instanceof FunctionListener)) checkListener(listener as Class, event);
    return new Archive(find);
  }

  control(listener: Class | string, event: EventClass | undefined): ListenerControl {
    const { settings, closing, needed } = this.#parts;
    if (typeof listener !== 'string') checkListener(listener, event);
    return new ListenerControl(
      () => {
        const assembly = needed('a listener');
        const { stations } = assembly;
        const station = typeof listener === 'string' ? ruleStation(stations, listener) : findStation(stations, listener, event);
        return { station, provider: settings.provider, line: switchOf(station, assembly, settings, closing) };
      },
      (deadlineMs) => closing.waitOf(deadlineMs),
    );
  }

  listen(event: EventClass | string, options: EventListenerOptions & { readonly name: string }, handler: HandlerFunction): ListenerHandle {
    return this.roster.add(event, options, handler);
  }

  stream<E extends object>(event: EventClass | string, options: StreamOptions): EventStream<E> {
    const { signal, ...more } = options;
    const given = definedOnly(more);
    const { concurrency = defaultStream.concurrency } = given;
    const open = openerOf(this.#parts, 'stream', event, { ...defaultStream, ...given });
    return new EventStream<E>({ open, concurrency, signal, aborts: this.#parts.deadlines.aborts });
  }

  async pull<E extends object>(event: EventClass | string, options: PullOptions): Promise<HeldEvent<E>[]> {
    checkPullOptions(options);
    const { name, max, signal } = options;
    const { up, clock, deadlines } = this.#parts;
    try {
      await within(
        up(),
        deadlines,
        { at: endOfTime, signal },
        () => new TidingsError('not-running', 'the pull was given up by its signal'),
      );
    } catch (error) {
      if (signal?.aborted === true) return [];
      throw error;
    }
    const reading = { concurrency: max, prefetch: 0, breaker: false, order: 'loose', ...(name !== undefined && { name }) } as const;
    return pull<E>(openerOf(this.#parts, 'pull', event, reading), options, { clock, aborts: deadlines.aborts });
  }

  #subscription(
    listener: Class | ListenerHandle | string,
    { serverName, stations }: Assembly,
    event: EventClass | undefined,
  ): Subscription {
    const { settings } = this.#parts;
    if (typeof listener === 'string') return ruleStation(stations, listener).subscription;
    return listener instanceof FunctionListener
      ? subscriptionOf(settings, serverName, [], listener.listener, event)
      : findSubscription(settings, serverName, listener as Class, event);
  }
}
