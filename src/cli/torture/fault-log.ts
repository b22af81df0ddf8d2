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
  /** For each listener, how many deliveries may come again because of it. */
  readonly allowed: ReadonlyMap<string, number>;
}

/** A worker hears of the loss of its connection so much later at most. */
const noticeMs = 5_000;
/** A broker that is killed forgets the settlements of its last moments. */
const forgottenMs = 100;

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
    const allowed = new Map(this.#listeners.map((listener) => [listener.name, this.#allowed(kind, listener, workers.length, from)]));
    const fault: Fault = { kind, from, to: Infinity, workers, noticedAt: new Map(), allowed };
    this.faults.push(fault);
    return fault;
  }

  /** A worker has lost its connection: by one of the faults, or for a reason of its own. */
  noticed(worker: string, at: number): void {
    const fault = this.faults.findLast(({ from, to, workers }) => from <= at && at <= to + noticeMs && workers.includes(worker));
    if (fault === undefined) this.begin('lost by itself', [worker], at).to = at;
    else fault.noticedAt.set(worker, at + (this.#habits.noticeLagMs ?? 0));
  }

  count(kind: FaultKind): number {
    return this.faults.filter((fault) => fault.kind === kind).length;
  }

  #allowed(kind: FaultKind, listener: ListenerPlan, workers: number, from: number): number {
    const limit = limitOf(listener);
    const unsettled = workers * (this.#habits.mostUnsettled?.(limit) ?? limit);
    if (kind !== 'broker kill') return unsettled;
    const handledAt = this.#ledger.listeners.get(listener.name)?.handledAt ?? [];
    return unsettled + handledAt.filter((at) => at >= from - forgottenMs).length;
  }
}
