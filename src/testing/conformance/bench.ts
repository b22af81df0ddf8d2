import { deepEqual } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../core/clock.js';
import type { Class, EventListenerOptions, EventOptions } from '../../core/descriptors.js';
import { brokerNames } from '../../core/names.js';
import { eventDescriptor } from '../../core/registry.js';
import type { Capability, Provider, QueueAdmin, SubscriptionSpec, WireMessage } from '../../core/provider.js';
import { EventManager } from '../../manager/event-manager.js';
import type { EventingOptions } from '../../manager/eventing-options.js';
import { BenchTime } from './bench-time.js';
import type { ConformanceOptions, Undo } from './conformance-options.js';
import { madeEvent, MadeListener, type Handle, type Note } from './made-classes.js';
import { Peer, type PeerOptions } from './peer.js';
import { RecordedLog } from './recorded-log.js';

export interface BenchManagerOptions extends Omit<Partial<EventingOptions>, 'listeners'> {
  readonly listeners?: readonly MadeListener[];
  /** Classes that the case has decorated itself. */
  readonly classes?: readonly Class[];
}

const defaultQuietMs = 500;
const stopMs = 2_000;
/** What makes a name unique. */
const mark = /\.[0-9a-f]{10}(?![0-9a-f])/g;

/** Everything one case works with, and the tidying up after it. Names are its own, so that cases may share a broker. */
export class Bench {
  readonly given: ConformanceOptions;
  readonly time: BenchTime;
  readonly log = new RecordedLog();
  readonly #cleanings: (() => Promise<void> | void)[] = [];
  readonly #unhandled: unknown[] = [];
  readonly #marks = new Set<string>();
  #admin: Promise<Peer> | undefined;

