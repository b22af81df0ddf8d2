/** Who does the work. */
export const contenders = ['tidings-amqp', 'tidings-stomp', 'rhea', 'stompjs'] as const;
export type ContenderName = (typeof contenders)[number];

/** What one child process measures. */
export interface Job {
  readonly contender: ContenderName;
  readonly work: 'publish' | 'consume' | 'latency';
  readonly url: string;
  /** Of the address. */
  readonly prefix: string;
  /** Of the body. */
  readonly bytes: number;
  readonly durable: boolean;
  /** Sends without confirmation at a time. */
  readonly inFlight: number;
  /** Not measured. */
  readonly warmUp: number;
  readonly events: number;
}

/** What it came to. */
export interface Measured {
  /** User and system time of the process, per event. */
  readonly cpuMicros: number;
  readonly perSecond: number;
  /** Only of 'latency', in microseconds. */
  readonly p50?: number;
  readonly p99?: number;
}

/** A client of the broker, as a service would have one. */
export interface Contender extends AsyncDisposable {
  /** Sends so many, at most `inFlight` without a confirmation, and waits for all confirmations. */
  send(count: number, inFlight: number): Promise<void>;
  /** Receives from now on; `handled` is called for each event. */
  receive(handled: () => void): Promise<void>;
}

export type Open = (job: Job) => Promise<Contender>;
