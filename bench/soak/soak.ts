import { randomBytes } from 'node:crypto';
import { testBroker } from '../../src/testing/test-broker.js';
import { spread, type Bench, type BenchOptions, type ReportRow, type Unit } from '../report.js';
import { inChild } from '../wire/children.js';
import type { ContenderName } from '../wire/job.js';
import type { Sample, SoakJob, SoakMeasured } from './job.js';

const program = new URL('./program.js', import.meta.url);
/** For each protocol, so that others can work meanwhile. */
const rate = 500;
const samples = 100;
const mostGrowth = 1.1;
const graceMs = 120_000;

/** Minutes of sending and handling over both protocols at a time, with failures: what the process holds in the end beside what it held soon. */
export const soak: Bench = async (options) => {
  const broker = await testBroker();
  try {
    const rows = await Promise.all([
      walked('AMQP', 'tidings-amqp', broker.url, options),
      walked('STOMP', 'tidings-stomp', broker.stompUrl, options),
    ]);
    return rows.flat();
  } finally {
    await broker.close();
  }
};

async function walked(protocol: string, contender: ContenderName, url: string, { minutes, log }: BenchOptions): Promise<ReportRow[]> {
  const seconds = minutes * 60;
  const job: SoakJob = { contender, url, prefix: `k${randomBytes(4).toString('hex')}.`, seconds, rate, samples };
  const limits = { execArgv: ['--expose-gc'], timeoutMs: seconds * 1000 + graceMs };
  const measured = await inChild<SoakMeasured>(program, job, limits);
  const { sent, handled, failed, cpuMicros } = measured;
  log(
    `${protocol}: ${String(sent)} sent, ${String(failed)} failed once, ${String(handled)} handled, ${cpuMicros.toFixed(1)} µs of CPU for each`,
  );
  return rowsOf(`${protocol}, ${String(minutes)} minutes at ${String(rate)} events a second`, measured.samples);
}

/** The last twentieth beside that before the first tenth is over. */
function rowsOf(group: string, all: readonly Sample[]): ReportRow[] {
  const few = Math.ceil(samples / 20);
  const early = all.slice(few, 2 * few);
  const late = all.slice(-few);
  const row = (name: string, unit: Unit, value: (sample: Sample) => number): ReportRow => ({
    ...{ group, name, unit, ours: spread(late.map(value)) },
    base: { name: 'at the first tenth', spread: spread(early.map(value)) },
  });
  const goal = { most: mostGrowth };
  return [
    { ...row('heap after a collection', 'bytes', ({ heapBytes }) => heapBytes), goal },
    { ...row('timers', '', ({ timers }) => timers), goal },
    { ...row('active resources', '', ({ resources }) => resources), goal },
    row('RSS', 'bytes', ({ rssBytes }) => rssBytes),
  ];
}