  constructor(given: ConformanceOptions) {
    this.given = given;
    this.time = new BenchTime(given.clock, given.quietMs ?? defaultQuietMs);
    const note = (reason: unknown): void => {
      this.#unhandled.push(reason);
    };
    process.on('unhandledRejection', note);
    this.#cleanings.push(() => {
      process.off('unhandledRejection', note);
    });
  }

  unique(name: string): string {
    const own = `.${randomBytes(5).toString('hex')}`;
    this.#marks.add(own);
    return name + own;
  }

  /** Whether the name is that of a case which runs beside this one on the same broker. */
  isOthers(name: string): boolean {
    const marks = name.match(mark);
    return marks !== null && !marks.some((each) => this.#marks.has(each));
  }

  /** A name for a server: no dots, as it stands in queue names after a hyphen. */
  server(): string {
    return randomBytes(4).toString('hex');
  }

  event(options?: Omit<EventOptions, 'name'>, name = this.unique('event')): Class<Note> {
    return madeEvent(name, options);
  }

  /** Its handler does nothing unless given one. */
  listener(
    of: Class<Note>,
    handle: Handle = () => undefined,
    { name = this.unique('listener'), ...options }: EventListenerOptions = {},
  ): MadeListener {
    return new MadeListener(of, { ...options, name }, handle);
  }

  /** Whether the provider declares it. */
  can(capability: Capability): boolean {
    return [...this.given.capabilities].includes(capability);
  }

  /** How many messages with bodies of this size may have left the broker for a subscription with this limit. */
  mostHeld(limit: number, bodyBytes: number): number {
    return this.given.mostHeld?.(limit, bodyBytes) ?? limit;
  }

  /** A subscription at the provider's level. */
  spec(event: string, queue = this.unique('queue'), more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
    return {
      event,
      listener: queue,
      routing: 'multicast',
      queue,
      archive: `archive.${queue}`,
      temporary: false,
      shared: false,
      concurrency: 5,
      prefetch: 5,
      archiveBounds: { maxAgeMs: 3_600_000, maxCount: 10_000 },
      maxCrashes: 8,
      ...more,
    };
  }

  // --- parties -----------------------------------------------------------------------------------------------------

  async create(): Promise<Provider> {
    return this.given.create();
  }

  /** A manager over a provider of its own; not started. */
  async manager({ listeners = [], classes = [], ...options }: BenchManagerOptions = {}): Promise<EventManager> {
    const manager = new EventManager({
      provider: await this.create(),
      serviceName: 'conformance',
      pipelines: [],
      logger: this.log,
      retry: { initialDelayMs: this.can('delay') ? 20 : 0, factor: 1, jitter: 'none' },
      resolve: onceEach(),
      ...options,
      listeners: [...listeners.map(({ target }) => target), ...classes],
    });
    this.#cleanings.push(() => this.stop(manager));
    return manager;
  }

  async started(options: BenchManagerOptions = {}): Promise<EventManager> {
    const manager = await this.manager(options);
    await this.time.ends('the start of a manager', manager.start(), 60_000);
    return manager;
  }

  async stop(manager: EventManager, deadlineMs = stopMs): Promise<void> {
    await this.time.ends('the stop of a manager', manager.stop({ deadlineMs }), deadlineMs + 10_000);
  }

  /** A provider as a manager would use it; not started. */
  peer(provider: Provider, host: Partial<Pick<PeerOptions, 'serviceName' | 'serverName'>> = {}): Peer {
    const peer = new Peer(provider, {
      serviceName: 'conformance',
      serverName: this.server(),
      clock: provider.clock ?? systemClock,
      logger: this.log,
      time: this.time,
      ...host,
    });
    this.#cleanings.push(() => peer.stop());
    return peer;
  }

  async startedPeer(specs: readonly SubscriptionSpec[] = [], host: Parameters<Bench['peer']>[1] = {}): Promise<Peer> {
    const peer = this.peer(await this.create(), host);
    await this.time.ends('the start of a provider', peer.start(specs), 60_000);
    return peer;
  }

  /** A fault that ends with the case at the latest. */
  async fault(undo: Promise<Undo> | Undo | undefined): Promise<() => Promise<void>> {
    const end = await undo;
    if (end === undefined) throw new Error('a case asked for a fault that it does not need');
    let ended = false;
    const once = async (): Promise<void> => {
      if (!ended) await end();
      ended = true;
    };
    this.#cleanings.push(once);
    return once;
  }

  // --- what an operator sees ---------------------------------------------------------------------------------------

  /** Whoever sends and looks from outside; no fault but a restart reaches it where the factory can arrange that. */
  onlooker(): Promise<Peer> {
    return (this.#admin ??= this.#onlooker());
  }

  async queues(): Promise<QueueAdmin> {
    const { queues } = (await this.onlooker()).provider;
    if (queues === undefined) throw new Error("the provider has no 'queues', though it declares 'manage'");
    return queues;
  }

  async count(queue: string): Promise<number> {
    return (await this.queues()).count(queue);
  }

  async browse(queue: string): Promise<WireMessage[]> {
    const found: WireMessage[] = [];
    for await (const message of (await this.queues()).browse(queue)) found.push(message);
    return found;
  }

  /** Until the broker says twice in a row that the queue holds so many messages, waiting, delayed and unsettled ones together. */
  async holds(queue: string, count: number, timeoutMs?: number): Promise<void> {
    // It may add up what it has with others at work: one that moves between two addends is missed.
    const holds = async (): Promise<boolean> => (await this.count(queue)) === count;
    await this.time.until(`${queue} holds ${String(count)} messages`, async () => (await holds()) && holds(), timeoutMs);
  }

  /** The names of a listener on the broker. */
  async names(listener: MadeListener, server?: string): Promise<{ address: string; queue: string; archive: string }> {
    const { provider } = await this.onlooker();
    const address = addressOf(listener.event);
    const names = brokerNames({ prefix: '', event: address, listener: listener.name, server, naming: provider.queueNaming ?? 'plain' });
    return { address, queue: `${address}::${names.queue}`, archive: names.archive };
  }

  /** Stops everything in turn, last made first. Rejects when something was left unhandled. */
  async end(): Promise<void> {
    const failures: unknown[] = [];
    for (const clean of this.#cleanings.splice(0).reverse()) {
      try {
        await clean();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    deepEqual(this.#unhandled, [], 'no promise is left to reject unhandled');
  }

  async #onlooker(): Promise<Peer> {
    const peer = this.peer(await (this.given.direct?.() ?? this.create()), { serviceName: 'onlooker' });
    await this.time.ends('the start of the onlooker', peer.start(), 60_000);
    return peer;
  }
}

/** The queue of a subscription as an operator names it. */
export function queueOf({ event, queue }: SubscriptionSpec): string {
  return `${event}::${queue}`;
}

/** The address of an event without a prefix: its name. */
export function addressOf(target: Class<Note>): string {
  const descriptor = eventDescriptor(target);
  if (descriptor === undefined) throw new Error(`${target.name} is no event`);
  return descriptor.name;
}

function onceEach(): (target: Class) => unknown {
  const instances = new Map<Class, unknown>();
  return (target) => {
    if (!instances.has(target)) instances.set(target, new target());
    return instances.get(target);
  };
}
