import { randomBytes } from 'node:crypto';
import type { Counters } from '../core/counters.js';
import type { Deadlines } from '../core/deadlines.js';
import type { EventDescriptor } from '../core/descriptors.js';
import { SendError, TidingsError } from '../core/errors.js';
import { Waiters } from '../core/waiters.js';
import { within, type Wait } from '../core/within.js';
import type { PendingRequest } from '../patterns/pending-request.js';
import { ofReplies, replyAddress, Replies, repliesTo } from '../patterns/replies.js';
import { RetryPolicy } from '../reliability/retry-policy.js';
import type { Assembly } from './assembly.js';
import type { Closing } from './closing.js';
import { addUpcasters } from './making.js';
import type { Settings } from './manager-options.js';
import type { Station } from './station.js';
import { closeStation, dropStation, openStation } from './stations.js';

export interface ReplyStationParts {
  readonly settings: Settings;
  readonly deadlines: Deadlines;
  readonly counters: Counters;
  readonly find: (id: string | undefined) => PendingRequest | undefined;
}

interface Opened {
  readonly assembly: Assembly;
  readonly waiters: Waiters<Station>;
  station: Station | undefined;
}

/** Where the answers come: subscribed with the first request of each start, one for all of them. */
export class ReplyStation {
  readonly #parts: ReplyStationParts;
  /** Events that answers were read as since the start. */
  readonly #known = new Map<EventDescriptor, Promise<void> | undefined>();
  #opened: Opened | undefined;

  constructor(parts: ReplyStationParts) {
    this.#parts = parts;
  }

  /** The address of the answers, when they can come and be read. */
  async ready(assembly: Assembly, reply: EventDescriptor, wait: Wait): Promise<string> {
    const { settings, deadlines } = this.#parts;
    const { provider } = settings;
    if (!provider.capabilities.has('reply'))
      throw new TidingsError('not-supported', `the provider ${provider.name} carries no answers (capability 'reply')`);
    const opened = this.#opened?.assembly === assembly ? this.#opened : this.#open(assembly);
    const { subscription } =
      opened.station ??
      (await opened.waiters.each((station) => within(station, deadlines, wait, (why) => notOpen(why, assembly.serverName))));
    const known = this.#known.has(reply) ? this.#known.get(reply) : this.#learn(assembly, reply);
    if (known !== undefined) await within(known, deadlines, wait, (why) => notOpen(why, assembly.serverName));
    return subscription.spec.event;
  }

  async close(assembly: Assembly, closing: Closing, wait: Wait): Promise<void> {
    const station = this.#opened?.station;
    this.#opened = undefined;
    this.#known.clear();
    if (station !== undefined) await closeStation(assembly, station, closing, wait);
  }

  #open(assembly: Assembly): Opened {
    this.#known.clear();
    const opening = this.#subscribe(assembly);
    const opened: Opened = { assembly, waiters: new Waiters(opening), station: undefined };
    this.#opened = opened;
    opening.then(
      (station) => {
        opened.station = station;
      },
      () => {
        // The next request tries anew.
        if (this.#opened === opened) this.#opened = undefined;
      },
    );
    return opened;
  }

  /** With a queue of its own, whatever the others are called: who takes the answers of another leaves him without. */
  async #subscribe(assembly: Assembly): Promise<Station> {
    const { serverName } = assembly;
    const { settings } = this.#parts;
    const address = replyAddress(settings.namePrefix, serverName);
    // One that was made up is nobody else's.
    const isShared = settings.serverName !== undefined;
    if (!isShared || (await this.#consumers(address)) === 0) {
      const station = await this.#station(assembly, address, !isShared);
      // Two may come at once.
      if (!isShared || (await this.#consumers(address)) <= 1) return this.#begun(station, assembly);
      await dropStation(assembly, station);
    }
    settings.logger.warn(
      { serverName, queue: address },
      'another process has the same serverName, so the answers to this one get a queue of their own: give each process its own name',
    );
    return this.#station(assembly, `${address}.${randomBytes(4).toString('hex')}`, true);
  }

  #station(assembly: Assembly, address: string, opens: boolean): Promise<Station> {
    const { settings, counters, find } = this.#parts;
    const replies = new Replies(find, counters);
    const special = { resolve: () => replies, opening: replies.opening, around: replies.around, failures: ofReplies(new RetryPolicy()) };
    const isWanted = (): boolean => opens && this.#isWanted(assembly);
    return openStation(assembly, settings, repliesTo(address, settings.archive), special, { isWanted });
  }

  #begun(station: Station, assembly: Assembly): Station {
    if (this.#isWanted(assembly)) station.tap.open('start');
    return station;
  }

  #isWanted(assembly: Assembly): boolean {
    return this.#opened?.assembly === assembly;
  }

  /** 0 where the broker does not tell. */
  async #consumers(address: string): Promise<number> {
    try {
      return (await this.#parts.settings.provider.queues?.consumers(`${address}::${address}`)) ?? 0;
    } catch {
      return 0;
    }
  }

  /** Whoever only asks listens to nothing, so that no start has made what brings its answers up to date. */
  #learn(assembly: Assembly, reply: EventDescriptor): Promise<void> | undefined {
    const learning = addUpcasters(assembly.upcasters, reply, this.#parts.settings);
    this.#known.set(reply, learning);
    learning?.then(
      () => this.#known.set(reply, undefined),
      () => this.#known.delete(reply),
    );
    return learning;
  }
}

function notOpen(why: 'deadline' | 'aborted', serverName: string): SendError {
  const what = `the broker has not confirmed the queue of answers to ${serverName} in time`;
  return why === 'deadline' ? new SendError('not-sent', 'send-timeout', what) : new SendError('not-sent', 'send-aborted', what);
}
