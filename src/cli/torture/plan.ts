import type { RetryOptions } from '../../core/descriptors.js';

/** What a run is made of. All that is random in it follows from the seed. */
export interface TorturePlan {
  readonly seed: number;
  readonly events: number;
  readonly senders: { readonly processes: number; /** Sends under way at once, in each. */ readonly concurrency: number };
  readonly workers: number;
  readonly listeners: readonly ListenerPlan[];
  readonly faults: FaultPlan;
  /** Events have so many keys in turn, and one sender, so that each key has an order; 0: none. */
  readonly keys: number;
  /** The share of events whose body nobody can read. */
  readonly poison: number;
  readonly retry: RetryOptions;
  /** Spreads the sends over so much time; 0: as fast as the broker takes them. */
  readonly paceMs: number;
  /** Most events that are confirmed and not yet handled everywhere: sending waits then, so that faults meet both. */
  readonly backlog: number;
  /** Without anything happening for so long the run is given up. */
  readonly patienceMs: number;
  /** How often workers tell their memory; 0: never. */
  readonly memoryEveryMs: number;
}

export interface ListenerPlan {
  readonly name: string;
  readonly concurrency: number;
  readonly prefetch: number;
  /** The longest time that a run takes. */
  readonly holdMs: number;
  readonly chances: Chances;
}

/** How often an attempt ends so; the rest succeeds. */
export interface Chances {
  readonly throw: number;
  readonly later: number;
  readonly unrecoverable: number;
}

/** How many there are of each fault, or at which parts of the way, from 0 to 1. */
export type Times = number | readonly number[];

export interface FaultPlan {
  /** Workers that kill themselves inside a listener, each at the first delivery of one event. */
  readonly killsInside: number;
  /** Workers killed at any moment. */
  readonly kills: Times;
  readonly senderKills: Times;
  /** Connections that are cut, fall silent, or are refused. */
  readonly cuts: Times;
  readonly brokerKills: Times;
  readonly brokerRestarts: Times;
  /** Workers told to stop, after another one has taken up work. No fault: nothing may be doubled by it. */
  readonly replacements: Times;
}

const noFaults: FaultPlan = Object.freeze({
  killsInside: 0,
  kills: 0,
  senderKills: 0,
  cuts: 0,
  brokerKills: 0,
  brokerRestarts: 0,
  replacements: 0,
});

export const alwaysSuccess: Chances = Object.freeze({ throw: 0, later: 0, unrecoverable: 0 });

const quickRetry: RetryOptions = Object.freeze({ maxRetries: 4, initialDelayMs: 100, factor: 2, maxDelayMs: 2_000, jitter: 'full' });

/** A plan with what is not said filled in. */
export function planOf(given: Partial<Omit<TorturePlan, 'faults'>> & { readonly faults?: Partial<FaultPlan> }): TorturePlan {
  const events = given.events ?? 1_000;
  return {
    seed: 1,
    events,
    senders: { processes: 1, concurrency: 25 },
    workers: 2,
    listeners: [{ name: 'steady', concurrency: 10, prefetch: 10, holdMs: 2, chances: alwaysSuccess }],
    keys: 0,
    poison: 0,
    retry: quickRetry,
    paceMs: 0,
    backlog: Math.max(200, Math.ceil(events / 10)),
    patienceMs: 60_000,
    memoryEveryMs: 0,
    ...given,
    faults: { ...noFaults, ...given.faults },
  };
}

export function idOf(plan: { readonly seed: number }, n: number): string {
  return `${String(plan.seed)}-${String(n)}`;
}

/** That of an event with this number. */
export function keyOf({ keys }: { readonly keys: number }, n: number): string | undefined {
  return keys === 0 ? undefined : `key-${String(n % keys)}`;
}

export function numberOf(id: string): number {
  return Number(id.slice(id.lastIndexOf('-') + 1));
}

/** Deliveries of one listener that a process is given at once. */
export function limitOf({ concurrency, prefetch }: ListenerPlan): number {
  return concurrency + prefetch;
}
