import type { Fault, FaultLog } from './fault-log.js';
import type { Ledger, ListenerLedger, RunRecord } from './ledger.js';
import { expectedEnd } from './outcomes.js';
import { keyOf, numberOf, type ListenerPlan, type TorturePlan } from './plan.js';

export interface SendCounts {
  readonly sent: number;
  readonly confirmed: number;
  readonly refused: number;
  /** Nobody knows: they may have arrived. */
  readonly unknown: number;
  readonly notSent: number;
}

export interface ListenerVerdict {
  readonly listener: string;
  /** Events, each counted once. */
  readonly handled: number;
  readonly archived: number;
  /** Confirmed, and neither handled nor in the archive. */
  readonly lost: readonly string[];
  /** Refused or never sent, and there all the same. */
  readonly uninvited: readonly string[];
  /** Successes beyond the first of an event, and second copies in the archive. */
  readonly duplicated: number;
  /** As many as the faults excuse. */
  readonly bound: number;
  /** Doubled though no fault took the settlement of the first, or more of them than it can have taken. */
  readonly unexplained: readonly string[];
  /** Attempts that were not exactly those that the outcomes ask for. */
  readonly miscounted: readonly string[];
  /** Begun before an earlier one of their key was handled. */
  readonly disordered: readonly string[];
  readonly leftInQueue: number;
  /** From the end of a fault to the next event handled; absent without faults. */
  readonly slowestRecoveryMs: number | undefined;
}

export interface Verdict {
  readonly passed: boolean;
  readonly sends: SendCounts;
  readonly listeners: readonly ListenerVerdict[];
  readonly problems: readonly string[];
}

export interface Evidence {
  readonly plan: TorturePlan;
  readonly ledger: Ledger;
  readonly faultLog: FaultLog;
  /** By listener. */
  readonly leftInQueue: ReadonlyMap<string, number>;
}

/** What the ledger proves. */
export function verdictOf(evidence: Evidence): Verdict {
  const { plan, ledger } = evidence;
  const listeners = plan.listeners.map((listener) => listenerVerdict(listener, evidence));
  const passed = ledger.problems.length === 0 && listeners.every(isClean);
  return { passed, sends: sendCounts(ledger), listeners, problems: ledger.problems };
}

function isClean({ lost, uninvited, duplicated, bound, unexplained, miscounted, disordered, leftInQueue }: ListenerVerdict): boolean {
  const faults = lost.length + uninvited.length + unexplained.length + miscounted.length + disordered.length + leftInQueue;
  return faults === 0 && duplicated <= bound;
}

function sendCounts({ sends }: Ledger): SendCounts {
  const counts = { sent: sends.size, confirmed: 0, refused: 0, unknown: 0, notSent: 0 };
  for (const { outcome = 'unknown' } of sends.values()) counts[outcome === 'not-sent' ? 'notSent' : outcome]++;
  return counts;
}

function listenerVerdict(listener: ListenerPlan, { plan, ledger, faultLog, leftInQueue }: Evidence): ListenerVerdict {
  const book = ledger.listeners.get(listener.name) as ListenerLedger;
  const archived = new Map<string, number[]>();
  for (const { id, attempts } of book.archived) archived.set(id, [...(archived.get(id) ?? []), attempts]);
  const successes = successesOf(book);
  const lost: string[] = [];
  const uninvited: string[] = [];
  const miscounted: string[] = [];
  for (const id of new Set([...ledger.sends.keys(), ...archived.keys(), ...book.runs.keys()])) {
    const outcome = ledger.sends.get(id);
    const isThere = successes.has(id) || archived.has(id);
    if (outcome?.outcome === 'confirmed' && !isThere) lost.push(id);
    const invited = outcome?.outcome === undefined ? outcome !== undefined : ['confirmed', 'unknown'].includes(outcome.outcome);
    if (!invited && (isThere || book.runs.has(id))) uninvited.push(id);
    if (isThere && !isExact(expectedEnd(plan, listener, numberOf(id)), book.runs.get(id) ?? [], archived.get(id))) miscounted.push(id);
  }
  const doubled = [...successes].filter(([, runs]) => runs.length > 1);
  const archivedAgain = book.archived.length - archived.size;
  const allowed = new Map(faultLog.faults.map((fault) => [fault, faultLog.allowed(fault, listener.name)]));
  return {
    listener: listener.name,
    handled: successes.size,
    archived: archived.size,
    lost,
    uninvited,
    duplicated: doubled.reduce((sum, [, runs]) => sum + runs.length - 1, archivedAgain),
    bound: [...allowed.values()].reduce((sum, one) => sum + one, 0),
    unexplained: unexplained(doubled, faultLog, allowed),
    miscounted,
    disordered: plan.keys === 0 ? [] : disordered(successes, plan),
    leftInQueue: leftInQueue.get(listener.name) ?? 0,
    slowestRecoveryMs: slowestRecovery(book, faultLog.faults),
  };
}

