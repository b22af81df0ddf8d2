import type { Bench, ReportRow, Spread } from '../report.js';
import { inChild } from '../wire/children.js';
import type { ContextMode } from './parts.js';
import type { CoreFigures, CoreJob } from './program.js';

const program = new URL('program.js', import.meta.url);
/** Whatever is made stays: nothing is collected between two looks. */
const uncollected = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];

/** What the core costs by itself: no provider, no serialisation, three pipelines around one listener, or around a send. */
export const core: Bench = async ({ log }) => {
  const rows: ReportRow[] = [];
  for (const context of ['ambient', 'explicit'] as const) {
    log(`the core, context: '${context}'`);
    rows.push(...timed(context, await inChild<CoreFigures>(program, { context, bytes: false } satisfies CoreJob)));
  }
  const job: CoreJob = { context: 'ambient', bytes: true };
  rows.push(...allocated(await inChild<CoreFigures>(program, job, { execArgv: uncollected })));
  return rows;
};

function timed(context: ContextMode, figures: CoreFigures): ReportRow[] {
  const group = `core alone, three pipelines, context: '${context}', CPU`;
  const row = (what: string): ReportRow => ({ group, name: `${what} an event`, unit: 'µs', ours: figureOf(figures, what) });
  const beside = (what: string): ReportRow => {
    const spread = figureOf(figures, `${what}, bare`);
    return { ...row(what), name: `${what}, to the awaits alone`, base: { name: 'pipelines that nobody watches', spread } };
  };
  return [{ ...row('handling'), goal: { most: 1.2 } }, beside('handling'), row('sending'), beside('sending')];
}

function allocated(figures: CoreFigures): ReportRow[] {
  const group = "core alone, three pipelines, context: 'ambient', allocated";
  return ['handling', 'sending'].map((what) => ({ group, name: `${what} an event`, unit: 'bytes', ours: figureOf(figures, what) }));
}

function figureOf(figures: CoreFigures, name: string): Spread {
  const figure = figures[name];
  if (figure === undefined) throw new Error(`nothing was measured for '${name}'`);
  return figure;
}
