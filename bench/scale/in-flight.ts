import { randomBytes } from 'node:crypto';
import { testBroker } from '../../src/testing/test-broker.js';
import { spread, type Bench, type BenchOptions, type ReportRow } from '../report.js';
import { inChild } from '../wire/children.js';
import type { ScaleJob, ScaleMeasured } from './job.js';

type Contender = Pick<ScaleJob, 'contender' | 'url'>;

const program = new URL('./program.js', import.meta.url);
const widths = [1, 10, 50, 200];
const inFull = { rounds: 3, warmUp: 5_000, events: 15_000 };
const quickly = { rounds: 1, warmUp: 1_000, events: 3_000 };

/** What an event costs with so many sends unconfirmed, and so many deliveries unsettled, at a time. */
export const inFlight: Bench = async (options) => {
  const broker = await testBroker();
  try {
    const amqp = await widthsOver('AMQP', { contender: 'tidings-amqp', url: broker.url }, options);
    return [...amqp, ...(await widthsOver('STOMP', { contender: 'tidings-stomp', url: broker.stompUrl }, options))];
  } finally {
    await broker.close();
  }
};

async function widthsOver(protocol: string, contender: Contender, { quick, log }: BenchOptions): Promise<ReportRow[]> {
  const { rounds, ...counts } = quick ? quickly : inFull;
  const measured = new Map<number, ScaleMeasured[]>(widths.map((width) => [width, []]));
  const base = { ...contender, ...counts, prefix: `f${randomBytes(4).toString('hex')}.`, listeners: 1 };
  const jobOf = (width: number, traffic: ScaleJob['traffic']): ScaleJob => {
    const prefetch = Math.floor(width / 2);
    return { ...base, traffic, inFlight: width, concurrency: width - prefetch, prefetch };
  };
  // Makes the queue.
  await inChild(program, jobOf(1, 'none'));
  for (let round = 0; round < rounds; round++) {
    log(`${protocol}, in flight, round ${String(round + 1)} of ${String(rounds)}`);
    for (const width of widths) measured.get(width)?.push(await inChild<ScaleMeasured>(program, jobOf(width, 'even')));
  }
  const rows = (work: string, value: (of: ScaleMeasured) => number): ReportRow[] =>
    widths.map((width) => ({
      group: `${protocol}, in flight at a time, 256 B, not durable, CPU per event`,
      name: `${work}, ${String(width)} in flight`,
      unit: 'µs',
      ours: spread((measured.get(width) ?? []).map(value)),
    }));
  return [...rows('publish', ({ publishMicros = NaN }) => publishMicros), ...rows('consume', ({ consumeMicros = NaN }) => consumeMicros)];
}
