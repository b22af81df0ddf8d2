// A process of its own: sends and handles over the provider in memory.
import 'reflect-metadata';
import type { Spread } from '../report.js';
import { measure } from '../rounds.js';
import { alone } from './alone.js';
import { whole } from './whole.js';

const works = { alone, whole };

export interface MemoryJob {
  readonly work: keyof typeof works;
}

/** Microseconds of CPU for one event. */
export type MemoryFigure = Spread;

const { work: name } = JSON.parse(process.argv[2] ?? '') as MemoryJob;
const work = await works[name]();
// A round is a few hundred events at first, and cold code would be measured.
await work(20_000);
process.send?.((await measure([{ name, work }])).get(name));
// What is connected would keep it alive.
process.exit();
