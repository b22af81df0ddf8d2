import { describe, expect, it } from '@jest/globals';
import { cutAtRandomBytes } from '../campaigns/random-cuts.js';
import { seedOfTests } from '../support/random.js';
import { protocols } from '../support/artemis.js';

// 200 of each: npm run campaign -- cuts
const cuts = 60;

describe.each(protocols)('over $name, a connection cut at random byte offsets', ({ url }) => {
  it.each(['up', 'down'] as const)(
    `${String(cuts)} times, %s: loses no confirmed event, and nothing hangs or stays unhandled`,
    async (direction) => {
      const { confirmed } = await cutAtRandomBytes({ url: url(), direction, cuts, seed: seedOfTests() });
      expect(confirmed).toBeGreaterThan(cuts);
    },
    120_000,
  );
});
