import type { ContenderName } from '../wire/job.js';

/** What one process measures: a service with so many listeners, each of an event with an address of its own. */
export interface ScaleJob {
  readonly contender: ContenderName;
  readonly url: string;
  /** Of its addresses. */
  readonly prefix: string;
  readonly listeners: number;
  /** How its events are shared among the addresses: evenly, or all but one of each go to the first while the others are idle. */
  readonly traffic: 'even' | 'one' | 'none';
  /** Of each listener. */
  readonly concurrency: number;
  readonly prefetch: number;
  /** Over STOMP: of one event, for the window of a listener. */
  readonly windowMessageBytes?: number;
  /** Sends without confirmation at a time. */
  readonly inFlight: number;
  /** Not measured. */
  readonly warmUp: number;
  readonly events: number;
}

/** What it came to. */
export interface ScaleMeasured {
  /** Of the start of all listeners, until every subscription is confirmed. */
  readonly startMs: number;
  readonly startCpuMs: number;
  /** After that start and a collection. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** Microseconds of CPU for one event, where there was traffic. */
  readonly publishMicros?: number;
  readonly consumeMicros?: number;
}
