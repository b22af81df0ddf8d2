import { performance } from 'node:perf_hooks';
import type { Measured } from './job.js';

/** What this process has used since it was made. */
export class Meter {
  readonly #cpu = process.cpuUsage();
  readonly #from = performance.now();

  read(events: number): Measured {
    const seconds = (performance.now() - this.#from) / 1000;
    const { user, system } = process.cpuUsage(this.#cpu);
    return { cpuMicros: (user + system) / events, perSecond: events / seconds };
  }
}
