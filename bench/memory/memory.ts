import type { Bench, ReportRow, Spread } from '../report.js';
import { inChild } from '../wire/children.js';
import type { MemoryFigure, MemoryJob } from './program.js';

const program = new URL('program.js', import.meta.url);

/** What one core gets through in memory, by the CPU that an event takes: the provider by itself, and all of Tidings around it. */
export const memory: Bench = async ({ log }) => {
  log('the provider in memory');
  const alone = await costOf('alone');
  const whole = await costOf('whole');
  const group = 'in memory, sent, delivered and accepted in one process';
  const row = (name: string, cost: Spread): ReportRow => ({ group, name, unit: '1/s', ours: perSecond(cost) });
  return [
    { ...row('provider alone, messages ready made', alone), goal: { least: 300_000 } },
    row('all of Tidings, validated orders', whole),
  ];
};

function costOf(work: MemoryJob['work']): Promise<MemoryFigure> {
  return inChild<MemoryFigure>(program, { work } satisfies MemoryJob);
}

function perSecond({ median, low, high }: Spread): Spread {
  return { median: 1e6 / median, low: 1e6 / high, high: 1e6 / low };
}
