import { describe, expect, it } from '@jest/globals';
import { isPoison } from '../../src/cli/torture/outcomes.js';
import { planOf } from '../../src/cli/torture/plan.js';
import { scheduleOf } from '../../src/cli/torture/schedule.js';

const faults = { killsInside: 20, kills: 7, senderKills: 3, cuts: 30, brokerKills: 2, brokerRestarts: [0.5], replacements: 1 };

describe('the schedule of faults', () => {
  it('is the same for the same seed, and another one for another', () => {
    const of = (seed: number): unknown => scheduleOf(planOf({ seed, events: 1_000, faults }));
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  it('has as many of each as the plan says, in the order in which they come', () => {
    const { faults: all, deaths } = scheduleOf(planOf({ events: 1_000, faults }));
    const count = (kind: string): number => all.filter((fault) => fault.kind === kind).length;
    expect(['kill', 'kill-sender', 'cut', 'broker-kill', 'broker-restart', 'replace'].map(count)).toEqual([7, 3, 30, 2, 1, 1]);
    expect(all.map(({ part }) => part)).toEqual(all.map(({ part }) => part).sort((a, b) => a - b));
    expect(all.find(({ kind }) => kind === 'broker-restart')?.part).toBe(0.5);
    const cuts = all.flatMap((fault) => (fault.kind === 'cut' ? [fault.how] : []));
    expect(new Set(cuts)).toEqual(new Set(['clean', 'half-open', 'refuse']));
    expect(new Set(deaths.map(({ n }) => n)).size).toBe(20);
  });

  it('lets nobody die of an event that no listener gets to see', () => {
    const plan = planOf({ events: 1_000, poison: 0.3, faults });
    expect(scheduleOf(plan).deaths.filter(({ n }) => isPoison(plan, n))).toEqual([]);
  });
});
