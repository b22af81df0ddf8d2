import { randomBytes } from 'node:crypto';

import { spread, type Bench, type BenchOptions, type ReportRow, type Spread } from '../report.js';
import { inChild } from '../wire/children.js';
import type { ScaleJob, ScaleMeasured } from './job.js';
import { roomyBroker } from '../roomy-broker.js';

type Traffic = 'even' | 'one';

/** How many listeners, and how the events are shared among their addresses. */
interface Case {
  readonly listeners: number;
  readonly traffic: Traffic;
}

interface Plan {
  /** More than the one that they are held against. */
  readonly many: readonly number[];
  readonly rounds: number;
  /** Starts without traffic, for their time and memory. */
  readonly starts: number;
  readonly warmUp: number;
  readonly events: number;
}

const inFull: Plan = { many: [100, 1_000], rounds: 5, starts: 3, warmUp: 20_000, events: 60_000 };
const quickly: Plan = { many: [100], rounds: 1, starts: 1, warmUp: 5_000, events: 10_000 };

const program = new URL('./program.js', import.meta.url);
/** The defaults of a listener. What is sent ahead to all of a thousand is less than what they get to become warm. */
const habits = { concurrency: 10, prefetch: 10, inFlight: 200 };
const one: Case = { listeners: 1, traffic: 'even' };
const mostToOne = 1.1;

/** What an event costs in a process with many listeners and addresses, beside one with a single listener; their start; their memory. */
export const scale: Bench = async (options) => {
  const broker = await roomyBroker();
  try {
    const plan = options.quick ? quickly : inFull;
    const amqp = new Crowds('AMQP', { contender: 'tidings-amqp', url: broker.url }, plan);
    const stomp = new Crowds('STOMP', { contender: 'tidings-stomp', url: broker.stompUrl }, plan);
    return [...(await amqp.measured(options)), ...(await stomp.measured(options))];
  } finally {
    await broker.close();
  }
};

/** Services of several sizes over one protocol. */
class Crowds {
  readonly #protocol: string;
  readonly #contender: Pick<ScaleJob, 'contender' | 'url'>;
  readonly #plan: Plan;
  readonly #prefix = randomBytes(4).toString('hex');
  readonly #measured = new Map<string, ScaleMeasured[]>();

  constructor(protocol: string, contender: Pick<ScaleJob, 'contender' | 'url'>, plan: Plan) {
    this.#protocol = protocol;
    this.#contender = contender;
    this.#plan = plan;
  }

  async measured({ log }: BenchOptions): Promise<ReportRow[]> {
    const { many, starts, rounds } = this.#plan;
    // The first of them makes the queues of all that follow.
    for (let start = 0; start < starts; start++) {
      log(`${this.#protocol}, start ${String(start + 1)} of ${String(starts)}`);
      for (const listeners of [1, ...many]) await this.#measure({ listeners, traffic: 'none' });
    }
    const cases = [
      one,
      ...many.flatMap((listeners): Case[] => [
        { listeners, traffic: 'even' },
        { listeners, traffic: 'one' },
      ]),
    ];
    for (let round = 0; round < rounds; round++) {
      log(`${this.#protocol}, many listeners, round ${String(round + 1)} of ${String(rounds)}`);
      // Each of them is the first in some rounds.
      for (let turn = 0; turn < cases.length; turn++) await this.#measure(cases[(turn + round) % cases.length] ?? one);
    }
    return [...cases.slice(1).flatMap((of) => this.#costs(of)), ...many.flatMap((listeners) => this.#startOf(listeners))];
  }

  async #measure(of: Case | { readonly listeners: number; readonly traffic: 'none' }): Promise<void> {
    const { warmUp, events } = this.#plan;
    const prefix = `s${this.#prefix}-${String(of.listeners)}.`;
    const job: ScaleJob = { ...this.#contender, ...habits, ...of, prefix, warmUp, events };
    const measured = this.#of(of);
    measured.push(await inChild<ScaleMeasured>(program, job, { execArgv: ['--expose-gc'] }));
  }

  #of({ listeners, traffic }: { readonly listeners: number; readonly traffic: string }): ScaleMeasured[] {
    const key = `${String(listeners)} ${traffic}`;
    const measured = this.#measured.get(key) ?? [];
    this.#measured.set(key, measured);
    return measured;
  }

  #costs(of: Case): ReportRow[] {
    const how = of.traffic === 'even' ? `to ${String(of.listeners)} addresses alike` : `to one of ${String(of.listeners)} addresses`;
    const row = (work: string, value: (measured: ScaleMeasured) => number): ReportRow => ({
      group: `${this.#protocol}, many listeners, 256 B, not durable, CPU per event`,
      name: `${work} ${how}`,
      unit: 'µs',
      ours: spread(this.#of(of).map(value)),
      base: { name: 'one listener', spread: spread(this.#of(one).map(value)) },
      goal: { most: mostToOne },
    });
    return [row('publish', ({ publishMicros = NaN }) => publishMicros), row('consume', ({ consumeMicros = NaN }) => consumeMicros)];
  }

  #startOf(listeners: number): ReportRow[] {
    const [first, ...later] = this.#of({ listeners, traffic: 'none' });
    if (first === undefined) return [];
    const alone = this.#of({ listeners: 1, traffic: 'none' });
    const each = (value: (measured: ScaleMeasured) => number): Spread => {
      const base = spread(alone.map(value)).median;
      return spread([first, ...later].map((measured) => (value(measured) - base) / (listeners - 1)));
    };
    const group = `${this.#protocol}, ${String(listeners)} listeners`;
    return [
      { group, name: 'start, queues made', unit: 'ms', ours: spread([first.startMs]) },
      ...(later.length === 0 ? [] : again(group, later)),
      { group, name: 'memory of a listener and its event, heap', unit: 'bytes', ours: each(({ heapBytes }) => heapBytes) },
      { group, name: 'memory of a listener and its event, RSS', unit: 'bytes', ours: each(({ rssBytes }) => rssBytes) },
    ];
  }
}

function again(group: string, starts: readonly ScaleMeasured[]): ReportRow[] {
  return [
    { group, name: 'start, queues there', unit: 'ms', ours: spread(starts.map(({ startMs }) => startMs)) },
    { group, name: 'start, queues there, CPU', unit: 'ms', ours: spread(starts.map(({ startCpuMs }) => startCpuMs)) },
  ];
}
