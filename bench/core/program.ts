// A process of its own: measures the core with one way of keeping the context, since one that was ever kept makes every promise dearer.
import 'reflect-metadata';
import { measure } from '../rounds.js';
import type { Spread } from '../report.js';
import { bare } from './bare.js';
import { handling } from './handling.js';
import type { ContextMode } from './parts.js';
import { sending } from './sending.js';

/** So many fit into the room for what is new. */
const events = 5_000;

/** What the process shall measure. */
export interface CoreJob {
  readonly context: ContextMode;
  /** Bytes in place of time: needs --expose-gc, and room for all that is made meanwhile. */
  readonly bytes: boolean;
}

/** By the names of the works. */
export type CoreFigures = Readonly<Record<string, Spread>>;

const { context, bytes } = JSON.parse(process.argv[2] ?? '') as CoreJob;
const works = {
  // It is measured first: nothing has been kept until then.
  handling: handling(context),
  'handling, bare': bare(context, 'handle'),
  sending: sending(context),
  'sending, bare': bare(context, 'send'),
};
process.send?.(bytes ? await allocated() : await costs());
process.disconnect();

async function costs(): Promise<CoreFigures> {
  const measured = await measure(Object.entries(works).map(([name, work]) => ({ name, work })));
  return Object.fromEntries(measured);
}

async function allocated(): Promise<CoreFigures> {
  const figures: Record<string, Spread> = {};
  for (const [name, work] of Object.entries(works)) {
    await work(20_000);
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    await work(events);
    const each = (process.memoryUsage().heapUsed - before) / events;
    figures[name] = { median: each, low: each, high: each };
  }
  return figures;
}
