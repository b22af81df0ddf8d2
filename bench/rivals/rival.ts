import type { TestBroker } from '../../src/testing/test-broker.js';
import type { Measured } from '../wire/job.js';

/** What a rival measures in one process. */
export interface RivalJob {
  readonly work: 'publish' | 'consume';
  readonly broker: TestBroker;
  /** Of its addresses. */
  readonly prefix: string;
  /** Of the body. */
  readonly bytes: number;
  /** Sends without confirmation at a time, and deliveries that are not settled. */
  readonly inFlight: number;
  readonly credit: number;
  /** Not measured. */
  readonly warmUp: number;
  readonly events: number;
}

/** A framework that sends and receives over AMQP. */
export interface Framework {
  /** With its version. */
  readonly name: string;
  /** As many as it takes to measure it, after as many as it takes to get warm. */
  readonly counts: Pick<RivalJob, 'warmUp' | 'events'>;
  /** Makes what its events wait in. */
  prepare(broker: TestBroker, prefix: string): Promise<void>;
  run(job: RivalJob): Promise<Measured>;
}

/** One of others, installed when it is first asked for. */
export interface Rival extends Framework {
  /** Ours to its own, of the CPU. */
  readonly goal: number;
  /** Rejects where it cannot be had here. */
  install(): Promise<void>;
}
