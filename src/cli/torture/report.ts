import type { FaultKind } from './fault-log.js';
import type { TortureResult } from './torture.js';
import type { ListenerVerdict } from './verdict.js';

const mostNamed = 5;

const faultNames: Readonly<Record<FaultKind, readonly [one: string, many: string]>> = {
  'kill inside': ['worker killed inside a listener', 'workers killed inside a listener'],
  kill: ['worker killed at a random moment', 'workers killed at random moments'],
  'sender kill': ['sender killed', 'senders killed'],
  cut: ['cut of all connections of one side', 'cuts of all connections of one side'],
  'half-open': ['silence of the network', 'silences of the network'],
  refuse: ['time of refused connections', 'times of refused connections'],
  'broker kill': ['broker kill', 'broker kills'],
  'broker restart': ['broker restart', 'broker restarts'],
  'lost by itself': ['connection lost though nobody cut it', 'connections lost though nobody cut them'],
};

/** The result as a person reads it. */
export function reportOf(result: TortureResult): string {
  const { plan, verdict, tookMs } = result;
  const { senders } = plan;
  const head =
    `${String(plan.events)} events, ${String(senders.processes * senders.concurrency)} concurrent senders, ` +
    `${String(plan.workers)} worker processes, seed ${String(plan.seed)}, ${seconds(tookMs)}`;
  const parts = [head, sendTable(result), listenerTable(verdict.listeners), faultLines(result), conclusion(result)];
  return `${parts.join('\n\n')}\n`;
}

function sendTable({ verdict: { sends } }: TortureResult): string {
  return table([
    ['sent', 'confirmed', 'refused', 'unknown', 'not sent'],
    [sends.sent, sends.confirmed, sends.refused, sends.unknown, sends.notSent],
  ]);
}

function listenerTable(listeners: readonly ListenerVerdict[]): string {
  return table([
    ['listener', 'handled', 'archived', 'lost', 'duplicated (bound)', 'wrong attempts', 'left in queue', 'slowest recovery'],
    ...listeners.map((one) => [
      one.listener,
      one.handled,
      one.archived,
      one.lost.length,
      `${String(one.duplicated)} (${String(one.bound)})`,
      one.miscounted.length,
      one.leftInQueue,
      one.slowestRecoveryMs === undefined ? '-' : seconds(one.slowestRecoveryMs),
    ]),
  ]);
}

function faultLines({ faultLog, plan }: TortureResult): string {
  const lines = Object.entries(faultNames).flatMap(([kind, [one, many]]) => {
    const count = faultLog.count(kind as FaultKind);
    return count === 0 ? [] : [`${String(count)} ${count === 1 ? one : many}`];
  });
  const replaced = typeof plan.faults.replacements === 'number' ? plan.faults.replacements : plan.faults.replacements.length;
  if (replaced > 0) lines.push(`${String(replaced)} workers replaced in good order`);
  return lines.length === 0 ? 'no faults' : `faults: ${lines.join(', ')}`;
}

function conclusion({ verdict, interrupted }: TortureResult): string {
  if (interrupted) return 'INTERRUPTED: what is missing may not have been handled yet.';
  if (verdict.passed) return 'PASSED: nothing is lost, and no more is doubled than the faults explain.';
  const faults = verdict.listeners.flatMap((one) => [
    ...named(one.listener, 'lost', one.lost),
    ...named(one.listener, 'handled though refused or never sent', one.uninvited),
    ...named(one.listener, 'doubled without a fault that explains it', one.unexplained),
    ...named(one.listener, 'with wrong attempts', one.miscounted),
    ...named(one.listener, 'begun before an earlier one of their key was handled', one.disordered),
    ...(one.duplicated > one.bound ? [`${one.listener}: more doubled than the faults explain`] : []),
    ...(one.leftInQueue > 0 ? [`${one.listener}: ${String(one.leftInQueue)} left in its queue`] : []),
  ]);
  return ['FAILED:', ...faults, ...verdict.problems].join('\n  ');
}

function named(listener: string, what: string, ids: readonly string[]): string[] {
  if (ids.length === 0) return [];
  const more = ids.length > mostNamed ? ` and ${String(ids.length - mostNamed)} more` : '';
  return [`${listener}: ${String(ids.length)} ${what}: ${ids.slice(0, mostNamed).join(', ')}${more}`];
}

/** The result for programs. */
export function jsonOf({ plan, schedule, verdict, faultLog, interrupted, tookMs }: TortureResult): string {
  const faults = faultLog.faults.map(({ kind, from, to, workers }) => ({ kind, from, to, workers }));
  return JSON.stringify({ seed: plan.seed, tookMs: Math.round(tookMs), interrupted, ...verdict, faults, schedule, plan });
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** Columns under their heads, numbers as they are. */
function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => String(cell).padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
