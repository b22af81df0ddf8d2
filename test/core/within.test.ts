import { describe, expect, it } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { Deadlines } from '../../src/core/deadlines.js';
import { within } from '../../src/core/within.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

describe('a wait that was given up', () => {
  it.each(['deadline', 'aborted'] as const)(
    'by %s leaves nothing behind on its signal, nor a timer, though the promise never ends',
    async (how) => {
      const clock = new VirtualClock();
      const deadlines = new Deadlines(clock);
      const abort = new AbortController();
      const never = new Promise<void>(() => undefined);
      const waiting = within(never, deadlines, { at: clock.now() + 1_000, signal: abort.signal }, (why) => new Error(why));
      const told = waiting.catch((error: unknown) => error);
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1);
      if (how === 'aborted') abort.abort();
      await clock.advance(2_000);
      expect(await told).toEqual(new Error(how));
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
      expect(clock.pending).toBe(0);
    },
  );
});
