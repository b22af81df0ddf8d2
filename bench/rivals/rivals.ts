import { randomBytes } from 'node:crypto';
import { describe } from '../../src/core/errors.js';
import { testBroker, type TestBroker } from '../../src/testing/test-broker.js';
import { spread, type Bench, type ReportRow, type Spread } from '../report.js';
import { inChild } from '../wire/children.js';
import type { Job, Measured } from '../wire/job.js';
import { prepareQueue } from '../wire/tidings.js';
import { aspyxEvent } from './aspyx-event.js';
import { nestAmqp } from './nest-amqp.js';
import type { Framework, Rival, RivalJob } from './rival.js';

type Work = RivalJob['work'];
type Figures = Readonly<Record<Work, Measured[]>>;

const program = new URL('../wire/program.js', import.meta.url);
const works: readonly Work[] = ['publish', 'consume'];
const size = { bytes: 256, inFlight: 200, credit: 100 };
/** Of all that is counted, for a first look. */
const quickShare = 0.5;

const tidings: Framework = {
  name: 'Tidings',
  counts: { warmUp: 20_000, events: 60_000 },
  prepare: ({ url }, prefix) => prepareQueue({ url, prefix }),
  run: ({ broker: { url }, credit: _itsOwn, ...job }) =>
    inChild<Measured>(program, { ...job, contender: 'tidings-amqp', url, durable: false } satisfies Job),
};

/** Tidings over AMQP beside other frameworks for the same purpose, that are installed for it: CPU per event of the process that uses them. */
export const rivals: Bench = async ({ quick, log }) => {
  const here = await installed([nestAmqp, aspyxEvent], log);
  if (here.length === 0) return [];
  const broker = await testBroker();
  try {
    const all: readonly Framework[] = [tidings, ...here];
    const figures = new Map(all.map((framework): [Framework, Figures] => [framework, { publish: [], consume: [] }]));
    const [rounds, share] = quick ? [2, quickShare] : [5, 1];
    for (let round = 0; round < rounds; round++) {
      log(`rivals, round ${String(round + 1)} of ${String(rounds)}`);
      // Each of them is the first in some rounds.
      for (let turn = 0; turn < all.length; turn++) await turnOf(all[(turn + round) % all.length]!, broker, share, figures);
    }
    return here.flatMap((rival) => works.flatMap((work) => rowsOf(rival, work, figures)));
  } finally {
    await broker.close();
  }
};

async function installed(wanted: readonly Rival[], log: (line: string) => void): Promise<Rival[]> {
  const here: Rival[] = [];
  for (const rival of wanted) {
    try {
      await rival.install();
      here.push(rival);
    } catch (error) {
      log(`NOT MEASURED: ${rival.name} cannot be had here: ${describe(error)}`);
    }
  }
  return here;
}

/** What each of them sends it receives itself: so each reads its own. */
async function turnOf(framework: Framework, broker: TestBroker, share: number, figures: ReadonlyMap<Framework, Figures>): Promise<void> {
  const prefix = `r${randomBytes(6).toString('hex')}.`;
  await framework.prepare(broker, prefix);
  const counts = { warmUp: framework.counts.warmUp * share, events: framework.counts.events * share };
  for (const work of works) figures.get(framework)?.[work].push(await framework.run({ ...size, ...counts, work, broker, prefix }));
}

function rowsOf(rival: Rival, work: Work, figures: ReadonlyMap<Framework, Figures>): ReportRow[] {
  const of = (framework: Framework, value: (measured: Measured) => number): Spread =>
    spread((figures.get(framework)?.[work] ?? []).map(value));
  const row = (what: string, unit: ReportRow['unit'], value: (measured: Measured) => number): ReportRow => ({
    group: `beside ${rival.name}, AMQP, ${String(size.bytes)} B, not durable`,
    name: `${work}, ${what}`,
    unit,
    ours: of(tidings, value),
    base: { name: rival.name, spread: of(rival, value) },
  });
  return [
    { ...row('CPU per event', 'µs', ({ cpuMicros }) => cpuMicros), goal: { most: rival.goal } },
    row('events', '1/s', ({ perSecond }) => perSecond),
  ];
}
