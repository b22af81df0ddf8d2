import type { ContenderName } from '../wire/job.js';

export interface SoakJob {
  readonly contender: ContenderName;
  readonly url: string;
  readonly prefix: string;
  readonly seconds: number;
  /** Events sent in a second. */
  readonly rate: number;
  readonly samples: number;
}

/** What the process held at one time, after a collection. */
export interface Sample {
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** What keeps a process alive, by `process.getActiveResourcesInfo()`. */
  readonly resources: number;
  readonly timers: number;
}

export interface SoakMeasured {
  readonly samples: readonly Sample[];
  readonly sent: number;
  readonly failed: number;
  readonly handled: number;
  readonly cpuMicros: number;
}
