import { beforeEach, describe, expect, test } from '@jest/globals';
import { LinkCredit } from '../../../src/providers/amqp/link-credit.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';

/** What goes to the broker, in order. */
const written: (number | 'drain')[] = [];
let clock: VirtualClock;
let dry: number;
let credit: LinkCredit;

beforeEach(() => {
  written.length = 0;
  clock = new VirtualClock();
  dry = 0;
  const link = { addCredit: (n: number) => written.push(n), drain: () => written.push('drain') };
  credit = new LinkCredit(link, clock, () => dry++);
});

describe('the credit of a link', () => {
  test('is counted down by what comes, and runs dry with the last', () => {
    credit.give(2);
    credit.used();
    expect([credit.out, dry]).toEqual([1, 0]);
    credit.used();
    expect([credit.out, dry]).toEqual([0, 1]);
    credit.used();
    expect([credit.out, dry]).toEqual([0, 1]);
    expect(written).toEqual([2]);
  });

  test('is asked back until the broker answers, which forgets a request now and then', async () => {
    credit.give(3);
    credit.takeBack();
    credit.takeBack();
    expect(written).toEqual([3, 'drain']);
    await clock.advance(500);
    expect(written).toEqual([3, 'drain', 'drain', 'drain']);
    credit.drained();
    expect([credit.out, credit.takingBack, dry]).toEqual([0, false, 1]);
    await clock.advance(1_000);
    expect(written).toHaveLength(4);
    expect(clock.pending).toBe(0);
  });

  test('is not given while it is asked back, so that both sides agree on it; afterwards it is', () => {
    credit.give(3);
    credit.takeBack();
    credit.give(5);
    expect([credit.out, written]).toEqual([3, [3, 'drain']]);
    for (let i = 0; i < 3; i++) credit.used();
    expect([credit.out, credit.takingBack, dry]).toEqual([0, false, 1]);
    credit.give(5);
    expect([credit.out, written]).toEqual([5, [3, 'drain', 5]]);
  });

  test('that is not there is not asked back, and nothing is asked of a link that is gone', async () => {
    credit.takeBack();
    expect(written).toEqual([]);
    credit.give(1);
    credit.takeBack();
    credit.end();
    await clock.advance(1_000);
    expect([written, credit.out, credit.takingBack, clock.pending]).toEqual([[1, 'drain'], 0, false, 0]);
  });
});
