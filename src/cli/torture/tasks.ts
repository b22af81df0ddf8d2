import type { TorturePlan } from './plan.js';
import type { Death } from './schedule.js';

/** What a worker or a sender is told at its start. */
export type MemberTask = WorkerTask | SenderTask;

interface AnyTask {
  /** The URL of a module with `createProvider(url)`. */
  readonly module: string;
  /** Of the broker, or of the proxy before it. */
  readonly url: string;
  readonly plan: TorturePlan;
  /** Before every name on the broker. */
  readonly namePrefix: string;
}

export interface WorkerTask extends AnyTask {
  readonly role: 'worker';
  readonly deaths: readonly Death[];
  /** A folder in which workers leave marks for each other. */
  readonly marks: string;
}

export interface SenderTask extends AnyTask {
  readonly role: 'sender';
  /** The first number to send. */
  readonly from: number;
  /** The one after the last. */
  readonly to: number;
}

/** What they are told later. */
export type Order =
  /** Numbers below this may be sent now. */
  { readonly do: 'send'; readonly upTo: number } | { readonly do: 'finish' };

/** Who is at work. */
export const serviceName = 'tidings-torture';
export const eventName = 'numbered';
