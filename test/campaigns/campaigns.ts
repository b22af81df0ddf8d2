import { alwaysSuccess, planOf, type FaultPlan, type ListenerPlan, type TorturePlan } from '../../src/cli/torture/plan.js';
import type { Protocol } from '../../src/cli/torture/protocols.js';
import type { TortureResult } from '../../src/cli/torture/torture.js';
import { heapGrowth } from './heap-growth.js';

export type Size = 'test' | 'full';

type Plan = Partial<Omit<TorturePlan, 'faults'>> & { readonly faults?: Partial<FaultPlan> };

/** A run with a name, in two sizes, and what must be true of it beside the verdict. */
export interface Campaign {
  readonly id: string;
  readonly title: string;
  readonly plan: (size: Size) => Plan;
  /** Throws where something else than the verdict is wrong. */
  readonly check?: (result: TortureResult, workers?: Protocol['kind']) => void;
  /** Senders speak the other protocol. */
  readonly crossed?: boolean;
}

function inSize(size: Size, test: number, full: number): number {
  return size === 'test' ? test : full;
}

function senders(concurrent: number): TorturePlan['senders'] {
  return { processes: concurrent / 25, concurrency: 25 };
}

const listener = (name: string, more: Partial<ListenerPlan> = {}): ListenerPlan => ({
  name,
  concurrency: 10,
  prefetch: 10,
  holdMs: 5,
  chances: alwaysSuccess,
  ...more,
});

/** It holds enough for many keys. */
const keyed = listener('keyed', { prefetch: 40, chances: { throw: 0.05, later: 0, unrecoverable: 0 } });

const fickle = { throw: 0.25, later: 0.1, unrecoverable: 0.05 };

export const campaigns: readonly Campaign[] = [
  {
    id: 'CMP-1',
    title: 'the broker is restarted while many send',
    plan: (size) => ({
      events: inSize(size, 10_000, 200_000),
      senders: senders(inSize(size, 100, 200)),
      faults: { brokerRestarts: size === 'test' ? [1 / 3, 1 / 2] : 10 },
    }),
    check: allConfirmed,
  },
  {
    id: 'CMP-2',
    title: 'the broker is killed, durable events stay',
    plan: (size) => ({ events: inSize(size, 2_000, 50_000), senders: senders(50), faults: { brokerKills: inSize(size, 1, 10) } }),
    check: allConfirmed,
  },
  {
    id: 'CMP-3',
    title: 'workers are killed inside listeners, at first deliveries',
    plan: (size) => ({
      events: inSize(size, 1_000, 20_000),
      workers: inSize(size, 6, 20),
      listeners: [listener('one'), listener('other', { concurrency: 4, prefetch: 0 })],
      faults: { killsInside: inSize(size, 12, 300) },
    }),
    check: allConfirmed,
  },
  {
    id: 'CMP-4',
    title: 'senders are killed',
    plan: (size) => ({
      events: inSize(size, 1_000, 20_000),
      senders: senders(50),
      faults: { senderKills: inSize(size, 5, 100) },
    }),
    check: noDoubles,
  },
  {
    id: 'CMP-5',
    title: 'connections are cut, fall silent, or are refused, on both sides',
    plan: (size) => ({
      events: inSize(size, 5_000, 100_000),
      workers: 3,
      senders: senders(50),
      paceMs: inSize(size, 30_000, 1_200_000),
      faults: { cuts: inSize(size, 20, 500) },
    }),
    check: allConfirmed,
  },
  {
    id: 'CMP-6',
    title: 'listeners end at random, and every attempt is counted',
    plan: (size) => ({
      events: inSize(size, 500, 20_000),
      workers: 4,
      listeners: [listener('one', { chances: fickle }), listener('two', { chances: fickle }), listener('three', { chances: fickle })],
      poison: 0.02,
      faults: { cuts: inSize(size, 3, 50) },
    }),
    check: allConfirmed,
  },
  {
    id: 'CMP-7',
    title: 'workers are replaced one after the other, and nothing is doubled',
    plan: (size) => ({
      events: inSize(size, 2_000, 100_000),
      workers: inSize(size, 3, 10),
      // Longer than it takes to tell a broker to send no more: what runs has to be waited for.
      listeners: [listener('steady', { holdMs: 200 })],
      faults: { replacements: inSize(size, 3, 10) },
    }),
    check: (result) => {
      allConfirmed(result);
      noDoubles(result);
    },
  },
  {
    id: 'CMP-8',
    title: 'events of a key keep their order when workers are killed',
    plan: (size) => ({
      events: inSize(size, 2_000, 100_000),
      keys: inSize(size, 20, 100),
      workers: 3,
      listeners: [keyed],
      faults: { kills: inSize(size, 1, 5) },
    }),
    check: allConfirmed,
  },
  {
    id: 'order',
    title: '20 000 events over 100 keys at 4 workers, of which one is killed',
    plan: () => ({ events: 20_000, keys: 100, workers: 4, listeners: [keyed], faults: { kills: 1 } }),
    check: allConfirmed,
  },
  {
    id: 'CMP-10',
    title: 'senders speak one protocol, listeners the other, and connections are cut',
    crossed: true,
    plan: (size) => ({
      events: inSize(size, 1_000, 50_000),
      senders: senders(50),
      listeners: [listener('steady'), listener('fickle', { chances: fickle })],
      poison: 0.01,
      faults: { cuts: inSize(size, 4, 50) },
    }),
    check: allConfirmed,
  },
  {
    id: 'CMP-13',
    title: 'a long run with poison, failures and cuts, and memory stays flat',
    plan: (size) => ({
      events: inSize(size, 8_000, 600_000),
      listeners: [listener('steady', { chances: { throw: 0.05, later: 0, unrecoverable: 0 } })],
      poison: 0.01,
      paceMs: inSize(size, 20_000, 8 * 3_600_000),
      memoryEveryMs: inSize(size, 250, 60_000),
      faults: { cuts: inSize(size, 2, 480) },
    }),
    check: (result, workers) => {
      allConfirmed(result);
      staysFlat(result, workers);
    },
  },
  {
    id: 'skirmish',
    title: 'everything at once, in small',
    plan: (size) => ({
      events: inSize(size, 1_000, 5_000),
      senders: senders(50),
      workers: inSize(size, 2, 4),
      listeners: [listener('steady'), listener('moody', { chances: { throw: 0.05, later: 0.03, unrecoverable: 0.02 } })],
      poison: 0.01,
      faults: { killsInside: inSize(size, 4, 40), brokerKills: 1, cuts: inSize(size, 2, 10) },
    }),
  },
  {
    id: 'mission',
    title: 'everything at once',
    plan: () => ({
      events: 10_000,
      senders: senders(100),
      workers: 8,
      listeners: [listener('steady'), listener('moody', { chances: { throw: 0.05, later: 0.03, unrecoverable: 0.02 } })],
      // The first delivery of every 50th event.
      faults: { killsInside: 200, brokerKills: 2, cuts: 20 },
    }),
    check: allConfirmed,
  },
];

