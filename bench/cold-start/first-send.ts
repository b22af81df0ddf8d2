/** What a fresh process is told. */
export interface ColdJob {
  readonly starter: StarterName;
  readonly url: string;
  /** Of the address, where a queue is. */
  readonly prefix: string;
}

export type StarterName = 'tidings-amqp' | 'tidings-stomp' | 'tidings-memory' | 'rhea' | 'stompjs';

/** Milliseconds since the first line of its program. */
export interface ColdMeasured {
  readonly importedMs: number;
  readonly sentMs: number;
  readonly sentCpuMs: number;
}

/** Connects and sends one event; resolves, when that is confirmed, with what closes the connection. */
export type FirstSend = (job: ColdJob) => Promise<() => Promise<void>>;
