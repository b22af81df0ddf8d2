import { randomBytes } from 'node:crypto';
import type { TestBroker } from '../../src/testing/test-broker.js';
import { spread, type Bench, type BenchOptions, type Goal, type ReportRow, type Spread } from '../report.js';
import { roomyBroker } from '../roomy-broker.js';
import { inChild } from './children.js';
import type { ContenderName, Job, Measured } from './job.js';
import { prepareQueue } from './tidings.js';

type Protocol = 'AMQP' | 'STOMP';
type Work = 'publish' | 'consume';

interface Size {
  readonly label: string;
  readonly bytes: number;
  readonly rounds: number;
  /** A round. */
  readonly events: number;
  /** Before each: what a service is that has run for a second. Below, the compiler is measured. */
  readonly warmUp: number;
}

/** In each row at least 60 000 events; of the largest so many a round as a broker holds at once. */
const sizes: readonly Size[] = [
  { label: '256 B', bytes: 256, rounds: 5, events: 60_000, warmUp: 20_000 },
  { label: '4 KiB', bytes: 4 * 1024, rounds: 5, events: 20_000, warmUp: 10_000 },
  { label: '16 KiB', bytes: 16 * 1024, rounds: 6, events: 10_000, warmUp: 5_000 },
];
const quickly: readonly Size[] = [{ label: '256 B', bytes: 256, rounds: 2, events: 10_000, warmUp: 10_000 }];

const inFlight = 200;
const oneByOne = { events: 2_000, warmUp: 4_000 };

const sides: Readonly<Record<Protocol, { readonly ours: ContenderName; readonly twin: ContenderName }>> = {
  AMQP: { ours: 'tidings-amqp', twin: 'rhea' },
  STOMP: { ours: 'tidings-stomp', twin: 'stompjs' },
};

interface Aim {
  /** Of the ratio of the CPU at 256 B. */
  readonly cpu: number;
  /** Of the ratio of the throughput there. */
  readonly rate: number;
  /** Of the ratio of the CPU at any size. */
  readonly limit: number;
}

const goals: Readonly<Record<Protocol, Readonly<Record<Work, Aim>>>> = {
  AMQP: { publish: { cpu: 0.55, rate: 1.5, limit: 1.2 }, consume: { cpu: 1.3, rate: 0.95, limit: 1.8 } },
  STOMP: { publish: { cpu: 0.8, rate: 1, limit: 1.4 }, consume: { cpu: 0.5, rate: 2, limit: 1.2 } },
};
const goalsAt16K: Readonly<Record<Protocol, Readonly<Record<Work, number>>>> = {
  AMQP: { publish: 1, consume: 1 },
  STOMP: { publish: 1, consume: 0.2 },
};
const latencyGoal = 1.05;
/** By so much a ratio at 4 KiB may be above that at 256 B. */
const worseAt4K = 0.1;

const program = new URL('./program.js', import.meta.url);

/** Tidings beside the bare client, on a real broker: CPU per event, throughput and latency. */
export function wire(protocol: Protocol): Bench {
  return async (options) => {
    const broker = await roomyBroker();
    try {
      const rows: ReportRow[] = [];
      for (const durable of options.quick ? [false] : [false, true])
        for (const size of options.quick ? quickly : sizes)
          rows.push(...(await new Match(protocol, broker, size, durable, rows).played(options)));
      return rows;
    } finally {
      await broker.close();
    }
  };
}

/** One size and durability: the two take turns in every round. */
class Match {
  readonly #protocol: Protocol;
  readonly #broker: TestBroker;
  readonly #size: Size;
  readonly #durable: boolean;
  readonly #earlier: readonly ReportRow[];
  readonly #measured = new Map<string, Measured[]>();

  constructor(protocol: Protocol, broker: TestBroker, size: Size, durable: boolean, earlier: readonly ReportRow[]) {
    this.#protocol = protocol;
    this.#broker = broker;
    this.#size = size;
    this.#durable = durable;
    this.#earlier = earlier;
  }

