/** Asks or answers, as it is told, and reports to its parent. Dies with it. */
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventManager, eventListener, TidingsError } from '../../../src/index.js';
import type { Class } from '../../../src/index.js';
import { artemisProvider } from '../../support/artemis.js';
import { onceEach } from '../../support/world.js';
import { asking, type AskerReport, type Asked, type MemberNote, type MemberTask } from './ask.js';

const task = JSON.parse(process.argv[2] ?? '') as MemberTask;
const { Ask, Told } = asking(task.event);
const holdMs = 5;
/** Every so-manieth request fails. */
const failing = 20;

function tell(note: MemberNote): void {
  process.send?.(note);
}

@eventListener(Ask, { name: `${task.event}.answers` })
class Answers {
  async on({ from, n }: Asked): Promise<Asked> {
    await sleep(holdMs);
    if (n % failing === 0) throw new RangeError(`${from} ${String(n)}`);
    return new Told(from, n);
  }
}

const listeners: Class[] = task.asks === undefined ? [Answers] : [];
const manager = new EventManager({
  provider: artemisProvider(task.url, { reconnect: { initialDelayMs: 50, maxDelayMs: 500 } }),
  serviceName: 'requests-campaign',
  listeners,
  pipelines: [],
  logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  resolve: onceEach(),
});
process.once('disconnect', () => process.exit(1));
await manager.start();
tell({ kind: 'ready' });
if (task.asks !== undefined) tell({ kind: 'report', report: await askAll(task.asks) });

async function askAll({ clients, requests, timeoutMs }: NonNullable<MemberTask['asks']>): Promise<AskerReport> {
  const failures: Record<string, number> = {};
  const untyped: string[] = [];
  let [answered, wrong, remote, latestMs, next, done, early] = [0, 0, 0, 0, 0, 0, 0];
  const ask = async (n: number): Promise<void> => {
    const deadline = Date.now() + timeoutMs;
    try {
      const told = await manager.request(new Ask(task.name, n), Told, { timeoutMs });
      answered++;
      if (told.from !== task.name || told.n !== n || n % failing === 0) wrong++;
    } catch (error) {
      if (!TidingsError.is(error)) untyped.push(String(error));
      else if (error.code !== 'remote') failures[error.code] = (failures[error.code] ?? 0) + 1;
      else {
        remote++;
        if (error.message !== `${task.name} ${String(n)}`) wrong++;
      }
    }
    latestMs = Math.max(latestMs, Date.now() - deadline);
    done++;
    if (done === Math.floor(requests / 5)) early = heap();
    if (done % 20 === 0) tell({ kind: 'done', count: done });
  };
  const client = async (): Promise<void> => {
    while (next < requests) await ask(next++);
  };
  await Promise.all(Array.from({ length: clients }, client));
  const { requests: left } = manager.health();
  return {
    answered,
    wrong,
    remote,
    failures,
    untyped,
    latestMs,
    left,
    lateReplies: manager.counters().lateReplies,
    heapBytes: [early, heap()],
  };
}

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
