import { spread, type Spread } from './report.js';

/** A piece of work that one process does over and over. */
export interface Row {
  readonly name: string;
  /** Does it `times` times. */
  readonly work: (times: number) => void | Promise<void>;
}

/** Microseconds of CPU for one piece of work, over the rounds. */
export type Costs = ReadonlyMap<string, Spread>;

const rounds = 9;
const roundMs = 60;

/** All rows take turns in each round, so that what else the machine does meets all of them alike. */
export async function measure(rows: readonly Row[]): Promise<Costs> {
  const times = new Map<Row, number>();
  for (const row of rows) times.set(row, await calibrated(row));
  const costs = new Map<Row, number[]>(rows.map((row) => [row, []]));
  for (let round = 0; round < rounds; round++)
    for (const row of rows) costs.get(row)?.push((await cpuOf(row, times.get(row) ?? 1)) / (times.get(row) ?? 1));
  return new Map(rows.map((row) => [row.name, spread(costs.get(row) ?? [])]));
}

/** How often the work fits a round; warms it up on the way. */
async function calibrated(row: Row): Promise<number> {
  for (let times = 100; ; times *= 2) {
    const micros = await cpuOf(row, times);
    if (micros >= roundMs * 1000) return Math.ceil((times * roundMs * 1000) / micros);
  }
}

/** The process as a whole: collecting garbage counts too. */
async function cpuOf({ work }: Row, times: number): Promise<number> {
  const before = process.cpuUsage();
  await work(times);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
