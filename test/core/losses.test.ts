import { describe, expect, it } from '@jest/globals';
import { Losses } from '../../src/core/losses.js';
import type { Delivery } from '../../src/index.js';

function delivery(id: string | undefined, brokerCount: number): Delivery {
  const headers = new Map(id === undefined ? [] : [['tidings_id', id]]);
  return { message: { body: '', headers, durable: true }, brokerCount, settle: () => Promise.resolve('settled') };
}

describe('the suspicion against a message', () => {
  it('is the broker’s count for a process that has lost no connection', () => {
    const losses = new Losses(() => 0);
    expect([0, 1, 5, 6].map((count) => losses.suspicionOf(delivery('a', count)))).toEqual([0, 1, 5, 6]);
  });

  it('does not grow with connections that the process has lost and outlived, also when it saw nothing of the delivery', () => {
    let lost = 0;
    const losses = new Losses(() => lost);
    const after = (cuts: number, count: number): number => {
      lost += cuts;
      return losses.suspicionOf(delivery('a', count));
    };
    expect([after(1, 1), after(1, 2), after(3, 5), after(0, 6), after(1, 9)]).toEqual([0, 0, 0, 1, 3]);
  });

  it('begins anew with a message that was written anew', () => {
    let lost = 8;
    const losses = new Losses(() => lost);
    expect(losses.suspicionOf(delivery('a', 8))).toBe(0);
    expect(losses.suspicionOf(delivery('a', 1))).toBe(1);
    lost++;
    expect(losses.suspicionOf(delivery('a', 2))).toBe(1);
  });

  it('is counted in full where messages cannot be told apart', () => {
    const losses = new Losses(() => 5);
    expect([1, 2, 3].map((count) => losses.suspicionOf(delivery(undefined, count)))).toEqual([1, 2, 3]);
  });

  it('is known of the last 10 000 messages', () => {
    const losses = new Losses(() => 1);
    losses.suspicionOf(delivery('first', 2));
    for (let n = 0; n < 10_000; n++) losses.suspicionOf(delivery(String(n), 2));
    expect(losses.suspicionOf(delivery('9999', 3))).toBe(2);
  });
});
