import { describe, expect, test } from '@jest/globals';
import { SharedLink, type Link } from '../../../src/targets/links/shared-link.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { waitUntil } from '../../../src/testing/wait-until.js';

const never = new AbortController().signal;

class FakeLink implements Link {
  isOpen = true;
  closes = 0;

  close(): Promise<void> {
    this.closes++;
    this.isOpen = false;
    return Promise.resolve();
  }
}

/** A connection that the test lets come about, or not. */
class World {
  readonly clock = new VirtualClock();
  readonly signals: AbortSignal[] = [];
  readonly links: FakeLink[] = [];
  opening: () => Promise<void> = () => Promise.resolve();
  readonly shared = new SharedLink<FakeLink>({
    name: 'the broker x of the rule r',
    timeoutMs: 1000,
    clock: this.clock,
    open: async (signal) => {
      this.signals.push(signal);
      await this.opening();
      const link = new FakeLink();
      this.links.push(link);
      return link;
    },
  });
}

describe('a connection that deliveries share', () => {
  test('is made once for those who come while it is made, and after', async () => {
    const { shared, links } = new World();
    const used = await Promise.all([1, 2, 3].map(() => shared.use(never, (link) => Promise.resolve(link))));
    used.push(await shared.use(never, (link) => Promise.resolve(link)));
    expect(new Set(used)).toEqual(new Set(links));
    expect(links).toHaveLength(1);
  });

  test('is made again after it was lost, and the lost one is ended', async () => {
    const { shared, links, signals } = new World();
    await shared.use(never, () => Promise.resolve());
    links[0]!.isOpen = false;
    await shared.use(never, () => Promise.resolve());
    expect(links).toHaveLength(2);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  test('is tried again after it could not be made; the error says whose and why', async () => {
    const world = new World();
    world.opening = () => Promise.reject(new Error('no such host'));
    const failing = world.shared.use(never, () => Promise.resolve());
    await expect(failing).rejects.toMatchObject({
      code: 'connection',
      message: 'the broker x of the rule r: no such host',
      retryable: true,
    });
    world.opening = () => Promise.resolve();
    await world.shared.use(never, () => Promise.resolve());
    expect(world.links).toHaveLength(1);
  });

  test('that is not made in time is given up, and nothing is done with it when it comes late', async () => {
    const world = new World();
    let come: () => void = () => undefined;
    world.opening = () => new Promise((resolve) => (come = resolve));
    let done = 0;
    const waiting = world.shared.use(never, () => Promise.resolve(done++));
    const failed = expect(waiting).rejects.toMatchObject({ message: expect.stringContaining('in 1000 ms'), retryable: true });
    await world.clock.advance(1100);
    await failed;
    expect(world.signals[0]!.aborted).toBe(true);
    come();
    await waitUntil(() => world.links.length === 1);
    world.opening = () => Promise.resolve();
    await world.shared.use(never, () => Promise.resolve());
    expect([done, world.links.length]).toEqual([0, 2]);
  });

  test('is ended by work that takes too long, for all', async () => {
    const { shared, clock, signals, links } = new World();
    const failed = expect(shared.use(never, () => new Promise(() => undefined))).rejects.toMatchObject({ code: 'send-timeout' });
    await waitUntil(() => links.length === 1);
    await clock.advance(1100);
    await failed;
    expect(signals[0]!.aborted).toBe(true);
  });

  test('stays when a delivery is ended, and what it wanted is not done when the connection comes later', async () => {
    const world = new World();
    let come: () => void = () => undefined;
    world.opening = () => new Promise((resolve) => (come = resolve));
    const ending = new AbortController();
    let done = 0;
    const ended = world.shared.use(ending.signal, () => Promise.resolve(done++));
    const other = world.shared.use(never, () => Promise.resolve('other'));
    ending.abort(new Error('enough'));
    await expect(ended).rejects.toThrow('enough');
    come();
    await expect(other).resolves.toBe('other');
    expect([done, world.signals[0]!.aborted]).toEqual([0, false]);
    await expect(world.shared.use(ending.signal, () => Promise.resolve())).rejects.toThrow('enough');
  });

  test('that nobody waits for any more is given up in time too', async () => {
    const world = new World();
    world.opening = () => new Promise(() => undefined);
    const ending = new AbortController();
    const ended = expect(world.shared.use(ending.signal, () => Promise.resolve())).rejects.toThrow('enough');
    ending.abort(new Error('enough'));
    await ended;
    expect(world.signals[0]!.aborted).toBe(false);
    await world.clock.advance(1100);
    expect(world.signals[0]!.aborted).toBe(true);
  });

  test('is closed in order, and in any case; afterwards nothing can be done with it', async () => {
    const { shared, links, signals, clock } = new World();
    await shared.use(never, () => Promise.resolve());
    links[0]!.close = () => new Promise(() => undefined);
    let closed = false;
    const closing = shared.close().then(() => (closed = true));
    await clock.advance(1000);
    expect(closed).toBe(false);
    await clock.advance(1100);
    await closing;
    expect(signals[0]!.aborted).toBe(true);
    await expect(shared.use(never, () => Promise.resolve())).rejects.toMatchObject({ code: 'not-running' });
    expect(clock.pending).toBe(0);
  });

  test('closes without ever having been made', async () => {
    const { shared, signals } = new World();
    await shared.close();
    expect(signals).toEqual([]);
  });
});
