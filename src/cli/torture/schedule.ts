import { isPoison } from './outcomes.js';
import type { ListenerPlan, Times, TorturePlan } from './plan.js';
import { randomFrom } from './random.js';

/** What is between the two sides and the broker. */
export type Side = 'workers' | 'senders';

export type CutKind = 'clean' | 'half-open' | 'refuse';

/** Something that is done to the run at a part of its way. */
export type ScheduledFault = { /** From 0 to 1. */ readonly part: number } & (
  | { readonly kind: 'kill' | 'kill-sender'; /** Which of those that live, from 0 to 1. */ readonly pick: number }
  | { readonly kind: 'cut'; readonly how: CutKind; readonly side: Side; readonly forMs: number }
  | { readonly kind: 'broker-kill' | 'broker-restart' }
  | { readonly kind: 'replace' }
);

/** The first delivery of this event kills its worker. */
export interface Death {
  readonly listener: string;
  readonly n: number;
}

export interface Schedule {
  readonly faults: readonly ScheduledFault[];
  readonly deaths: readonly Death[];
}

// A silence this long is found out at the latest, by the provider of a run: two idle times of 2 s, looked at every 2 s.
const foundSilenceMs = 6_500;
const first = 0.05;
const last = 0.85;

/** All faults of a run. The same plan gives the same schedule. */
export function scheduleOf(plan: TorturePlan): Schedule {
  const random = randomFrom(plan.seed);
  const { kills, senderKills, cuts, brokerKills, brokerRestarts, replacements } = plan.faults;
  const faults: ScheduledFault[] = [
    ...partsOf(kills, random).map((part) => ({ part, kind: 'kill', pick: random() }) as const),
    ...partsOf(senderKills, random).map((part) => ({ part, kind: 'kill-sender', pick: random() }) as const),
    ...partsOf(cuts, random).map((part, index) => cutAt(part, index, random)),
    ...partsOf(brokerKills, random).map((part) => ({ part, kind: 'broker-kill' }) as const),
    ...partsOf(brokerRestarts, random).map((part) => ({ part, kind: 'broker-restart' }) as const),
    ...partsOf(replacements, random).map((part) => ({ part, kind: 'replace' }) as const),
  ];
  return { faults: faults.sort((a, b) => a.part - b.part), deaths: deathsOf(plan) };
}

/** Spread evenly, each somewhere in its own stretch. */
function partsOf(times: Times, random: () => number): readonly number[] {
  if (typeof times !== 'number') return times;
  const stretch = (last - first) / times;
  return Array.from({ length: times }, (_, index) => first + stretch * (index + random()));
}

function cutAt(part: number, index: number, random: () => number): ScheduledFault {
  const how = (['clean', 'half-open', 'refuse'] as const)[index % 3] ?? 'clean';
  const side = random() < 0.7 ? 'workers' : 'senders';
  // Half of the silences end before anybody has given up: what waited must arrive then.
  const silenceMs = random() < 0.5 ? 500 + 1_000 * random() : foundSilenceMs;
  const forMs = how === 'clean' ? 0 : Math.round(how === 'refuse' ? 200 + 800 * random() : silenceMs);
  return { part, kind: 'cut', how, side, forMs };
}

/** Every n-th event, at one listener after the other. */
function deathsOf(plan: TorturePlan): Death[] {
  const { events, listeners, faults } = plan;
  const every = Math.max(1, Math.floor(events / Math.max(1, faults.killsInside)));
  return Array.from({ length: faults.killsInside }, (_, index) => {
    let n = index * every + Math.floor(every / 2);
    // One that cannot be read never reaches a listener.
    while (isPoison(plan, n) && n < events) n++;
    return { listener: (listeners[index % listeners.length] as ListenerPlan).name, n };
  });
}
