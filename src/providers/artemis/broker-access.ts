import type { CopyTo, Routing, SubscriptionSpec, WireMessage } from '../../core/provider.js';
import type { Clock } from '../../core/clock.js';
import type { ArtemisManagement } from './artemis-management.js';

/** What provisioning and the looking at queues need of one connection: its management, and what only its protocol can do. */
export interface BrokerAccess<S extends Shown = Shown> {
  readonly management: ArtemisManagement;
  readonly alive: boolean;
  /** Whether the broker tells how often a message was delivered: without it no event is archived for crashes. */
  readonly countsDeliveries: boolean;
  /** Whether a message that is shown is held back from others until its reader closes. */
  readonly showsByTaking: boolean;
  /** Makes the queues of archives without the management: by attaching to them. */
  attachArchives(specs: readonly SubscriptionSpec[]): Promise<void>;
  openRemover(archive: string): ArchiveRemover;
  openReader(queue: FoundQueue, options: ReadingOptions): QueueReader<S>;
  /** Puts a copy into a queue that is known to be there. @throws SendError, or TidingsError 'connection'. */
  copy(shown: S, copy: CopyTo, to: FoundQueue): Promise<void>;
}

/** Takes messages out of an archive, oldest first, and throws them away. @throws OperationFault when it is refused, or nothing happens. */
export interface ArchiveRemover {
  /** Resolves when the broker counts it among the consumers. */
  opened(): Promise<void>;
  /** Messages that the broker has given already, and counts as delivered. */
  readonly given: number;
  remove(count: number): Promise<void>;
  close(): Promise<void>;
}

/** A queue that is there. */
export interface FoundQueue {
  /** `<address>::<queue>` */
  readonly name: string;
  readonly routing: Routing;
  /** Messages that are neither delayed nor delivered to somebody. */
  readonly waiting: number;
  /** Messages that somebody holds unsettled, or that are on their way to somebody. */
  readonly delivering: number;
}

/** One message as it is shown. */
export interface Shown {
  readonly message: WireMessage;
  /** The broker's own name for it; needed where showing is taking. */
  readonly identity?: string | undefined;
}

export interface ReadingOptions {
  readonly clock: Clock;
  /** Messages are shown and stay. */
  readonly browse: boolean;
  /** How many may be here at a time. */
  readonly window: number;
  /** What the broker says of the queue now. */
  readonly look: () => Promise<FoundQueue | undefined>;
}

/** Reads the messages that waited in a queue when it began, oldest first. */
export interface QueueReader<S extends Shown = Shown> {
  /** The next, or undefined when there is none. `staying`: how many of those shown before still wait there. */
  next(staying: number): Promise<S | undefined>;
  accept(shown: S): void;
  /** It stays at its place, for others. */
  passOver(shown: S): void;
  /** @throws TidingsError when its connection is lost or it was closed by the broker. */
  mustLive(): void;
  /** What was shown and not accepted goes back. */
  close(): Promise<void>;
}
