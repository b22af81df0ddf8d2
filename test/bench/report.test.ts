import { describe, expect, it } from '@jest/globals';
import { isMet, isOverLimit, ratioOf, spread, table, type ReportRow } from '../../bench/report.js';

const row: ReportRow = {
  group: 'AMQP, 256 B',
  name: 'publish, CPU per event',
  unit: 'µs',
  ours: spread([12, 10, 11]),
  base: { name: 'bare rhea', spread: spread([20, 22, 40]) },
};

describe('the report of the benchmarks', () => {
  it('takes the median of the rounds, of an even number of them the middle between two', () => {
    expect(spread([9, 1, 5])).toEqual({ median: 5, low: 1, high: 9 });
    expect(spread([4, 1, 2, 9])).toEqual({ median: 3, low: 1, high: 9 });
  });

  it('holds the ratio of the medians against a goal from above and from below', () => {
    expect(ratioOf(row)).toBe(0.5);
    expect(isMet({ ...row, goal: { most: 0.5 } })).toBe(true);
    expect(isMet({ ...row, goal: { most: 0.49 } })).toBe(false);
    expect(isMet({ ...row, goal: { least: 0.5 } })).toBe(true);
    expect(isMet({ ...row, goal: { least: 0.51 } })).toBe(false);
    expect(isMet(row)).toBeUndefined();
  });

  it('holds the figure itself against the goal where there is nothing beside it', () => {
    const { base: _, ...alone } = row;
    expect(isMet({ ...alone, goal: { most: 11 } })).toBe(true);
    expect(isMet({ ...alone, goal: { most: 10 } })).toBe(false);
  });

  it('fails a run only where a ratio is above what is borne', () => {
    expect(isOverLimit({ ...row, limit: 0.5 })).toBe(false);
    expect(isOverLimit({ ...row, limit: 0.4 })).toBe(true);
    expect(isOverLimit(row)).toBe(false);
  });

  it('prints every row below its group, with what falls short said so', () => {
    const short = { ...row, name: 'consume, CPU per event', goal: { most: 0.3 } };
    const lines = table([{ ...row, goal: { most: 0.6 } }, short, { ...row, group: 'STOMP, 256 B' }]).split('\n');
    expect(lines.map((line) => line.replace(/ {2,}/g, ' | '))).toEqual([
      expect.stringMatching(/Tidings \| beside \| ratio \| goal$/),
      '',
      'AMQP, 256 B',
      'publish, CPU per event | 11 µs (10 to 12) | 22 µs (20 to 40) | bare rhea | 0.50 | at most 0.6',
      'consume, CPU per event | 11 µs (10 to 12) | 22 µs (20 to 40) | bare rhea | 0.50 | at most 0.3: FALLS SHORT',
      '',
      'STOMP, 256 B',
      'publish, CPU per event | 11 µs (10 to 12) | 22 µs (20 to 40) | bare rhea | 0.50',
    ]);
  });
});