  async played({ log }: BenchOptions): Promise<ReportRow[]> {
    const { ours, twin } = sides[this.#protocol];
    for (let round = 0; round < this.#size.rounds; round++) {
      log(`${this.#group}, round ${String(round + 1)} of ${String(this.#size.rounds)}`);
      // Each of them is the first in every other round.
      for (const contender of round % 2 === 0 ? [ours, twin] : [twin, ours]) await this.#turn(contender);
    }
    return [...this.#rowsOf('publish'), ...this.#rowsOf('consume'), ...this.#latencies()];
  }

  get #group(): string {
    return `${this.#protocol}, ${this.#size.label}, ${this.#durable ? 'durable' : 'not durable'}`;
  }

  async #turn(contender: ContenderName): Promise<void> {
    const { bytes, events, warmUp } = this.#size;
    const url = this.#protocol === 'AMQP' ? this.#broker.url : this.#broker.stompUrl;
    const job = { contender, url, bytes, durable: this.#durable, inFlight, warmUp, events };
    const prefix = await this.#address();
    // What one publishes it consumes itself: so each reads its own.
    await this.#measure({ ...job, prefix, work: 'publish' });
    await this.#measure({ ...job, prefix, work: 'consume' });
    if (this.#size.label === '256 B')
      await this.#measure({ ...job, ...oneByOne, prefix: await this.#address(), inFlight: 1, work: 'latency' });
  }

  /** Fresh, with its queue. */
  async #address(): Promise<string> {
    const prefix = `b${randomBytes(6).toString('hex')}.`;
    await prepareQueue({ url: this.#broker.url, prefix });
    return prefix;
  }

  async #measure(job: Job): Promise<void> {
    const key = `${job.contender} ${job.work}`;
    const measured = this.#measured.get(key) ?? [];
    this.#measured.set(key, measured);
    measured.push(await inChild<Measured>(program, job));
  }

  #rowsOf(work: Work): ReportRow[] {
    const goal = this.#cpuGoal(work);
    const { limit } = goals[this.#protocol][work];
    const cost = this.#row(
      `${work}, CPU per event`,
      'µs',
      work,
      ({ cpuMicros }) => cpuMicros,
      goal === undefined ? undefined : { most: goal },
    );
    const least = { least: goals[this.#protocol][work].rate };
    const rate = this.#row(`${work}, events`, '1/s', work, ({ perSecond }) => perSecond, this.#size.label === '256 B' ? least : undefined);
    return [{ ...cost, limit }, rate];
  }

  #latencies(): ReportRow[] {
    if (this.#size.label !== '256 B') return [];
    return [
      this.#row('one in flight, p50', 'µs', 'latency', ({ p50 = NaN }) => p50, { most: latencyGoal }),
      this.#row('one in flight, p99', 'µs', 'latency', ({ p99 = NaN }) => p99),
      this.#row('one in flight, CPU per event', 'µs', 'latency', ({ cpuMicros }) => cpuMicros),
    ];
  }

  #cpuGoal(work: Work): number | undefined {
    if (this.#size.label === '256 B') return goals[this.#protocol][work].cpu;
    if (this.#size.label === '16 KiB') return goalsAt16K[this.#protocol][work];
    const group = this.#group.replace(this.#size.label, '256 B');
    const small = this.#earlier.find((row) => row.group === group && row.name === `${work}, CPU per event`);
    return small?.base === undefined ? undefined : small.ours.median / small.base.spread.median + worseAt4K;
  }

  #row(name: string, unit: ReportRow['unit'], work: Job['work'], value: (measured: Measured) => number, goal?: Goal): ReportRow {
    const { ours, twin } = sides[this.#protocol];
    const of = (contender: ContenderName): Spread => spread((this.#measured.get(`${contender} ${work}`) ?? []).map(value));
    const row = { group: this.#group, name, unit, ours: of(ours), base: { name: `bare ${twin}`, spread: of(twin) } };
    return goal === undefined ? row : { ...row, goal };
  }
}