function successesOf(book: ListenerLedger): Map<string, RunRecord[]> {
  const successes = new Map<string, RunRecord[]>();
  for (const [id, runs] of book.runs) {
    const successful = runs.filter(({ outcome }) => outcome === 'success');
    if (successful.length > 0) successes.set(id, successful);
  }
  return successes;
}

/** Of each key the first success of every event must have ended before that of a later one began: what faults repeat may come at any time. */
function disordered(successes: ReadonlyMap<string, readonly RunRecord[]>, plan: TorturePlan): string[] {
  const latest = new Map<string | undefined, number>();
  const inOrder = [...successes].sort(([a], [b]) => numberOf(a) - numberOf(b));
  return inOrder.flatMap(([id, runs]) => {
    const [first] = [...runs].sort((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0));
    const key = keyOf(plan, numberOf(id));
    const before = latest.get(key) ?? 0;
    latest.set(key, Math.max(before, first?.endedAt ?? 0));
    return (first?.begunAt ?? 0) < before ? [id] : [];
  });
}

/** Every attempt from the first to the last that was to be, no other, and that end. */
function isExact(expected: ReturnType<typeof expectedEnd>, runs: readonly RunRecord[], archived: readonly number[] | undefined): boolean {
  const attempts = new Set(runs.map(({ attempt }) => attempt));
  if (attempts.size !== expected.attempts || Math.max(0, ...attempts) !== expected.attempts) return false;
  if (expected.end === 'handled') return archived === undefined;
  // What could not be read has failed at its first delivery.
  return archived?.every((told) => told === Math.max(1, expected.attempts)) ?? false;
}

/** Ids of the doubles that no fault excuses, each fault excusing no more than it may. */
function unexplained(
  doubled: readonly (readonly [id: string, runs: readonly RunRecord[]])[],
  faultLog: FaultLog,
  allowed: ReadonlyMap<Fault, number>,
): string[] {
  const left = new Map(allowed);
  const leftOf = (fault: Fault): number => left.get(fault) ?? 0;
  return doubled.flatMap(([id, runs]) => {
    const inOrder = [...runs].sort((a, b) => a.begunAt - b.begunAt);
    for (const [index, later] of inOrder.slice(1).entries()) {
      const earlier = inOrder[index] as RunRecord;
      // The one that can excuse most, so that none is used up while others are not.
      const able = faultLog.faults.filter(
        (fault) => leftOf(fault) > 0 && excuses(fault, faultLog.lostAt(fault, earlier.process), earlier, later),
      );
      const [excuse] = able.sort((a, b) => leftOf(b) - leftOf(a));
      if (excuse === undefined) return [id];
      left.set(excuse, leftOf(excuse) - 1);
    }
    return [];
  });
}

/** A run is settled so soon after its end, however busy the machine. */
const settledMs = 2_000;

/** Whether the fault came between the two, when the earlier one was not settled yet. */
function excuses({ from, workers }: Fault, lostAt: number, earlier: RunRecord, later: RunRecord): boolean {
  if (!workers.includes(earlier.process)) return false;
  return earlier.begunAt <= lostAt && (earlier.endedAt ?? Infinity) >= from - settledMs && later.begunAt >= from;
}

/** From the end of a fault to the next event handled, unless another fault came first. */
function slowestRecovery({ handledAt }: ListenerLedger, faults: readonly Fault[]): number | undefined {
  const times = [...handledAt].sort((a, b) => a - b);
  let slowest: number | undefined;
  for (const { to } of faults) {
    const next = times.find((at) => at >= to);
    if (next === undefined || faults.some((other) => other.from < next && other.to > to)) continue;
    slowest = Math.max(slowest ?? 0, next - to);
  }
  return slowest;
}
