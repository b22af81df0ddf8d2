import { describe, expect, it } from '@jest/globals';
import { FaultLog } from '../../src/cli/torture/fault-log.js';
import { Ledger } from '../../src/cli/torture/ledger.js';
import type { Fact } from '../../src/cli/torture/notes.js';
import { expectedEnd, outcomeOf } from '../../src/cli/torture/outcomes.js';
import type { Habits } from '../../src/cli/torture/provider-module.js';
import { planOf, type ListenerPlan, type TorturePlan } from '../../src/cli/torture/plan.js';
import { verdictOf, type ListenerVerdict, type Verdict } from '../../src/cli/torture/verdict.js';
import { wire } from '../../src/core/headers.js';

const steady: ListenerPlan = { name: 'steady', concurrency: 2, prefetch: 1, holdMs: 0, chances: { throw: 0, later: 0, unrecoverable: 0 } };
const failing: ListenerPlan = { ...steady, chances: { throw: 1, later: 0, unrecoverable: 0 } };

/** A run that is told and not played. */
class Tale {
  readonly plan: TorturePlan;
  readonly ledger: Ledger;
  readonly faultLog: FaultLog;
  readonly left = new Map<string, number>();
  now = 1_000;

  constructor(listener = steady, habits?: Habits, keys = 0) {
    this.plan = planOf({ events: 10, listeners: [listener], keys });
    this.ledger = new Ledger(['steady']);
    this.faultLog = new FaultLog(this.plan.listeners, this.ledger, habits);
  }

  note(process: string, fact: Fact): this {
    this.ledger.record(process, { at: this.now, ...fact });
    return this;
  }

  sent(id: string, outcome: 'confirmed' | 'refused' | 'unknown' | 'not-sent' = 'confirmed'): this {
    return this.note('sender', { kind: 'sending', id }).note('sender', { kind: 'sent', id, outcome });
  }

  handled(id: string, process = 'worker 1', attempt = 1, outcome: 'success' | 'throw' = 'success'): this {
    const run = { listener: 'steady', id, attempt };
    this.note(process, { kind: 'begun', ...run });
    this.now += 10;
    return this.note(process, { kind: 'ended', ...run, outcome });
  }

  archived(id: string, attempts: number): this {
    const headers = new Map([
      [wire.id, id],
      [wire.errorAttempts, String(attempts)],
    ]);
    this.ledger.listeners.get('steady')?.foundInArchive({ body: '', headers, durable: true });
    return this;
  }

  fault(kind: 'kill' | 'cut' | 'half-open' | 'broker kill', workers: string[], lastsMs = 0): this {
    this.faultLog.begin(kind, workers, this.now).to = this.now + lastsMs;
    return this;
  }

  later(ms = 100): this {
    this.now += ms;
    return this;
  }

  verdict(): Verdict {
    return verdictOf({ plan: this.plan, ledger: this.ledger, faultLog: this.faultLog, leftInQueue: this.left });
  }

  listener(): ListenerVerdict {
    return this.verdict().listeners[0]!;
  }
}

