import { randomBytes } from 'node:crypto';

import { spread, type Bench, type ReportRow } from '../report.js';
import { inChild } from '../wire/children.js';
import type { Job, Measured } from '../wire/job.js';
import { prepareQueue } from '../wire/tidings.js';
import { roomyBroker } from '../roomy-broker.js';

type Contender = Pick<Job, 'contender' | 'url'>;

const program = new URL('../wire/program.js', import.meta.url);
/** The first of what waits, whatever waits behind it. */
const taken = { warmUp: 10_000, events: 40_000 };
const short = taken.warmUp + taken.events;
const long = 500_000;
const rounds = 3;
const mostToShort = 1.1;
const event = { bytes: 256, durable: false, inFlight: 200 };

/** What an event costs that is one of half a million in its queue, beside one of as many as are consumed. */
export const backlog: Bench = async ({ quick, log }) => {
  if (quick) {
    log(`a backlog of ${String(long)} events is not filled quickly: npm run bench -- backlog`);
    return [];
  }
  const broker = await roomyBroker();
  try {
    const amqp: Contender = { contender: 'tidings-amqp', url: broker.url };
    const stomp: Contender = { contender: 'tidings-stomp', url: broker.stompUrl };
    return [...(await backlogOver('AMQP', amqp, amqp, log)), ...(await backlogOver('STOMP', stomp, amqp, log))];
  } finally {
    await broker.close();
  }
};

/** `filler` sends what `contender` consumes. */
async function backlogOver(protocol: string, contender: Contender, filler: Contender, log: (line: string) => void): Promise<ReportRow[]> {
  const lengths = ['short', 'long'] as const;
  const queues = { short: await freshQueue(filler), long: await freshQueue(filler) };
  const figures: Record<keyof typeof queues, Measured[]> = { short: [], long: [] };
  const fill = (prefix: string, events: number): Promise<unknown> =>
    inChild(program, { ...filler, ...event, prefix, work: 'publish', warmUp: 0, events } satisfies Job);
  await fill(queues.long, long - short);
  for (let round = 0; round < rounds; round++) {
    log(`${protocol}, backlog, round ${String(round + 1)} of ${String(rounds)}`);
    for (const length of round % 2 === 0 ? lengths : lengths.toReversed()) {
      await fill(queues[length], short);
      const job: Job = { ...contender, ...event, ...taken, prefix: queues[length], work: 'consume' };
      figures[length].push(await inChild<Measured>(program, job));
    }
  }
  const row = (name: string, unit: ReportRow['unit'], value: (of: Measured) => number): ReportRow => ({
    ...{ group: `${protocol}, a backlog of ${String(long)} events, 256 B, not durable`, name, unit },
    ours: spread(figures.long.map(value)),
    base: { name: `of ${String(short)}`, spread: spread(figures.short.map(value)) },
  });
  return [
    { ...row('consume the first, CPU per event', 'µs', ({ cpuMicros }) => cpuMicros), goal: { most: mostToShort } },
    row('consume the first, events', '1/s', ({ perSecond }) => perSecond),
  ];
}

async function freshQueue({ url }: Contender): Promise<string> {
  const prefix = `l${randomBytes(4).toString('hex')}.`;
  await prepareQueue({ url, prefix });
  return prefix;
}
