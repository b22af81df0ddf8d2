import { describe, expect, test } from '@jest/globals';
import { Deadlines, type Expiring } from '../../src/core/deadlines.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

class Entry implements Expiring {
  readonly calledAt: number[] = [];
  then: () => void = () => undefined;

  constructor(readonly clock: VirtualClock) {}

  expire(): void {
    this.calledAt.push(this.clock.now());
    this.then();
  }
}

function set(): { clock: VirtualClock; deadlines: Deadlines; at: (ms: number) => number; entry: () => Entry } {
  const clock = new VirtualClock();
  const begin = clock.now();
  return { clock, deadlines: new Deadlines(clock), at: (ms) => begin + ms, entry: () => new Entry(clock) };
}

describe('deadlines', () => {
  test('call each entry once, never early, and at most one slot of 20 ms late', async () => {
    const { clock, deadlines, at, entry } = set();
    const entries = Array.from({ length: 300 }, (_, n) => ({ due: at(5 + n * 7), entry: entry() }));
    for (const { due, entry: each } of entries) deadlines.add(each, due);
    await clock.advance(3_000);
    for (const { due, entry: each } of entries) {
      expect(each.calledAt).toHaveLength(1);
      expect(each.calledAt[0]).toBeGreaterThanOrEqual(due);
      expect(each.calledAt[0]).toBeLessThanOrEqual(due + 20);
    }
  });

  test('forget what is removed, the last of a slot and others, and only with the time it was added for', async () => {
    const { clock, deadlines, at, entry } = set();
    const [first, second, third] = [entry(), entry(), entry()];
    for (const each of [first, second, third]) deadlines.add(each, at(100));
    deadlines.remove(first, at(100));
    deadlines.remove(second, at(900));
    deadlines.remove(third, at(100));
    deadlines.remove(third, at(100));
    await clock.advance(1_000);
    expect([first, second, third].map(({ calledAt }) => calledAt.length)).toEqual([0, 1, 0]);
  });

  test('take an entry again, also from within its own call', async () => {
    const { clock, deadlines, at, entry } = set();
    const again = entry();
    again.then = () => {
      if (again.calledAt.length < 3) deadlines.add(again, clock.now() + 100);
    };
    deadlines.add(again, at(100));
    deadlines.remove(again, at(100));
    deadlines.add(again, at(200));
    await clock.advance(1_000);
    expect(again.calledAt).toHaveLength(3);
    expect(again.calledAt[0]).toBeGreaterThanOrEqual(at(200));
  });

  test('call all at once at the end, each once, and nothing afterwards', async () => {
    const { clock, deadlines, at, entry } = set();
    const entries = [100, 100, 500, 9_000].map((ms) => {
      const each = entry();
      deadlines.add(each, at(ms));
      return each;
    });
    deadlines.expireAll();
    await clock.advance(10_000);
    expect(entries.map(({ calledAt }) => calledAt.length)).toEqual([1, 1, 1, 1]);
  });

  test('leave out at the end what an earlier one has removed', () => {
    const { deadlines, at, entry } = set();
    const [first, second] = [entry(), entry()];
    first.then = () => {
      deadlines.remove(second, at(100));
    };
    deadlines.add(first, at(100));
    deadlines.add(second, at(100));
    deadlines.expireAll();
    expect([first.calledAt.length, second.calledAt.length]).toEqual([1, 0]);
  });
});
