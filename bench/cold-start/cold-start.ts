import { randomBytes } from 'node:crypto';
import { testBroker, type TestBroker } from '../../src/testing/test-broker.js';
import { spread, type Bench, type ReportRow } from '../report.js';
import { inChild } from '../wire/children.js';
import { prepareQueue } from '../wire/tidings.js';
import type { ColdJob, ColdMeasured, StarterName } from './first-send.js';

const program = new URL('./program.js', import.meta.url);
const starters: readonly StarterName[] = ['tidings-amqp', 'rhea', 'tidings-stomp', 'stompjs', 'tidings-memory'];

/** From the first line of a fresh process to its first confirmed send. */
export const coldStart: Bench = async ({ quick, log }) => {
  const broker = await testBroker();
  try {
    const prefix = `c${randomBytes(4).toString('hex')}.`;
    await prepareQueue({ url: broker.url, prefix });
    const measured = new Map<StarterName, ColdMeasured[]>(starters.map((starter) => [starter, []]));
    log('cold start');
    // The first fills the caches of the system with files, and is not counted.
    for (let round = 0; round <= (quick ? 2 : 9); round++)
      for (const starter of starters) {
        const figures = await inChild<ColdMeasured>(program, jobOf(starter, broker, prefix));
        if (round > 0) measured.get(starter)?.push(figures);
      }
    return [
      ...rowsOf('AMQP', measured.get('tidings-amqp'), { name: 'bare rhea', figures: measured.get('rhea') }),
      ...rowsOf('STOMP', measured.get('tidings-stomp'), { name: 'bare stompjs', figures: measured.get('stompjs') }),
      ...rowsOf('in memory', measured.get('tidings-memory')),
    ];
  } finally {
    await broker.close();
  }
};

function jobOf(starter: StarterName, { url, stompUrl }: TestBroker, prefix: string): ColdJob {
  const overStomp = starter === 'tidings-stomp' || starter === 'stompjs';
  return { starter, url: overStomp ? stompUrl : url, prefix };
}

function rowsOf(
  where: string,
  ours: readonly ColdMeasured[] = [],
  base?: { readonly name: string; readonly figures: readonly ColdMeasured[] | undefined },
): ReportRow[] {
  const row = (name: string, value: (of: ColdMeasured) => number): ReportRow => ({
    ...{ group: `cold start, ${where}`, name, unit: 'ms', ours: spread(ours.map(value)) },
    ...(base && { base: { name: base.name, spread: spread((base.figures ?? []).map(value)) } }),
  });
  return [
    row('import', ({ importedMs }) => importedMs),
    row('import to first confirmed send', ({ sentMs }) => sentMs),
    row('import to first confirmed send, CPU', ({ sentCpuMs }) => sentCpuMs),
  ];
}
