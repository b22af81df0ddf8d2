/** What several rounds of one measurement came to. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The last of what is counted. */
export type Unit = 'µs' | '1/s' | 'ms' | 'bytes' | '';

/** What a figure shall not be above, or not below: that of the ratio where there is one to compare with, else ours. */
export type Goal = { readonly most: number } | { readonly least: number };

/** One line of the report. */
export interface ReportRow {
  /** What belongs together, such as 'AMQP, 256 B, durable'. */
  readonly group: string;
  readonly name: string;
  readonly unit: Unit;
  readonly ours: Spread;
  /** What it is held against in the same run, such as the same work on the bare client. */
  readonly base?: { readonly name: string; readonly spread: Spread };
  readonly goal?: Goal;
  /** A ratio above it is a fault: the run fails. */
  readonly limit?: number;
}

export interface BenchOptions {
  /** A first look: fewer events and rounds. */
  readonly quick: boolean;
  /** Of those that go on for a time that is said. */
  readonly minutes: number;
  /** Of what goes on meanwhile. */
  readonly log: (line: string) => void;
}

/** One benchmark, run on its own by `npm run bench -- <name>`. */
export type Bench = (options: BenchOptions) => Promise<readonly ReportRow[]>;

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = NaN] = sorted;
  return { median: median(sorted), low, high: sorted.at(-1) ?? NaN };
}

/** Ours to that of the base; undefined where there is no base. */
export function ratioOf({ ours, base }: ReportRow): number | undefined {
  return base === undefined ? undefined : ours.median / base.spread.median;
}

/** Undefined where there is no goal. */
export function isMet(row: ReportRow): boolean | undefined {
  if (row.goal === undefined) return undefined;
  const value = ratioOf(row) ?? row.ours.median;
  return 'most' in row.goal ? value <= row.goal.most : value >= row.goal.least;
}

export function isOverLimit(row: ReportRow): boolean {
  return row.limit !== undefined && (ratioOf(row) ?? 0) > row.limit;
}

/** One table: group by group, ours, what it is held against, the ratio of the medians and its goal. */
export function table(rows: readonly ReportRow[]): string {
  const cells = rows.map((row) => [row.name, figure(row.ours, row.unit), ...against(row), verdict(row)]);
  const head = ['', 'Tidings', 'beside', '', 'ratio', 'goal'];
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((cell) => cell[column]?.length ?? 0)));
  const line = (cell: readonly string[]): string =>
    cell
      .map((text, column) =>
        column === 0 || column === 3 || column === 5 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const lines = [line(head)];
  for (const [index, row] of rows.entries()) {
    if (row.group !== rows[index - 1]?.group) lines.push('', row.group);
    lines.push(line(cells[index] ?? []));
  }
  return lines.join('\n');
}

function against(row: ReportRow): string[] {
  const ratio = ratioOf(row);
  if (row.base === undefined || ratio === undefined) return ['', '', ''];
  return [figure(row.base.spread, row.unit), row.base.name, ratio.toFixed(2)];
}

function verdict(row: ReportRow): string {
  if (row.goal === undefined) return '';
  const goal = 'most' in row.goal ? `at most ${number(row.goal.most)}` : `at least ${number(row.goal.least)}`;
  return isMet(row) === true ? goal : `${goal}: FALLS SHORT`;
}

function figure({ median: middle, low, high }: Spread, unit: Unit): string {
  const text = `${number(middle)} ${unit}`.trimEnd();
  return low === high ? text : `${text} (${number(low)} to ${number(high)})`;
}

function number(value: number): string {
  if (Math.abs(value) >= 1000) return String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ' ');
  return String(Number(value.toPrecision(3)));
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const [before = NaN, at = NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 0 ? (before + at) / 2 : at;
}
