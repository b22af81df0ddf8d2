import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { event } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { ArtemisWorld, protocols } from '../support/artemis.js';
import { unique } from '../support/world.js';
import { ascending, numbers, Workers } from './processes/workers.js';

function numbered(name = unique('numbered')) {
  @event(name)
  class Numbered {
    readonly n: number = 0;
  }
  return { name, events: (many: number) => numbers(many).map((n) => Object.assign(new Numbered(), { n })) };
}

describe.each(protocols)('over $name', ({ name: protocol, url }) => {
  describe('a process killed inside a listener', () => {
    it('loses nothing: the event is handled by another', async () => {
      const { name, events } = numbered();
      const queue = unique('l');
      await using world = new ArtemisWorld(url());
      await using workers = new Workers();
      const first = await workers.start({ url: url(), event: name, listeners: [{ name: queue, holdMs: 60_000 }] });
      const manager = await world.started();
      await manager.sendEvents(events(1));
      await waitUntil(() => workers.begun.length === 1);
      await workers.start({ url: url(), event: name, listeners: [{ name: queue }] });
      workers.kill(first);
      await waitUntil(() => workers.handled.length === 1);
      expect(workers.handled[0]).toMatchObject({ worker: 1, n: 0, attempt: 1 });
    });

    // Over STOMP the campaigns and the tests of failing listeners show these.
    if (protocol === 'STOMP') return;

    it('at the first delivery of every 50th of 500 events loses none of them', async () => {
      const { name, events } = numbered();
      const queue = unique('l');
      const marks = await mkdtemp(join(tmpdir(), 'tidings-marks-'));
      await using world = new ArtemisWorld(url());
      await using workers = new Workers();
      const task = { url: url(), event: name, marks, listeners: [{ name: queue, concurrency: 5, dieAtEvery: 50 }] };
      await workers.start(task);
      const stop = workers.keepAlive(2, task);
      const manager = await world.started();
      await manager.sendEvents(events(500));
      await waitUntil(() => new Set(workers.handled.map(({ n }) => n)).size === 500, {
        timeoutMs: 60_000,
        what: () => `500 events; missing: ${missing(workers).join(' ')}`,
      });
      stop();
      expect(workers.ended).toBe(10);
      const queues = await world.queues();
      await waitUntil(async () => (await queues.count(`${name}::${queue}`)) === 0, { what: 'an empty queue' });
      // Each kill may repeat what its process had taken and not settled: running and prefetched ones.
      expect(workers.handled.length - 500).toBeLessThanOrEqual(10 * 10);
      await rm(marks, { recursive: true });
    });

    it('between two attempts keeps their count, and leaves the sibling alone', async () => {
      const { name, events } = numbered();
      const [failing, sibling] = [unique('failing'), unique('sibling')];
      await using world = new ArtemisWorld(url());
      await using workers = new Workers();
      const task = { url: url(), event: name, listeners: [{ name: failing, failUntilAttempt: 3 }, { name: sibling }] };
      const first = await workers.start(task);
      const manager = await world.started();
      await manager.sendEvents(events(1));
      await waitUntil(() => workers.begun.some(({ listener, attempt }) => listener === failing && attempt === 1));
      const queues = await world.queues();
      // The copy for attempt 2 stands at the broker, the original is gone, and so is the sibling's.
      await waitUntil(() => workers.by(sibling).length === 1);
      await waitUntil(async () => (await queues.count(`${name}::${sibling}`)) === 0);
      workers.kill(first);
      await workers.start(task);
      await waitUntil(() => workers.by(failing).length === 1);
      const attempts = workers.begun.filter(({ listener }) => listener === failing).map(({ attempt }) => attempt);
      // The kill may have come before or after the first attempt was settled; the count itself never jumps or starts again.
      expect([...new Set(attempts)]).toEqual([1, 2, 3]);
      expect(ascending(attempts)).toEqual(attempts);
      expect(workers.by(failing)[0]).toMatchObject({ attempt: 3 });
      expect(workers.begun.filter(({ listener }) => listener === sibling)).toHaveLength(1);
    });
  });

  describe('a process told to stop', () => {
    it('while 50 listeners run that do not end gives them back at its deadline, and has ended within a second', async () => {
      const { name, events } = numbered();
      const queue = unique('l');
      await using world = new ArtemisWorld(url());
      await using workers = new Workers();
      const stopDeadlineMs = 2_000;
      const task = { url: url(), event: name, stopDeadlineMs, listeners: [{ name: queue, concurrency: 50, holdMs: 600_000 }] };
      const first = await workers.start(task);
      const manager = await world.started();
      await manager.sendEvents(events(50));
      await waitUntil(() => workers.begun.length === 50);
      const before = Date.now();
      expect(await workers.terminate(first, stopDeadlineMs + 1_000)).toBe(0);
      expect(Date.now() - before).toBeGreaterThanOrEqual(stopDeadlineMs);
      await workers.start({ ...task, listeners: [{ name: queue }] });
      await waitUntil(() => workers.handled.length === 50);
      expect(ascending(workers.handled.map(({ n }) => n))).toEqual(numbers(50));
      expect(workers.handled.every(({ attempt }) => attempt === 1)).toBe(true);
    });

    it('twice ends at once, and loses nothing', async () => {
      const { name, events } = numbered();
      const queue = unique('l');
      await using world = new ArtemisWorld(url());
      await using workers = new Workers();
      const task = { url: url(), event: name, stopDeadlineMs: 600_000, listeners: [{ name: queue, holdMs: 600_000 }] };
      const first = await workers.start(task);
      const manager = await world.started();
      await manager.sendEvents(events(5));
      await waitUntil(() => workers.begun.length === 5);
      expect(await workers.terminateTwice(first)).toBe(143);
      await workers.start({ ...task, listeners: [{ name: queue }] });
      await waitUntil(() => workers.handled.length === 5);
    });

    it('finishes what runs, returns the rest, loses nothing and ends by itself', async () => {
      const { name, events } = numbered();
      const queue = unique('l');
      await using world = new ArtemisWorld(url());
      await using workers = new Workers();
      const task = { url: url(), event: name, listeners: [{ name: queue, concurrency: 4, holdMs: 300 }] };
      const first = await workers.start(task);
      const manager = await world.started();
      await manager.sendEvents(events(100));
      await waitUntil(() => workers.begun.length >= 4);
      expect(await workers.terminate(first)).toBe(0);
      const { length } = workers.handled;
      expect(workers.begun).toHaveLength(length);
      const queues = await world.queues();
      await waitUntil(async () => (await queues.count(`${name}::${queue}`)) === 100 - length, { what: 'the rest to be back on the queue' });
      await workers.start({ ...task, listeners: [{ name: queue }] });
      await waitUntil(() => workers.handled.length === 100);
      expect(ascending(workers.handled.map(({ n }) => n))).toEqual(numbers(100));
      expect(workers.handled.every(({ attempt }) => attempt === 1)).toBe(true);
    });

    it('hands over to its successor in a rolling restart without a double', async () => {
      const { name, events } = numbered();
      const queue = unique('l');
      await using world = new ArtemisWorld(url());
      await using workers = new Workers();
      const task = { url: url(), event: name, listeners: [{ name: queue, concurrency: 5, holdMs: 1 }] };
      const running = [await workers.start(task), await workers.start(task), await workers.start(task)];
      const manager = await world.started();
      const sending = manager.sendEvents(events(2000));
      for (const worker of running) {
        await workers.start(task);
        expect(await workers.terminate(worker)).toBe(0);
      }
      await sending;
      await waitUntil(() => workers.handled.length >= 2000, { timeoutMs: 30_000 });
      expect(ascending(workers.handled.map(({ n }) => n))).toEqual(numbers(2000));
    });
  });
});

function missing(workers: Workers): number[] {
  const seen = new Set(workers.handled.map(({ n }) => n));
  return numbers(500).filter((n) => !seen.has(n));
}