/** The plan of a campaign, with a seed. */
export function planFor(campaign: Campaign, size: Size, seed: number): TorturePlan {
  return planOf({ ...campaign.plan(size), seed });
}

/** Faults pass within the deadline of a send, so that none may fail. */
function allConfirmed({ plan, verdict: { sends } }: TortureResult): void {
  if (sends.confirmed !== plan.events) throw new Error(`${String(sends.confirmed)} of ${String(plan.events)} sends were confirmed`);
}

function noDoubles({ verdict }: TortureResult): void {
  for (const { listener: name, duplicated } of verdict.listeners) {
    if (duplicated > 0) throw new Error(`${String(duplicated)} events were handled twice at ${name}, and nothing here excuses that`);
  }
}

const mostGrowthBytes = 1.5 * 1024 * 1024;
// Over AMQP one connection; over STOMP the main one, that for copies, that for management and the listener's. And one that is being made.
const mostSockets = { amqp: 2, stomp: 5 };
// A run holds one while it takes its time, and the library some of its own.
const mostTimers = 40;

function staysFlat({ ledger }: TortureResult, workers: Protocol['kind'] = 'amqp'): void {
  for (const [member, samples] of ledger.memory) {
    const growth = heapGrowth(samples.map(({ heapBytes }) => heapBytes));
    if (growth > mostGrowthBytes) throw new Error(`the heap of ${member} grew by ${(growth / 1024 / 1024).toFixed(1)} MB`);
    const { sockets, timers } = samples.at(-1) ?? { sockets: 0, timers: 0 };
    if (sockets > mostSockets[workers] || timers > mostTimers)
      throw new Error(`${member} held ${String(sockets)} sockets and ${String(timers)} timers in the end`);
  }
}
