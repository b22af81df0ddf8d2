import type { QueueAdmin, QueueNaming } from '../../core/provider.js';
import type { Note } from './notes.js';
import type { CutKind, Side } from './schedule.js';
import type { Habits } from './provider-module.js';
import type { MemberTask, Order } from './tasks.js';

/** A worker or a sender at work. */
export interface Member {
  /** Resolves when nothing of it is left, all its notes being taken. */
  readonly ended: Promise<MemberEnd>;
  tell(order: Order): void;
  /** At once, as by SIGKILL. */
  kill(): void;
  /** In good order, as by SIGTERM. */
  stop(): void;
}

export interface MemberEnd {
  readonly killed: boolean;
  /** What it said when it ended otherwise than it should. */
  readonly complaint: string | undefined;
}

/** What a member is told by the run; the stage adds where the broker is. */
export type Part = MemberTask extends infer T ? (T extends MemberTask ? Omit<T, 'module' | 'url' | 'namePrefix'> : never) : never;

/** Where a run plays: what starts its members, what shows the queues, and what can be broken. */
export interface Stage {
  /** Before every name on the broker; nothing else has names like these. */
  readonly namePrefix: string;
  /** Past all faults but those of the broker itself. */
  readonly queues: Pick<QueueAdmin, 'count' | 'browse'>;
  readonly queueNaming: QueueNaming;
  /** Of the workers' provider. */
  readonly habits?: Habits;
  join(part: Part, take: (note: Note) => void): Member;
  /** Breaks the connections of one side; resolves when the network is as it was. */
  readonly cut?: (side: Side, how: CutKind, forMs: number) => Promise<void>;
  /** Both sides have one network: what breaks one breaks the other. */
  readonly cutsAll?: boolean;
  readonly broker?: BrokerControl;
}

export interface BrokerControl {
  kill(): Promise<void>;
  start(): Promise<void>;
  restart(): Promise<void>;
}