describe('the verdict of a run', () => {
  it('is passed when every confirmed event is handled or archived', () => {
    const tale = new Tale().sent('1-0').handled('1-0').sent('1-1', 'unknown').sent('1-2', 'unknown').handled('1-2');
    expect(tale.verdict()).toMatchObject({ passed: true, sends: { sent: 3, confirmed: 1, unknown: 2 } });
    expect(tale.listener()).toMatchObject({ handled: 2, archived: 0, lost: [], duplicated: 0, bound: 0 });
  });

  it('is not passed when an event of a key is begun before an earlier one was handled, but for repeats', () => {
    const tale = (): Tale => new Tale(steady, undefined, 2).sent('1-0').sent('1-1').sent('1-2').sent('1-3');
    expect(tale().handled('1-1').handled('1-0').handled('1-2').handled('1-3').verdict()).toMatchObject({ passed: true });
    const wrong = tale().handled('1-2').handled('1-0').handled('1-1').handled('1-3');
    expect(wrong.listener().disordered).toEqual(['1-2']);
    expect(wrong.verdict().passed).toBe(false);
    const repeated = tale().handled('1-0').handled('1-2').fault('kill', ['worker 1']).handled('1-0', 'worker 2').handled('1-2', 'worker 2');
    expect(repeated.handled('1-1').handled('1-3').listener().disordered).toEqual([]);
  });

  it('takes a send whose sender died for one of unknown fate', () => {
    const tale = new Tale().note('sender', { kind: 'sending', id: '1-0' });
    expect(tale.verdict()).toMatchObject({ passed: true, sends: { sent: 1, unknown: 1 } });
    expect(tale.handled('1-0').verdict().passed).toBe(true);
  });

  it('is failed when a confirmed event is neither handled nor archived', () => {
    const tale = new Tale().sent('1-0').sent('1-1').handled('1-1');
    expect(tale.verdict().passed).toBe(false);
    expect(tale.listener().lost).toEqual(['1-0']);
  });

  it('does not take a run that its process did not end for a handled event', () => {
    const tale = new Tale().sent('1-0').note('worker 1', { kind: 'begun', listener: 'steady', id: '1-0', attempt: 1 });
    expect(tale.listener().lost).toEqual(['1-0']);
  });

  it.each(['refused', 'not-sent'] as const)('is failed when a %s event is handled', (outcome) => {
    const tale = new Tale().sent('1-0', outcome);
    expect(tale.verdict().passed).toBe(true);
    expect(tale.handled('1-0').listener().uninvited).toEqual(['1-0']);
    expect(tale.verdict().passed).toBe(false);
  });

  it('is failed when an event is handled that nobody sent', () => {
    expect(new Tale().handled('1-7').listener().uninvited).toEqual(['1-7']);
  });

  it('excuses a double whose first run lost its settlement by a fault', () => {
    const tale = new Tale().sent('1-0').handled('1-0').fault('kill', ['worker 1']).later().handled('1-0', 'worker 2');
    expect(tale.listener()).toMatchObject({ duplicated: 1, bound: 3, unexplained: [] });
    expect(tale.verdict().passed).toBe(true);
  });

  it('excuses no double by a fault of another process, or by one that came later', () => {
    const other = new Tale().sent('1-0').handled('1-0').fault('kill', ['worker 2']).later().handled('1-0', 'worker 3');
    expect(other.listener().unexplained).toEqual(['1-0']);
    const late = new Tale().sent('1-0').handled('1-0').later().handled('1-0', 'worker 2').later().fault('kill', ['worker 1']);
    expect(late.listener().unexplained).toEqual(['1-0']);
    expect(late.verdict().passed).toBe(false);
  });

  it('excuses no double of an event that was settled long before the fault', () => {
    const tale = new Tale().sent('1-0').handled('1-0').later(2_001).fault('cut', ['worker 1']).later().handled('1-0', 'worker 2');
    expect(tale.listener()).toMatchObject({ duplicated: 1, bound: 3, unexplained: ['1-0'] });
    expect(tale.verdict().passed).toBe(false);
  });

  it('excuses what a worker handles after a cut until it notices', () => {
    const tale = new Tale().sent('1-0').fault('cut', ['worker 1']).later(20).handled('1-0');
    tale.note('worker 1', { kind: 'lost-connection', error: 'reset' });
    tale.faultLog.noticed('worker 1', tale.now);
    tale.later().handled('1-0', 'worker 2');
    expect(tale.listener().unexplained).toEqual([]);
    expect(tale.faultLog.count('lost by itself')).toBe(0);
  });

  it('excuses what a listener handles a moment longer, where it has a connection of its own, and nothing after that', () => {
    const unexplainedAfter = (ms: number): readonly string[] => {
      const tale = new Tale(steady, { noticeLagMs: 50 }).sent('1-0').fault('cut', ['worker 1']);
      tale.faultLog.noticed('worker 1', tale.now);
      tale.later(ms).handled('1-0').later().handled('1-0', 'worker 2');
      return tale.listener().unexplained;
    };
    expect([unexplainedAfter(50), unexplainedAfter(51)]).toEqual([[], ['1-0']]);
  });

  describe('where the broker may have sent ahead', () => {
    const ahead: Habits = { mostUnsettled: (limit) => 10 * limit, noticeLagMs: 500 };
    const handledOf = (tale: Tale, count: number, process = 'worker 1'): Tale => {
      for (let n = 0; n < count; n++) tale.handled(`1-${String(tale.now)}`, process);
      return tale;
    };

    it('allows no more than the limit for what was settled before, and what was settled in the last moment besides', () => {
      expect(new Tale(steady, ahead).fault('kill', ['worker 1', 'worker 2']).listener().bound).toBe(2 * 3);
      const tale = handledOf(handledOf(new Tale(steady, ahead), 8).later(101), 4);
      expect(handledOf(tale, 2, 'worker 2').fault('kill', ['worker 1']).listener().bound).toBe(3 + 4);
      expect(handledOf(new Tale(steady), 4).fault('kill', ['worker 1']).listener().bound).toBe(3);
    });

    it('is failed when a killed process has more doubled than that', () => {
      const tale = new Tale(steady, ahead);
      for (const n of ['1-0', '1-1', '1-2', '1-3']) tale.sent(n).handled(n);
      tale.later(101).fault('kill', ['worker 1']).later();
      for (const n of ['1-0', '1-1', '1-2', '1-3']) tale.handled(n, 'worker 2');
      expect(tale.listener()).toMatchObject({ duplicated: 4, bound: 3, unexplained: ['1-3'] });
    });

    it('allows what is handled until a cut is noticed, and nothing of what is handled afterwards', () => {
      const tale = handledOf(new Tale(steady, ahead).fault('cut', ['worker 1'], 5_000), 5);
      tale.faultLog.noticed('worker 1', tale.now);
      expect(handledOf(tale.later(101), 12).listener().bound).toBe(3 + 5);
    });

    it('allows what is handled into a silence until each connection has found it, and no more than was sent ahead', () => {
      const tale = handledOf(new Tale(steady, ahead).fault('half-open', ['worker 1'], 5_000), 5);
      tale.faultLog.noticed('worker 1', tale.now);
      handledOf(tale.later(), 12);
      expect(tale.listener().bound).toBe(3 + 5 + 12);
      expect(handledOf(tale, 20).listener().bound).toBe(10 * 3);
    });

    it('allows what was handled into a silence before a connection was lost by itself', () => {
      const tale = handledOf(new Tale(steady, ahead), 5).later(400);
      tale.faultLog.noticed('worker 1', tale.now);
      expect(tale.listener().bound).toBe(3 + 5);
    });
  });

  it('counts a connection that is lost by itself as a fault of its own', () => {
    const tale = new Tale().sent('1-0').handled('1-0');
    tale.faultLog.noticed('worker 1', tale.now);
    expect(tale.faultLog.count('lost by itself')).toBe(1);
    expect(tale.listener().bound).toBe(3);
  });

  it('is failed when more is doubled than the faults leave unsettled', () => {
    const tale = new Tale().fault('kill', ['worker 1'], 1_000);
    for (let n = 0; n < 4; n++)
      tale
        .sent(`1-${String(n)}`)
        .handled(`1-${String(n)}`)
        .handled(`1-${String(n)}`, 'worker 2');
    expect(tale.listener()).toMatchObject({ duplicated: 4, bound: 3, unexplained: ['1-3'] });
    expect(tale.verdict().passed).toBe(false);
  });

  it('allows a killed broker to forget the settlements of its last tenth of a second', () => {
    const tale = new Tale().sent('1-0').handled('1-0').later(101).sent('1-1').handled('1-1').fault('broker kill', ['worker 1', 'worker 2']);
    expect(tale.listener().bound).toBe(2 * 3 + 1);
  });

  it('is failed when an attempt is missing, or one too many', () => {
    const last = expectedEnd(new Tale(failing).plan, failing, 0).attempts;
    expect(last).toBe(5);
    const tale = (attempts: number[], told = 5): Tale => {
      const one = new Tale(failing).sent('1-0');
      for (const attempt of attempts) one.handled('1-0', 'worker 1', attempt, 'throw');
      return one.archived('1-0', told);
    };
    expect(tale([1, 2, 3, 4, 5]).verdict().passed).toBe(true);
    expect(tale([1, 2, 3, 3, 4, 5]).verdict().passed).toBe(true);
    for (const wrong of [tale([1, 2, 4, 5]), tale([1, 2, 3, 4]), tale([1, 2, 3, 4, 5, 6]), tale([1, 2, 3, 4, 5], 4)]) {
      expect(wrong.listener().miscounted).toEqual(['1-0']);
      expect(wrong.verdict().passed).toBe(false);
    }
  });

  it('is failed when an event that must succeed is archived, and when an archive has one twice', () => {
    expect(new Tale().sent('1-0').handled('1-0').archived('1-0', 1).listener().miscounted).toEqual(['1-0']);
    const tale = new Tale(failing).sent('1-0');
    for (let attempt = 1; attempt <= 5; attempt++) tale.handled('1-0', 'worker 1', attempt, 'throw');
    expect(tale.archived('1-0', 5).archived('1-0', 5).listener()).toMatchObject({ duplicated: 1, bound: 0 });
    expect(tale.verdict().passed).toBe(false);
  });

  it('is failed when something is left in a queue, and when something happened that must never happen', () => {
    const tale = new Tale().sent('1-0').handled('1-0');
    tale.left.set('steady', 1);
    expect(tale.verdict().passed).toBe(false);
    const wrong = new Tale().note('worker 1', { kind: 'problem', text: 'it ran 3 at once' });
    expect(wrong.verdict()).toMatchObject({ passed: false, problems: ['worker 1: it ran 3 at once'] });
    const unready = new Tale().note('worker 1', { kind: 'finishing', ready: false, degraded: ['the connection is reconnecting'] });
    expect(unready.verdict().passed).toBe(false);
  });

  it('tells the slowest recovery, from the end of a fault to the next event handled', () => {
    const tale = new Tale().sent('1-0').sent('1-1').sent('1-2').handled('1-0');
    expect(tale.listener().slowestRecoveryMs).toBeUndefined();
    tale.fault('cut', ['worker 1'], 500).later(700).handled('1-1');
    tale.later(5).fault('cut', ['worker 1']).later(40).handled('1-2');
    expect(tale.listener().slowestRecoveryMs).toBe(210);
  });
});

describe('planned outcomes', () => {
  it('are the same whoever asks, and come about as often as was asked for', () => {
    const plan = planOf({ seed: 5 });
    const moody: ListenerPlan = { ...steady, chances: { throw: 0.2, later: 0.1, unrecoverable: 0.1 } };
    const all = Array.from({ length: 20_000 }, (_, n) => outcomeOf(plan, moody, n, 1));
    expect(all.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, n) => outcomeOf(plan, moody, n, 1)));
    const share = (outcome: string): number => all.filter((one) => one === outcome).length / all.length;
    expect(share('throw')).toBeCloseTo(0.2, 1);
    expect(share('later')).toBeCloseTo(0.1, 1);
    expect(share('success')).toBeCloseTo(0.6, 1);
  });
});
