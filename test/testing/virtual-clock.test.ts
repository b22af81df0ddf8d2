import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

describe('VirtualClock', () => {
  test('stands still until told to move', async () => {
    const clock = new VirtualClock({ startAt: new Date('2024-02-29T12:00:00Z') });
    expect(new Date(clock.now()).toISOString()).toBe('2024-02-29T12:00:00.000Z');
    await clock.advance(1_500);
    expect(new Date(clock.now()).toISOString()).toBe('2024-02-29T12:00:01.500Z');
    expect(new VirtualClock({ startAt: 5 }).now()).toBe(5);
  });

  test('fires timers at their time and in their order, equal times as they were set', async () => {
    const clock = new VirtualClock({ startAt: 0 });
    const fired: string[] = [];
    for (const [name, delay] of [
      ['c', 30],
      ['a', 10],
      ['b1', 20],
      ['b2', 20],
      ['never', 31],
    ] as const) {
      clock.schedule(delay, () => fired.push(`${name}@${String(clock.now())}`));
    }
    await clock.advance(9);
    expect(fired).toEqual([]);
    await clock.advance(21);
    expect(fired).toEqual(['a@10', 'b1@20', 'b2@20', 'c@30']);
    expect(clock.pending).toBe(1);
  });

  test('calls nothing for a cancelled timer, and counts it no more', async () => {
    const clock = new VirtualClock();
    const fired: number[] = [];
    const timers = [1, 2, 3, 4, 5].map((delay) => clock.schedule(delay, () => fired.push(delay)));
    timers[1]?.cancel();
    timers[1]?.cancel();
    timers[3]?.cancel();
    expect(clock.pending).toBe(3);
    await clock.advance(10);
    timers[0]?.cancel();
    expect(fired).toEqual([1, 3, 5]);
    expect(clock.pending).toBe(0);
  });

  test('lets a chain of timers over promises and turns run within one advance', async () => {
    const clock = new VirtualClock({ startAt: 0 });
    const pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.schedule(ms, resolve));
    const seen: number[] = [];
    const chain = async (): Promise<void> => {
      for (let step = 0; step < 5; step++) {
        await pause(100);
        for (let job = 0; job < 50; job++) await Promise.resolve();
        for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate);
        seen.push(clock.now());
      }
    };
    void chain();
    await clock.advance(500);
    expect(seen).toEqual([100, 200, 300, 400, 500]);
  });

  test('passes 30 days of hourly timers in little time', async () => {
    const clock = new VirtualClock({ startAt: 0 });
    let hours = 0;
    const again = (): void => {
      hours++;
      clock.schedule(3_600_000, again);
    };
    clock.schedule(3_600_000, again);
    const before = performance.now();
    await clock.advance(30 * 86_400_000);
    expect(hours).toBe(720);
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  test('takes a negative delay for none, and calls made at once one after the other', async () => {
    const clock = new VirtualClock({ startAt: 0 });
    const fired: number[] = [];
    clock.schedule(-5, () => fired.push(clock.now()));
    clock.schedule(15, () => fired.push(clock.now()));
    await Promise.all([clock.advance(10), clock.advance(10)]);
    expect(fired).toEqual([0, 15]);
    expect(clock.now()).toBe(20);
    expect(() => clock.advance(-1)).toThrow(RangeError);
    expect(() => clock.advance(Number.NaN)).toThrow(RangeError);
  });

  test('stays usable after a callback threw', async () => {
    const clock = new VirtualClock({ startAt: 0 });
    clock.schedule(1, () => {
      throw new Error('a mistake in the callback');
    });
    await expect(clock.advance(5)).rejects.toThrow('a mistake in the callback');
    await clock.advance(5);
    expect(clock.now()).toBeGreaterThanOrEqual(5);
  });

  test('keeps order among many timers that come and go', async () => {
    const clock = new VirtualClock({ startAt: 0 });
    const fired: number[] = [];
    const delays = Array.from({ length: 500 }, (_, index) => (index * 7919) % 1_000);
    const timers = delays.map((delay) => clock.schedule(delay, () => fired.push(delay)));
    timers.forEach((timer, index) => {
      if (index % 3 === 0) timer.cancel();
    });
    await clock.advance(1_000);
    expect(fired).toEqual(delays.filter((_, index) => index % 3 !== 0).sort((a, b) => a - b));
  });
});
