import type { Ledger } from './ledger.js';
import { limitOf, type ListenerPlan } from './plan.js';
import type { Habits } from './provider-module.js';

export type FaultKind =
  'kill inside' | 'kill' | 'sender kill' | 'cut' | 'half-open' | 'refuse' | 'broker kill' | 'broker restart' | 'lost by itself';

/** Something that went wrong on purpose, or that a worker noticed. */
export interface Fault {
  readonly kind: FaultKind;
  readonly from: number;
  /** When it was over: the network is back, the broker is up, the process is gone. */
  to: number;
  /** Workers whose unsettled deliveries come again. */
  readonly workers: readonly string[];
  /** When they noticed. Until then they go on with what they have got. */
  readonly noticedAt: Map<string, number>;
}

/** A worker hears of the loss of its connection so much later at most. */
const noticeMs = 5_000;
/** What was settled a moment before a fault may still be under way, or not yet be written by a broker that is killed. */
const momentMs = 100;

/** The faults of a run, and what each of them excuses. */
export class FaultLog {
  readonly faults: Fault[] = [];
  readonly #listeners: readonly ListenerPlan[];
  readonly #ledger: Ledger;
  readonly #habits: Habits;

  constructor(listeners: readonly ListenerPlan[], ledger: Ledger, habits: Habits = {}) {
    this.#listeners = listeners;
    this.#ledger = ledger;
    this.#habits = habits;
  }

  /** Begins now, unless said otherwise; the caller sets `to` when it is over. */
  begin(kind: FaultKind, workers: readonly string[], from = Date.now()): Fault {
    const fault: Fault = { kind, from, to: Infinity, workers, noticedAt: new Map() };
    this.faults.push(fault);
    return fault;
  }

  /** A worker has lost its connection: by one of the faults, or for a reason of its own. */
  noticed(worker: string, at: number): void {
    const fault = this.faults.findLast(({ from, to, workers }) => from <= at && at <= to + noticeMs && workers.includes(worker));
    if (fault === undefined) this.begin('lost by itself', [worker], at).to = at;
    else fault.noticedAt.set(worker, at);
  }

  count(kind: FaultKind): number {
    return this.faults.filter((fault) => fault.kind === kind).length;
  }

  /** From here on nothing of a worker is excused by the fault any more. */
  lostAt({ to, noticedAt }: Fault, worker: string): number {
    const at = noticedAt.get(worker);
    return at === undefined ? to : Math.max(to, at + this.#lagMs);
  }

  /**
   * How many deliveries to a listener may come again because of a fault, once it is over. No more than `limit` of a worker are not settled at
   * any moment: a settlement is on its way before its place is given again. What is on its way is lost when the connection is, also that of a
   * killed process, which takes along what nobody has read yet: that is what the worker ended from a moment before the fault until it
   * noticed, and never more than the broker may have counted as unsettled.
   * Only a broker that is killed may forget settlements that it has read.
   */
  allowed(fault: Fault, listener: string): number {
    const plan = this.#listeners.find(({ name }) => name === listener);
    if (plan === undefined) return 0;
    const limit = limitOf(plan);
    const most = fault.kind === 'broker kill' ? Infinity : (this.#habits.mostUnsettled?.(limit) ?? limit);
    return fault.workers.reduce((sum, worker) => sum + Math.min(most, limit + this.#endedDuring(fault, listener, worker)), 0);
  }

  #endedDuring(fault: Fault, listener: string, worker: string): number {
    const [since, until] = this.#unheard(fault, worker);
    let count = 0;
    for (const runs of this.#ledger.listeners.get(listener)?.runs.values() ?? [])
      for (const { process, endedAt = -Infinity } of runs) if (process === worker && endedAt >= since && endedAt <= until) count++;
    return count;
  }

  /** While the broker may not have heard what a worker said. A silence is found by each connection at a time of its own, others at once. */
  #unheard({ kind, from, to, noticedAt }: Fault, worker: string): [since: number, until: number] {
    const beforeMs = kind === 'lost by itself' ? this.#lagMs : 0;
    const afterMs = kind === 'lost by itself' || kind === 'half-open' ? this.#lagMs : 0;
    return [from - beforeMs - momentMs, (noticedAt.get(worker) ?? to) + afterMs + momentMs];
  }

  get #lagMs(): number {
    return this.#habits.noticeLagMs ?? 0;
  }
}
