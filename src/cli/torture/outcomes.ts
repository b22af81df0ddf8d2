import type { RunOutcome } from './notes.js';
import type { ListenerPlan, TorturePlan } from './plan.js';
import { chanceOf } from './random.js';

type Known = Pick<TorturePlan, 'seed' | 'poison' | 'retry'>;

/** Whether the body of this event is one that nobody can read. */
export function isPoison({ seed, poison }: Known, n: number): boolean {
  return poison > 0 && chanceOf(seed, 'poison', n) < poison;
}

/** How the attempt ends: workers do it, and the verdict expects it. */
export function outcomeOf({ seed }: Known, { name, chances }: ListenerPlan, n: number, attempt: number): RunOutcome {
  const chance = chanceOf(seed, name, n, attempt);
  if (chance < chances.throw) return 'throw';
  if (chance < chances.throw + chances.later) return 'later';
  if (chance < chances.throw + chances.later + chances.unrecoverable) return 'unrecoverable';
  return 'success';
}

/** How an event must end at a listener, and with which attempt. */
export interface ExpectedEnd {
  readonly end: 'handled' | 'archived';
  /** 0: it was never handed to the listener. */
  readonly attempts: number;
}

export function expectedEnd(plan: Known, listener: ListenerPlan, n: number): ExpectedEnd {
  if (isPoison(plan, n)) return { end: 'archived', attempts: 0 };
  for (let attempt = 1; ; attempt++) {
    const outcome = outcomeOf(plan, listener, n, attempt);
    if (outcome === 'success') return { end: 'handled', attempts: attempt };
    if (outcome === 'unrecoverable' || attempt > plan.retry.maxRetries) return { end: 'archived', attempts: attempt };
  }
}
